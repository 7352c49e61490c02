"""`GET /metrics`."""

from types import SimpleNamespace
from typing import Any

from dfks_rules.operations.ports import Scrape
from dfks_rules.web.api.metrics import OPERATIONS, show
from dfks_rules.web.budget import SHARE, SHARE_OF_WATCHING, Budget
from dfks_rules.web.caller import LOCAL, Scope
from dfks_rules.web.table import Call


class _Exposition:
    """Says what it was asked for."""

    async def scrape(self, accept: str) -> Scrape:
        """One line."""
        return Scrape(f"text/of {accept}", b"dfks_x 1\n")


async def test_scrape_is_answered_in_the_format_that_was_asked_for() -> None:
    """Its content type says which."""
    operations: Any = SimpleNamespace(exposition=_Exposition())
    stream: Any = None
    answer = await show(Call({}, None, LOCAL, operations, "openmetrics", stream, ""))
    assert answer.body == b"dfks_x 1\n"
    assert answer.headers == {"Content-Type": "text/of openmetrics"}


def test_metrics_need_a_scope_where_there_are_tokens() -> None:
    """Names of rules are nobody else's business."""
    (operation,) = OPERATIONS
    assert (operation.path, operation.scope) == ("/metrics", Scope.METRICS_READ)


def test_scrape_gets_through_when_others_have_used_up_their_share() -> None:
    """Otherwise a busy server would look as if it were down."""
    budget = Budget(100)
    assert budget.admits("crm", 10.0)
    budget.spend(SHARE)
    assert not budget.admits("crm", 10.1)
    assert budget.admits("prometheus", 10.1, SHARE_OF_WATCHING)
    budget.spend(SHARE_OF_WATCHING)
    assert not budget.admits("prometheus", 10.2, SHARE_OF_WATCHING)
    assert budget.admits("prometheus", 11.2, SHARE_OF_WATCHING)
