"""A server that is stopped while somebody looks at it."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import console_server
from tests.helpers.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.long]
WHO = "sip:alice@example.com"


def test_a_server_that_is_back_is_shown_as_it_is(tmp_path: Path, visit: Visits) -> None:
    """Nothing is lost, and nothing has to be loaded again."""
    http = {"listen": f"127.0.0.1:{free_port()}"}
    with console_server(tmp_path, http=http) as console:
        visitor = visit(console)
        visitor.provoked |= {
            "net::ERR_CONNECTION_REFUSED",
            "net::ERR_CONNECTION_RESET",
            "net::ERR_EMPTY_RESPONSE",
            "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
        }
        page = visitor.open(f"presentities/{WHO}")
        events = visitor.open()
        third = visitor.open()
        live = page.locator(".live")
        lamp = page.get_by_role("article", name="Do not disturb")
        expect(live).to_have_attribute("data-state", "live")
        expect(events.locator(".live")).to_have_attribute("data-state", "live")
        expect(third.locator(".live")).to_have_attribute("data-state", "live")
        expect(lamp).to_have_attribute("data-on", "false")
        console.server.stop()
        expect(live).to_have_text("▲ Connection lost; trying again")
        expect(events.locator(".live")).to_have_attribute("data-state", "lost")
        expect(third.locator(".live")).to_have_attribute("data-state", "lost")
        third.get_by_role("link", name="Integrations").click()
        expect(third.locator(".live")).to_have_attribute("data-state", "off")
        third.close()
    with console_server(tmp_path, http=http) as console:
        console.set(WHO)
        expect(live).to_have_attribute("data-state", "live")
        expect(lamp).to_have_attribute("data-on", "true")
        console.set(WHO, "CallForwardingBusy", forwardTo="sip:bob@example.com")
        happening = events.get_by_role("group", name="Happening now")
        expect(happening).to_contain_text("sip:bob@example.com")
