"""Counters since the start."""

from dfks_rules.web.caller import Scope
from dfks_rules.web.schemas import ref
from dfks_rules.web.table import Answer, Call, Operation, Reply


async def show(call: Call) -> Answer:
    """All of them."""
    return Answer(dict(sorted(call.operations.statistics().items())))


OPERATIONS = (
    Operation(
        "showStatistics",
        "GET",
        "/v1/statistics",
        Scope.METRICS_READ,
        "Shows every counter.",
        show,
        (Reply(200, "The counters.", ref("Statistics")),),
    ),
)
