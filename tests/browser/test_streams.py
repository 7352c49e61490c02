"""Bridges and programs that listen, as an operator finds them at night."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.ami import scripted_asterisk
from tests.helpers.bridges import Http, ami_settings, bridge
from tests.helpers.consoles import Console, console_server, listening

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_a_bridge_is_seen_to_go_and_to_come_back(
    console: Console, visit: Visits, tmp_path: Path
) -> None:
    """Since when nobody hears, and how much it has missed."""
    api = Http(int(console.url.rpartition(":")[2]))
    page = visit(console).open("integrations")
    expect(page.get_by_text("No bridge or program that you may see listens")).to_be_visible()
    row = page.get_by_role("listitem").filter(has_text="Bridge asterisk")
    with scripted_asterisk() as asterisk:
        asterisk.add("201")
        settings = ami_settings(tmp_path, asterisk.port)
        with bridge(tmp_path, "asterisk", api, settings) as running:
            expect(row).to_contain_text("connected since")
            expect(row).to_contain_text("token api, from 127.0.0.1 · only: changed · example.com")
            running.kill()
            expect(row).to_contain_text("not connected: last seen")
            expect(row).to_contain_text("nothing has changed since then")
            api.set("201", "DoNotDisturb", status="on")
            expect(row).to_contain_text("1 change since then")
        with bridge(tmp_path, "asterisk", api, settings):
            expect(row).to_contain_text("came 2 times")
            expect(row.get_by_text("connected since", exact=False)).to_be_visible()
            expect(row).to_have_count(1)


def test_consoles_are_counted_and_not_missed(console: Console, visit: Visits) -> None:
    """They come and go as people like."""
    watching = visit(console).open("overview")
    expect(watching.locator(".live")).to_have_attribute("data-state", "live")
    page = visit(console, locale="de-DE").open("integrations")
    expect(page.get_by_text("Auch 1 Konsole hört mit.")).to_be_visible()
    watching.close()
    expect(page.get_by_text("Konsole")).to_have_count(0)


def test_a_tab_that_nobody_sees_listens_no_longer(tmp_path: Path, visit: Visits) -> None:
    """Browsers have six connections for all tabs of a server: the seventh tab showed nothing."""
    seen = (
        "(is) => { Object.defineProperty(document, 'hidden', { value: !is, configurable: true }); "
    )
    seen += "document.dispatchEvent(new Event('visibilitychange')); }"
    with console_server(tmp_path) as console:
        visitor = visit(console)
        page = visitor.open("presentities/sip:alice@example.com")
        expect(page.locator(".live")).to_have_attribute("data-state", "live")
        listing = visitor.open("integrations")
        expect(listing.get_by_text("1 console listens")).to_be_visible()
        page.evaluate(seen, False)
        expect(listing.get_by_text("console listens")).to_have_count(0)
        console.set("sip:alice@example.com")
        page.evaluate(seen, True)
        lamp = page.get_by_role("article", name="Do not disturb")
        expect(lamp).to_have_attribute("data-on", "true")
        expect(page.locator(".live")).to_have_attribute("data-state", "live")
        visitor.context.close()


def test_a_console_without_a_place_says_so(tmp_path: Path, visit: Visits) -> None:
    """It tries again, and is live once another has gone."""
    http = {"listen": "127.0.0.1:0", "streams_per_token": 1}
    with console_server(tmp_path, http=http) as console:
        visitor = visit(console)
        with listening(console.url, "greedy/1.0"):
            page = visitor.open("decisions")
            expect(page.locator(".live")).to_have_text("▲ Too many listeners; trying again")
            trace = visitor.open("trace/sip:alice@example.com")
            alert = trace.get_by_role("alert")
            expect(alert).to_contain_text("This token listens too often at the same time")
        expect(page.locator(".live")).to_have_attribute("data-state", "live")
        visitor.context.close()


def test_what_a_program_calls_itself_is_text(tmp_path: Path, visit: Visits) -> None:
    """A tenant's program may call itself as it likes."""
    name = "<img src=x onerror=alert(1)>"
    with console_server(tmp_path) as console, listening(console.url, name):
        page = visit(console).open("integrations")
        expect(page.get_by_role("listitem").filter(has_text=name)).to_be_visible()
