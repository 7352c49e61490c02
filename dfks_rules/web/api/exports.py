"""What is stored, as an import takes it."""

from collections.abc import AsyncIterator, Sequence

from dfks_rules.operations.ports import Operations, Stored
from dfks_rules.operations.rows import CONTENT_TYPES, Format, head, told, written
from dfks_rules.operations.turns import Turns
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import MAX_LIMIT
from dfks_rules.web.parameters import DOMAIN, domains_of
from dfks_rules.web.table import Answer, Call, Operation, Parameter, Reply, Streamed, Where


async def export(call: Call) -> Answer | Streamed:
    """Every row, by domain and user."""
    domains = domains_of(call)
    of = call.given.get("format", Format.NDJSON)
    # What fails at once is told as a problem; later the answer can only break off.
    first = await call.operations.page(None, MAX_LIMIT, domains, None)
    headers = {"Content-Disposition": f'attachment; filename="features.{of.value}"'}
    return Streamed(_pieces(call.operations, of, domains, first), CONTENT_TYPES[of], headers)


async def _pieces(
    operations: Operations,
    of: Format,
    domains: frozenset[str] | None,
    page: Sequence[Stored],
) -> AsyncIterator[bytes]:
    turns = Turns()
    yield head(of)
    while page:
        lines = []
        for presentity, snapshot in page:
            lines += [written(of, row) for row in told(presentity, snapshot)]
            await turns.step()
        yield b"".join(lines)
        if len(page) < MAX_LIMIT:
            return
        page = await operations.page(page[-1].presentity, MAX_LIMIT, domains, None)


def _take_format(text: str) -> Format:
    try:
        return Format(text)
    except ValueError:
        message = phrase("`{text}` is neither `csv` nor `ndjson`", text=text[:40])
        raise ValueError(message) from None


OPERATIONS = (
    Operation(
        "exportFeatures",
        "GET",
        "/v1/export",
        Scope.BULK,
        "Writes what is stored as a file that an import takes.",
        export,
        (Reply(200, "Rows, by domain and user.", types=tuple(CONTENT_TYPES.values())),),
        (
            DOMAIN,
            Parameter(
                "format",
                Where.QUERY,
                "How rows are written.",
                {
                    "type": "string",
                    "enum": [of.value for of in Format],
                    "default": Format.NDJSON.value,
                },
                _take_format,
            ),
        ),
        problems=("not-found", "store-unavailable"),
        description="There is a row for each feature that is on or has values. What is stored "
        "meanwhile may or may not be among them.",
    ),
)
