"""A key that is pressed in a browser, as others see it."""

import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Visits
from tests.helpers.browser import SECONDS
from tests.helpers.consoles import Console

pytestmark = [pytest.mark.browser, pytest.mark.long]


def _lamp(page: Page, name: str = "Do not disturb") -> Locator:
    return page.get_by_role("article", name=name)


@contextmanager
def _phone(console: Console, who: str) -> Iterator["Queue[str]"]:
    """`dfks phone --watch` while the block runs: the lines that it prints."""
    command = [sys.executable, "-m", "dfks_rules", "phone", "--watch", who]
    command += ["--server", f"127.0.0.1:{console.server.ports['udp']}"]
    lines: Queue[str] = Queue()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = Thread(target=lambda: deque(map(lines.put, process.stdout or ()), 0))
        reader.start()
        try:
            yield lines
        finally:
            process.terminate()
            reader.join()


def _heard(lines: "Queue[str]", text: str) -> None:
    """Wait for a line with a text."""
    while text not in lines.get(timeout=SECONDS):
        pass


def test_a_key_pressed_in_one_tab_lights_another_and_the_phone_is_told(
    console: Console, visit: Visits, somebody: str
) -> None:
    """What the help desk presses is what the customer sees."""
    with _phone(console, somebody) as phone:
        _heard(phone, "watching")
        one, other = (visit(console).open(f"presentities/{somebody}") for _ in range(2))
        expect(other.locator(".live")).to_have_attribute("data-state", "live")
        expect(one.get_by_role("table")).to_contain_text(somebody)
        expect(_lamp(other)).to_have_attribute("data-on", "false")
        _lamp(one).get_by_role("button").click()
        expect(_lamp(other)).to_have_attribute("data-on", "true")
        expect(one.locator(".said")).to_contain_text("Do not disturb: on")
        _heard(phone, "DoNotDisturb           on")


def test_a_refusal_names_the_rule_and_the_reason_and_leads_to_why(
    console: Console, visit: Visits, somebody: str
) -> None:
    """A help desk has to tell the customer, and the author of the rule has to find it."""
    visitor = visit(console)
    visitor.provoked.add("403")
    page = visitor.open(f"presentities/{somebody}")
    key = _lamp(page, "Forward always")
    key.get_by_role("textbox").fill("+49900123")
    key.get_by_role("button").click()
    said = page.locator(".said")
    expect(said).to_contain_text("premium-number")
    expect(said).to_contain_text("house-rules/no-premium")
    expect(key).to_have_attribute("data-on", "false")
    said.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
    why = page.locator("section.card").last
    expect(why).to_contain_text("house-rules/no-premium")
    expect(why).to_contain_text("premium-number")
    expect(why.get_by_role("link", name=somebody)).to_be_visible()


def test_of_two_operators_who_press_at_once_one_is_told_that_it_was_changed(
    console: Console, visit: Visits, somebody: str
) -> None:
    """The other one's press would be undone unseen."""
    visitor = visit(console)
    visitor.provoked.add("412")
    page = visitor.open(f"presentities/{somebody}")
    expect(_lamp(page)).to_have_attribute("data-on", "false")

    def overtaken(route: Route) -> None:
        if route.request.method == "PUT":
            console.set(somebody)
        route.continue_()

    page.route("**/v1/presentities/*/features/*", overtaken)
    _lamp(page, "Forward when busy").get_by_role("textbox").fill("sip:bob@example.com")
    _lamp(page, "Forward when busy").get_by_role("button").click()
    expect(page.locator(".said")).to_contain_text("changed meanwhile")
    expect(_lamp(page)).to_have_attribute("data-on", "true")
    expect(_lamp(page, "Forward when busy")).to_have_attribute("data-on", "false")


HOSTILE = {
    "markup": '<img src="//evil.example/x" onerror="alert(1)">',
    "right-to-left": "שלום-gpj.exe",
    "long": "x" * 512,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_phone_sends_is_text(
    console: Console, visit: Visits, somebody: str, text: str
) -> None:
    """Targets are written by whoever has a phone, and read by whoever may do everything."""
    visitor = visit(console, viewport={"width": 390, "height": 800})
    page = visitor.open()
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    console.set(somebody, "CallForwardingBusy", forwardTo=text)
    shown = "→ " + text
    expect(page.get_by_role("group", name="Happening now")).to_contain_text(shown)
    for where in ("presentities", f"presentities/{somebody}", "decisions"):
        page.goto(visitor.at(where))
        expect(page.get_by_role("main")).to_contain_text(shown)
        assert page.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
