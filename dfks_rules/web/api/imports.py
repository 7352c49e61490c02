"""Many features set from a file, each through the policies."""

from dfks_rules.operations.imports import (
    MAX_SIZE,
    Imports,
    Job,
    Status,
    TooManyError,
    Wanted,
    job_told,
    may_see,
    refusal_told,
)
from dfks_rules.operations.rows import CONTENT_TYPES, NEEDED, Format
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT, after_parameter, cursor, page, page_schema
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import (
    COMPONENTS,
    FEATURE,
    TEXT,
    TIME,
    nullable,
    record,
    ref,
)
from dfks_rules.web.table import Answer, Body, Call, Operation, Parameter, Reply, Where

_OF_TYPE = {kind: of for of, kind in CONTENT_TYPES.items()}
_COUNT = {"type": "integer", "minimum": 0}

COMPONENTS["Import"] = record(
    {
        "id": TEXT,
        "status": {"type": "string", "enum": [status.value for status in Status]},
        "format": {"type": "string", "enum": [of.value for of in Format]},
        "dryRun": {"type": "boolean"},
        "actor": TEXT | {"description": "Name of the token that asked for it."},
        "begunAt": TIME,
        "endedAt": nullable(TIME),
        "sha256": TEXT | {"description": "Of the file, hexadecimal."},
        "size": _COUNT | {"description": "Bytes of the file."},
        "position": _COUNT | {"description": "Bytes that are done."},
        "rows": _COUNT | {"description": "Rows that are done."},
        "changed": _COUNT | {"description": "Sets that changed something, or would."},
        "unchanged": _COUNT | {"description": "Sets of what held already."},
        "refused": _COUNT | {"description": "Sets that a policy refused, or would."},
        "unusable": _COUNT | {"description": "Rows that say nothing that can be set."},
        "why": nullable(TEXT) | {"description": "Why it failed."},
    }
)
COMPONENTS["ImportRefusal"] = record(
    {
        "row": _COUNT | {"description": "Number of the row; the first after a header is 1."},
        "presentity": nullable(TEXT),
        "feature": nullable(FEATURE),
        "reason": TEXT | {"description": "Of the policy; `unusable`: the row cannot be used."},
        "rule": nullable(TEXT),
        "text": nullable(TEXT),
        "decision": nullable(TEXT),
    }
)


async def create(call: Call) -> Answer:
    """A file is taken; the import begins when those before it have ended."""
    wanted = Wanted(
        _OF_TYPE[call.content_type],
        call.given.get("dryRun", False),
        call.caller.name,
        call.caller.domains,
        call.door.needs_token,
    )
    try:
        job = await call.operations.imports.receive(wanted, call.stream.pieces())
    except TooManyError:
        detail = phrase("too many imports wait already, in all or of this token")
        raise Problem("too-many-requests", detail) from None
    except ValueError as error:
        raise Problem("invalid-body", str(error), errors=[]) from error
    return Answer(job_told(job), 202, {"Location": f"/v1/imports/{job.id}"})


async def list_(call: Call) -> Answer:
    """Those of the last time."""
    jobs = await call.operations.imports.jobs()
    found = [job for job in jobs if may_see(job, call.caller.domains)]
    return Answer(page([job_told(job) for job in found], None))


async def show(call: Call) -> Answer:
    """How far one is."""
    _, job = await _job(call)
    return Answer(job_told(job), headers={"Cache-Control": "no-store"})


async def refusals(call: Call) -> Answer:
    """One page of what came to nothing, by row."""
    imports, job = await _job(call)
    limit = call.given.get("limit", DEFAULT_LIMIT)
    row, part = call.given.get("after", (0, 0))
    found = await imports.refusals(job.id, (row, part), limit + 1)
    rows = [refusal_told(one) for one in found[:limit]]
    if len(found) <= limit:
        return Answer(page(rows, None))
    last = found[limit - 1]
    return Answer(page(rows, cursor(last.row, last.part)))


async def cancel(call: Call) -> Answer:
    """What is done stays."""
    imports, job = await _job(call)
    try:
        return Answer(job_told(await imports.cancel(job.id)))
    except KeyError as error:
        raise Problem("not-found", phrase("there is no such import")) from error


async def _job(call: Call) -> tuple[Imports, Job]:
    imports = call.operations.imports
    for job in await imports.jobs():
        if job.id == call.given["id"] and may_see(job, call.caller.domains):
            return imports, job
    raise Problem("not-found", phrase("there is no such import"))


def take_flag(text: str) -> bool:
    """`true` or `false`.

    Raises:
        ValueError: it is neither.
    """
    if text not in ("true", "false"):
        message = phrase("`{text}` is neither `true` nor `false`", text=text[:40])
        raise ValueError(message)
    return text == "true"


def _take_id(text: str) -> str:
    return text[:100]


_DRY_RUN = Parameter(
    "dryRun",
    Where.QUERY,
    "`true`: only decide what would come of each row, as things are; nothing is set.",
    {"type": "boolean", "default": False},
    take_flag,
)
_ID = Parameter(
    "id",
    Where.PATH,
    "The `id` of an import.",
    {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[0-9a-f]+$"},
    _take_id,
)
_KEPT = ("not-kept", "store-unavailable")

OPERATIONS = (
    Operation(
        "createImport",
        "POST",
        "/v1/imports",
        Scope.BULK,
        "Sets features from a file, each row if the policies allow it.",
        create,
        (
            Reply(
                202,
                "The import has begun, or waits for its turn.",
                ref("Import"),
                headers=("Location",),
            ),
        ),
        (_DRY_RUN,),
        Body(None, tuple(CONTENT_TYPES.values()), most=MAX_SIZE),
        ("invalid-body", "too-slow", *_KEPT),
        f"At most {MAX_SIZE >> 20} MiB. CSV begins with a line that names its columns, at least "
        f"{', '.join(f'`{name}`' for name in NEEDED)}; a line of NDJSON is an object with the same "
        "names. A refusal is noted and does not stop the others. An import goes on after a "
        "restart, and at another node where its own has ended.",
        {"show": ("showImport", {"id": "$response.body#/id"})},
    ),
    Operation(
        "listImports",
        "GET",
        "/v1/imports",
        Scope.BULK,
        "Lists recent imports, the newest first.",
        list_,
        (Reply(200, "Imports.", page_schema("Import")),),
        problems=_KEPT,
    ),
    Operation(
        "showImport",
        "GET",
        "/v1/imports/{id}",
        Scope.BULK,
        "Shows how far an import is, and what came of it.",
        show,
        (Reply(200, "The import.", ref("Import")),),
        (_ID,),
        problems=("not-found", *_KEPT),
    ),
    Operation(
        "listImportRefusals",
        "GET",
        "/v1/imports/{id}/refusals",
        Scope.BULK,
        "Lists the rows of an import that came to nothing, and why.",
        refusals,
        (Reply(200, "A page of the list.", page_schema("ImportRefusal")),),
        (_ID, after_parameter(int, int), LIMIT),
        problems=("not-found", *_KEPT),
    ),
    Operation(
        "cancelImport",
        "DELETE",
        "/v1/imports/{id}",
        Scope.BULK,
        "Ends an import; the rows that are done stay done.",
        cancel,
        (Reply(200, "The import.", ref("Import")),),
        (_ID,),
        problems=("not-found", *_KEPT),
    ),
)
