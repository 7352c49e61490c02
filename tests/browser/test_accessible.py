"""Pages for everybody: rules of axe-core, keyboards, two languages."""

from contextlib import suppress
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.axe import needs_axe, violated
from tests.helpers.browser import Visitor
from tests.helpers.consoles import Console

pytestmark = [pytest.mark.browser, pytest.mark.long]

WHO = "sip:alice@example.com"
PAGES = (
    "overview",
    "presentities",
    f"presentities/{WHO}",
    "presentities/sip:nobody@example.com",
    "decisions",
    "policies",
    "playground",
    f"trace/{WHO}",
    "integrations",
)


@pytest.fixture(scope="module", autouse=True)
def _happened(console: Console) -> None:
    """There is something on each page."""
    console.set(WHO)
    console.set(WHO, "CallForwardingNoAnswer", forwardTo="+49301234", ringCount=4)


def _shown(visitor: Visitor, where: str) -> Page:
    """A page with all that it shows."""
    page = visitor.open(where)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    if where == "playground":
        expect(page.locator(".cm-content")).to_be_visible()
    return page


@needs_axe
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
@pytest.mark.parametrize("where", PAGES)
def test_no_rule_of_accessibility_is_violated(
    console: Console, visit: Visits, where: str, locale: str
) -> None:
    """In either language: longer words need more room."""
    assert violated(_shown(visit(console, locale=locale), where)) == {}


def test_what_a_system_asks_for_is_done(console: Console, visit: Visits) -> None:
    """Colours of its own, and nothing that moves."""
    page = _shown(visit(console, forced_colors="active", reduced_motion="reduce"), "overview")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert page.evaluate("document.getAnimations().length") == 0
    page = _shown(visit(console, forced_colors="active"), f"presentities/{WHO}")
    on = page.get_by_role("article", name="Do not disturb")
    assert on.evaluate("(it) => getComputedStyle(it).borderTopWidth") == "3px"


_LEFT_OVER = """async () => {
  const of = new URL(document.querySelector("script[src]").src);
  const pairs = Object.values((await import(new URL("words.js", of).href)).WORDS);
  const german = new Set(pairs.map((one) => one[1]));
  const english = new Set(pairs.map((one) => one[0]).filter((one) => !german.has(one)));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    if (english.has(text)) found.push(text);
  }
  return found;
}"""


@pytest.mark.parametrize("where", PAGES)
def test_german_is_complete(console: Console, visit: Visits, where: str) -> None:
    """Half a translation is worse than none."""
    page = _shown(visit(console, locale="de-DE"), where)
    assert page.evaluate("document.documentElement.lang") == "de"
    assert page.evaluate(_LEFT_OVER) == []


def test_an_explanation_is_german_too(console: Console, visit: Visits) -> None:
    """The names of rules are what they are; why one was not used is a sentence."""
    with suppress(HTTPError):
        console.set("sip:dora@example.com", "CallForwardingAlways", forwardTo="+49900123")
    page = _shown(visit(console, locale="de-DE"), "decisions")
    page.get_by_role("row").filter(has_text="premium-number").get_by_role("link").click()
    why = "nicht verwendet: house-rules/no-premium verweigert"
    expect(page.get_by_text(why).first).to_be_visible()


def test_all_is_done_by_keyboard(console: Console, visit: Visits) -> None:
    """Some have no mouse, some no use for one."""
    visitor = visit(console)
    page = visitor.open()
    expect(page.get_by_role("heading", name="Is it well?")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page = visitor.open("presentities")
    expect(page.get_by_label("Address")).to_be_focused()
    page.keyboard.type("bob@example.com")
    page.keyboard.press("Enter")
    key = page.get_by_role("article", name="Do not disturb")
    button = key.get_by_role("button")
    expect(button).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if button.evaluate("(it) => it === document.activeElement"):
            break
    expect(button).to_be_focused()
    page.keyboard.press("Space")
    expect(key).to_have_attribute("data-on", "true")
    expect(button).to_have_text("Switch off")
    expect(button).to_be_focused()
