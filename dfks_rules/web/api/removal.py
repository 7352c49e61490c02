"""A presentity is deleted: somebody has left."""

from dfks_rules.operations.ports import Sets
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import AOR, IF_MATCH, PARAM
from dfks_rules.web.schemas import ref
from dfks_rules.web.states import etag, refused, result_told
from dfks_rules.web.table import Answer, Call, Operation, Reply


async def delete(call: Call) -> Answer:
    """All features are off, and their values are forgotten, or nothing changes."""
    given = call.given
    result = await call.operations.remove(
        Sets(given["aor"], (), given.get("Dfks-Param"), call.caller.name, given.get("If-Match"))
    )
    if result.outcomes[0].decision.denial is not None:
        raise refused(result)
    results = [
        result_told(result, number)
        for number, outcome in enumerate(result.outcomes)
        if outcome.changed
    ]
    told = {"presentity": given["aor"].uri, "revision": result.revision, "results": results}
    return Answer(told, headers={"ETag": etag(result.revision)})


OPERATIONS = (
    Operation(
        "deletePresentity",
        "DELETE",
        "/v1/presentities/{aor}",
        Scope.FEATURES_WRITE,
        "Switches off all features of a presentity and forgets their values, if the policies "
        "allow it.",
        delete,
        (Reply(200, "What was switched off.", ref("SetResults"), headers=("ETag",)),),
        (AOR, IF_MATCH, PARAM),
        problems=(
            "refused-by-policy",
            "changed-meanwhile",
            "conflict",
            "store-unavailable",
        ),
        description="Each feature that is on or has values is decided on as a set to off; where "
        "one is refused, nothing changes. Watchers are told, and the journal has the change with "
        "the name of the token. Subscriptions go on. The revision stays and rises, so that an "
        "ETag is never used twice; the journal forgets after `journal.keep`.",
    ),
)
