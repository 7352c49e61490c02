"""What a first visit of a page takes over the wire, besides its data."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console

pytestmark = pytest.mark.browser

KB = 1024
MOST = {
    "overview": 26,
    "presentities": 27,
    "presentities/sip:alice@example.com": 27,
    "decisions": 26,
    "policies": 28,
    "playground": 30,
    "trace/sip:alice@example.com": 26,
    "nodes": 26,
    "integrations": 26,
}
"""Page → KB of code at most, without the editor."""
_WEIGHT = """() => performance.getEntriesByType("resource")
  .filter((one) => new URL(one.name).pathname.startsWith("/console/")
    && !/editor\\.js|completing\\.js|schema\\.json/.test(one.name))
  .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


@pytest.mark.parametrize("where", MOST)
def test_the_code_of_a_page_is_small(console: Console, visit: Visits, where: str) -> None:
    """It is there within a second on a bad line; the editor comes later, and is weighed apart."""
    page = visit(console).open(where)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_load_state("load")
    weight = page.evaluate(_WEIGHT)
    print(f"{where}: {weight} bytes")  # noqa: T201 - for those who look at figures
    assert 10 * KB < weight <= MOST[where] * KB
