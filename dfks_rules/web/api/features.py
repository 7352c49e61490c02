"""Features are set, as an operator sets them: the same policies apply as to phones."""

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Asked
from dfks_rules.operations.ports import SetResult, Sets
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import AOR, FEATURE, IF_MATCH, PARAM
from dfks_rules.web.schemas import ref
from dfks_rules.web.states import etag, refused, result_told, state_asked
from dfks_rules.web.table import Answer, Body, Call, Operation, Parameter, Reply, Where

_STRICT = "handling=strict"


async def put(call: Call) -> Answer:
    """One feature is set."""
    feature = call.given["feature"]
    result = await _set(call, (Asked(feature, state_asked(feature, call.body)),))
    if result.outcomes[0].decision.denial is not None:
        raise refused(result)
    told = {
        "presentity": call.given["aor"].uri,
        "revision": result.revision,
        "result": result_told(result, 0),
    }
    return Answer(told, headers={"ETag": etag(result.revision)})


async def patch(call: Call) -> Answer:
    """Several features are set, in order; one NOTIFY tells of all of them."""
    asked = tuple(
        Asked(Feature(name), state_asked(Feature(name), said)) for name, said in call.body.items()
    )
    is_strict = _STRICT in call.given.get("Prefer", "")
    result = await _set(call, asked, are_one=is_strict)
    if is_strict and result.outcomes[0].decision.denial is not None:
        raise refused(result)
    told = {
        "presentity": call.given["aor"].uri,
        "revision": result.revision,
        "results": [result_told(result, number) for number in range(len(asked))],
    }
    return Answer(told, headers={"ETag": etag(result.revision)})


async def _set(call: Call, asked: tuple[Asked, ...], *, are_one: bool = False) -> SetResult:
    return await call.operations.set(
        Sets(
            call.given["aor"],
            asked,
            call.given.get("Dfks-Param"),
            call.caller.name,
            call.given.get("If-Match"),
            are_one,
        )
    )


_PREFER = Parameter(
    "Prefer",
    Where.HEADER,
    "`handling=strict`: nothing is set where one of them is refused (RFC 7240).",
    {"type": "string", "enum": [_STRICT, "handling=lenient"]},
    str,
)
_PROBLEMS = (
    "refused-by-policy",
    "changed-meanwhile",
    "conflict",
    "value-not-of-feature",
    "store-unavailable",
)

OPERATIONS = (
    Operation(
        "setFeature",
        "PUT",
        "/v1/presentities/{aor}/features/{feature}",
        Scope.FEATURES_WRITE,
        "Sets a feature, if the policies allow it.",
        put,
        (Reply(200, "What came of it.", ref("SetResult"), headers=("ETag",)),),
        (AOR, FEATURE, IF_MATCH, PARAM),
        Body(ref("State")),
        _PROBLEMS,
        "The body is the whole state; values that it does not name stay as they are stored.",
        {"show": ("showPresentity", {"aor": "$request.path.aor"})},
    ),
    Operation(
        "setFeatures",
        "PATCH",
        "/v1/presentities/{aor}",
        Scope.FEATURES_WRITE,
        "Sets several features in order, each if the policies allow it.",
        patch,
        (Reply(200, "What came of each.", ref("SetResults"), headers=("ETag",)),),
        (AOR, IF_MATCH, PARAM, _PREFER),
        Body(ref("Changes")),
        _PROBLEMS,
        "One revision holds all of it, and one NOTIFY tells of it.",
        {"show": ("showPresentity", {"aor": "$request.path.aor"})},
    ),
)
