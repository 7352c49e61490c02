"""Pages for everybody: rules of axe-core, keyboards, two languages.

axe-core is licensed under the MPL 2.0. It comes by `npm ci --prefix deploy/console`, and is no part
of the project.
"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.browser import Visitor
from tests.helpers.consoles import Console
from tests.helpers.server import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.long]

AXE = ROOT / "deploy/console/node_modules/axe-core/axe.min.js"
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
WIDTHS = {"1280": 1280, "1280 at 200 %": 640, "390": 390, "390 at 200 %": 195}
"""What is seen → pixels of CSS."""
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "preload": False,
    "resultTypes": ["violations"],
}
_FOUND = """async (rules) => (await axe.run(document, rules)).violations.flatMap(
  (one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`))"""


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


@pytest.mark.skipif(not AXE.is_file(), reason="needs `npm ci --prefix deploy/console`")
@pytest.mark.parametrize("where", PAGES)
def test_no_rule_of_accessibility_is_violated(console: Console, visit: Visits, where: str) -> None:
    """In light and dark, at a desk, on a telephone, and enlarged; nothing is beside the screen."""
    page = _shown(visit(console), where)
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 800})
            wrong = page.evaluate(_FOUND, _RULES)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if width >= 320 and wide > width:
                wrong.append(f"sideways: {wide} px")
            if wrong:
                found[f"{scheme}, {name}"] = wrong
    assert found == {}


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
