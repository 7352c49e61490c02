"""Whether the server is alive, and whether it can serve."""

from dfks_rules.operations.ports import Readiness
from dfks_rules.web.schemas import ref
from dfks_rules.web.table import Answer, Call, Operation, Reply

_WORST_LAST = (Readiness.OK, Readiness.DRAINING, Readiness.FAILING)


async def live(_call: Call) -> Answer:
    """The event loop turns, else nobody would answer."""
    return Answer({"status": "ok"})


async def ready(call: Call) -> Answer:
    """Whether the store can be written, policies are in force, and a node takes new phones."""
    checks = dict(call.operations.readiness())
    status = max(checks.values(), key=_WORST_LAST.index, default=Readiness.OK)
    told = {name: one.value for name, one in checks.items()}
    code = 200 if status is Readiness.OK else 503
    return Answer({"status": status.value, "checks": told}, code)


OPERATIONS = (
    Operation(
        "checkHealth",
        "GET",
        "/healthz",
        None,
        "Answers while the server is alive.",
        live,
        (Reply(200, "The server is alive.", ref("Health")),),
    ),
    Operation(
        "checkReadiness",
        "GET",
        "/readyz",
        None,
        "Says whether the server can serve: the store takes changes, policies are in force, and a "
        "node of several neither drains nor is cut off from the database.",
        ready,
        (
            Reply(200, "It can serve.", ref("Health")),
            Reply(503, "It cannot serve, or drains.", ref("Health")),
        ),
    ),
)
