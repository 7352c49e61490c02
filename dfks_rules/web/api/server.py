"""Whether the server is alive, and whether it can serve."""

from dfks_rules.web.schemas import ref
from dfks_rules.web.table import Answer, Call, Operation, Reply


async def live(_call: Call) -> Answer:
    """The event loop turns, else nobody would answer."""
    return Answer({"status": "ok"})


async def ready(call: Call) -> Answer:
    """Whether the store can be written, and policies are in force."""
    checks = dict(call.operations.readiness())
    is_ready = all(checks.values())
    told = {name: "ok" if good else "failing" for name, good in checks.items()}
    status = "ok" if is_ready else "failing"
    return Answer({"status": status, "checks": told}, 200 if is_ready else 503)


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
        "Says whether the server can serve: the store takes changes, and policies are in force.",
        ready,
        (Reply(200, "It can serve.", ref("Health")), Reply(503, "It cannot serve.", ref("Health"))),
    ),
)
