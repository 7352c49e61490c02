"""Names that somebody chose to do harm, or unknowingly: they are text, and links work."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console, console_server
from tests.helpers.ua import Ua

pytestmark = [pytest.mark.browser, pytest.mark.long]

MARKUP = "<img src=x onerror=alert(1)>"
USERS = {
    "slash": "a%2Fb/c",
    "hash": "a#b%23c",
    "question": "a?b=c&d",
    "percent": "a%",
    "line": "a%0D%0Ab",
    "quote": "a'b`c${d}",
    "back": "a\\b",
    "semicolon": "a;b=c",
    "right-to-left": "שלום",
    "emoji": "😀",
    "markup": "%3Cimg%20src=x%3E",
    "long": "x" * 490,
}
RULE = f"""
  - id: no-busy
    description: "{MARKUP}"
    when: {{op: set, feature: CallForwardingBusy, request.status: 1}}
    then: {{deny: {{reason: busy, text: "{MARKUP}"}}}}
"""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Everybody has a key pressed, and one refused."""
    folder = tmp_path_factory.mktemp("console")
    with console_server(folder) as running:
        running.rules.write_text(running.rules.read_text() + RULE)
        running.ask("POST", "policies/reload")
        yield running


def _is_text(page: Page, text: str) -> None:
    expect(page.get_by_role("main")).to_contain_text(text)
    assert page.locator("main img, main script, main b").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_whatever_a_user_is_called_each_page_shows_him_and_leads_to_him(
    console: Console, visit: Visits, user: str
) -> None:
    """Names are opaque: a page that cuts them at a slash shows somebody else."""
    who = f"sip:{user}@example.com"
    visitor = visit(console, viewport={"width": 390, "height": 800})
    visitor.provoked.add("403")
    page = visitor.open()
    expect(page.get_by_role("heading", name="Happening now")).to_be_visible()
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    console.ask(
        "PUT", f"presentities/{quote(who, safe='')}/features/DoNotDisturb", {"status": "on"}
    )
    _is_text(page, who)
    page.get_by_role("link", name=who, exact=True).first.click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text(who)
    page.reload()
    lamp = page.get_by_role("article", name="Do not disturb")
    expect(lamp).to_have_attribute("data-on", "true")
    lamp.get_by_role("button").click()
    expect(lamp).to_have_attribute("data-on", "false")
    _is_text(page, who)
    page.get_by_role("link", name="Trace").last.click()
    expect(page.get_by_role("link", name=who, exact=True)).to_be_visible()
    _is_text(page, who)
    page.goto(visitor.at("decisions"))
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=who, exact=True))
    row.first.get_by_role("link").click()
    page.locator("section.card").last.get_by_role("link", name=who, exact=True).click()
    expect(heading).to_contain_text(who)
    page.goto(visitor.at("presentities"))
    page.get_by_role("link", name=who, exact=True).click()
    expect(heading).to_contain_text(who)


def test_what_rules_phones_and_targets_say_is_text(
    console: Console, visit: Visits, somebody: str
) -> None:
    """Their authors are others than those who look."""
    visitor = visit(console, viewport={"width": 390, "height": 800})
    visitor.provoked.add("403")
    trace = visitor.open(f"trace/{somebody}")
    expect(trace.get_by_role("status").filter(has_text="appears here")).to_be_visible()
    with Ua(console.server.ports["udp"], somebody) as phone:
        phone.accepted(phone.exchange(User_Agent=MARKUP))
        phone.notify()
        trace.locator(".ladder summary").first.press("Enter")
        expect(trace.locator("pre").first).to_contain_text(f"User-Agent: {MARKUP}")
        _is_text(trace, MARKUP)
        page = visitor.open(f"presentities/{somebody}")
        key = page.get_by_role("article", name="Forward when busy")
        key.get_by_role("textbox").fill(MARKUP)
        key.get_by_role("button").click()
        expect(page.locator(".said")).to_contain_text("busy")
        page.locator(".said").get_by_role("link").click()
        page.get_by_text("Facts", exact=True).click()
        _is_text(page, MARKUP)
        page.get_by_text("In words", exact=True).click()
        _is_text(page, MARKUP)
        page.get_by_role("link", name="Open in the playground").click()
        expect(page.get_by_role("textbox", name="request.forwardTo")).to_have_value(MARKUP)
        assert page.locator("img").count() == 0
