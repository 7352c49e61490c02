"""What Prometheus is told."""

from dfks_rules.web.caller import Scope
from dfks_rules.web.table import Answer, Call, Operation, Reply


async def show(call: Call) -> Answer:
    """All of it; OpenMetrics if the Accept header asks for it."""
    scrape = await call.operations.exposition.scrape(call.accept)
    return Answer(scrape.body, headers={"Content-Type": scrape.content_type})


OPERATIONS = (
    Operation(
        "showMetrics",
        "GET",
        "/metrics",
        Scope.METRICS_READ,
        "Shows every metric, as Prometheus reads them.",
        show,
        (Reply(200, "The metrics.", types=("text/plain", "application/openmetrics-text")),),
        description="With `Accept: application/openmetrics-text` there are exemplars: ids of "
        "decisions.",
    ),
)
