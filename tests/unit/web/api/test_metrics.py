"""`GET /metrics`."""

from pathlib import Path

from dfks_rules.web.budget import SHARE, SHARE_OF_WATCHING, Budget
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api, token_file


async def test_scrape_is_answered_in_the_format_that_was_asked_for() -> None:
    """Its content type says which."""
    async with api(MemoryOperations()) as web:
        got = await web.ask("GET", "/metrics", Accept="application/openmetrics-text")
    assert (got.status, got.headers["Content-Type"]) == (200, "text/plain")
    assert got.body == b"# application/openmetrics-text\n"


async def test_metrics_need_a_scope_where_there_are_tokens(tmp_path: Path) -> None:
    """Names of rules are nobody else's business."""
    tokens = token_file(tmp_path, prometheus=(["metrics:read"], []), crm=(["features:read"], []))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        assert (await web.ask("GET", "/metrics")).status == 401
        web.token = tokens["crm"]
        assert (await web.ask("GET", "/metrics")).kind == "scope-missing"
        web.token = tokens["prometheus"]
        assert (await web.ask("GET", "/metrics")).status == 200


async def test_scrape_gets_through_when_others_have_used_up_their_share() -> None:
    """Otherwise a busy server would look as if it were down."""
    async with api(MemoryOperations()) as web:
        assert (await web.ask("GET", "/v1/statistics")).status == 200
        web.server._budget.spend("api", SHARE)
        assert (await web.ask("GET", "/v1/presentities")).kind == "too-many-requests"
        assert (await web.ask("GET", "/metrics")).status == 200


def test_watching_has_an_end_too() -> None:
    """Phones come first."""
    budget = Budget(100)
    budget.admits("prometheus", 10.0)
    budget.spend("api", SHARE_OF_WATCHING)
    assert not budget.admits("prometheus", 10.1, SHARE_OF_WATCHING)
    assert budget.admits("prometheus", 11.2, SHARE_OF_WATCHING)
