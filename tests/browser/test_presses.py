"""A key that is pressed in a browser, as others see it."""

import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visits
from tests.helpers.browser import SECONDS
from tests.helpers.consoles import Console

pytestmark = pytest.mark.browser


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
