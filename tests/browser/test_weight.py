"""What a first visit of a page takes over the wire, besides its data."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console

pytestmark = pytest.mark.browser

_WEIGHT = """() => performance.getEntriesByType("resource")
  .filter((one) => new URL(one.name).pathname.startsWith("/console/")
    && !/editor\\.js|schema\\.json/.test(one.name))
  .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


@pytest.mark.parametrize(
    "where",
    ["overview", "presentities/sip:alice@example.com", "decisions", "policies", "playground"],
)
def test_the_code_of_a_page_is_small(console: Console, visit: Visits, where: str) -> None:
    """It is there within a second on a bad line; the editor comes later, and is weighed apart."""
    page = visit(console).open(where)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("load")
    weight = page.evaluate(_WEIGHT)
    assert 10_000 < weight <= (44 if where == "playground" else 38) * 1000, weight
