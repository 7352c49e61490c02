"""What passes between a server and a phone, in a browser."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console
from tests.helpers.ua import Ua, dnd

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_a_trace_shows_messages_and_what_was_decided_between_them(
    console: Console, visit: Visits, somebody: str, tmp_path: Path
) -> None:
    """Who looks for a fault sees both at once, and hands them on."""
    page = visit(console).open(f"trace/{somebody}")
    expect(page.get_by_role("status").filter(has_text="appears here")).to_be_visible()
    with Ua(console.server.ports["udp"], somebody) as phone:
        phone.subscribe()
        phone.subscribe(dnd(True))
        ladder = page.locator(".ladder")
        expect(ladder).to_contain_text("SUBSCRIBE sip:")
        expect(ladder).to_contain_text("SIP/2.0 200 OK")
        expect(ladder).to_contain_text("NOTIFY sip:")
        ladder.locator("summary").first.press("Enter")
        expect(ladder.locator("pre").first).to_contain_text("Event: as-feature-event")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("The trace is over")).to_be_visible()
    with page.expect_download() as kept:
        page.get_by_role("button", name="For Wireshark").click()
    kept.value.save_as(tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a", "the magic of pcapng"
    ladder.get_by_role("link").last.click()
    expect(page.locator("section.card").last).to_contain_text(somebody)
