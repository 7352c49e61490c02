"""Somebody who knows half of what he looks for, or has it in another shape."""

from contextlib import suppress
from urllib.error import HTTPError

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_an_extension_is_enough_where_its_domain_is_known(console: Console, visit: Visits) -> None:
    """A customer on the phone says 201, and nothing else."""
    page = visit(console).open("presentities?domain=example.com")
    page.get_by_label("Address").fill("201")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("sip:201@example.com")


def test_an_address_of_any_shape_is_live(console: Console, visit: Visits) -> None:
    """It was compared with events letter by letter, and the page stood still."""
    visitor = visit(console)
    page = visitor.open("presentities/carla@Example.COM")
    decisions = visitor.open("decisions?presentity=carla@Example.COM")
    for one in (page, decisions):
        expect(one.locator(".live")).to_have_attribute("data-state", "live")
    expect(decisions.get_by_text("Nothing has been decided yet")).to_be_visible()
    console.set("sip:carla@example.com")
    lamp = page.get_by_role("article", name="Do not disturb")
    expect(lamp).to_have_attribute("data-on", "true")
    expect(decisions.get_by_role("row")).to_contain_text("sip:carla@example.com")


def test_what_is_no_address_is_said_once(console: Console, visit: Visits) -> None:
    """Each part of the page said so."""
    page = visit(console).open("presentities/nonsense")
    expect(page.get_by_role("alert").filter(has_text="not an address")).to_have_count(1)
    expect(page.get_by_label("Address")).to_have_value("nonsense")


def test_the_id_of_a_decision_opens_it(console: Console, visit: Visits) -> None:
    """A log line or a ticket has nothing else."""
    with suppress(HTTPError):
        console.set("sip:emil@example.com", "CallForwardingAlways", forwardTo="+49900123")
    asked = "decisions?presentity=sip:emil@example.com&effect=deny"
    [id_] = [one["id"] for one in console.ask("GET", asked)["items"]]
    page = visit(console).open("decisions")
    page.get_by_label("Presentity, or id of a decision").fill(f" {id_} ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("refused premium-number")


@pytest.mark.parametrize("where", ["decisions", "presentities/sip:fred@example.com"])
def test_a_telephone_shows_rows_whole(console: Console, visit: Visits, where: str) -> None:
    """What came of it stood beyond the edge."""
    console.set("sip:fred@example.com", "CallForwardingBusy", forwardTo="sip:voicemail@example.com")
    page = visit(console, viewport={"width": 390, "height": 800}).open(where)
    row = page.get_by_role("row").filter(has_text="sip:voicemail@example.com").first
    expect(row).to_be_visible()
    box = row.locator("td").last.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
