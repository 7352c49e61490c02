"""Star codes: the switch sends what was dialled, and plays what it is told."""

from typing import Any

from dfks_rules.model.values import Value
from dfks_rules.operations.star_codes import SAYS, Said, dial
from dfks_rules.policy.site.star_codes import MAX_DIALLED
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import AOR
from dfks_rules.web.schemas import (
    COMPONENTS,
    FEATURE,
    REVISION,
    STATUS,
    TEXT,
    nullable,
    record,
    ref,
)
from dfks_rules.web.states import refusal_told
from dfks_rules.web.table import Answer, Body, Call, Operation, Reply

COMPONENTS["Said"] = record(
    {
        "say": {"type": "string", "enum": list(SAYS)},
        "feature": FEATURE,
        "status": STATUS,
        "target": TEXT | {"description": "Where calls go now, as it is stored."},
        "changed": {"type": "boolean"},
        "revision": REVISION,
        "reason": TEXT | {"description": "Why it is refused."},
        "rule": nullable(TEXT),
        "text": nullable(TEXT),
        "decision": TEXT | {"description": "Id of the decision; empty when it is not kept."},
    },
    ["say"],
) | {"description": "What the switch has to say; members that do not apply are missing."}


async def post(call: Call) -> Answer:
    """The answer is 200 whatever comes of it: something has to be said in any case."""
    digits, presentity = call.body["digits"], call.given["aor"]
    return Answer(_told(await dial(call.operations, presentity, digits, call.caller.name)))


def _told(said: Said) -> dict[str, Any]:
    told: dict[str, Any] = {"say": said.say}
    if said.dialled is not None and said.status is not None:
        told["feature"] = said.dialled.code.feature.value
        told["status"] = "on" if said.status else "off"
    if said.result is None:
        return told
    outcome = said.result.outcomes[0]
    refusal = refusal_told(outcome)
    told |= {"decision": said.result.decision(0), "revision": said.result.revision}
    if refusal is not None:
        return told | refusal
    # A policy may have stored something else than was asked for.
    told |= {"status": "on" if outcome.after.status else "off", "changed": outcome.changed}
    target = outcome.after.value(Value.FORWARD_TO)
    return told | {"target": target} if target and outcome.after.status else told


OPERATIONS = (
    Operation(
        "dialStarCode",
        "POST",
        "/v1/presentities/{aor}/dialled",
        Scope.FEATURES_WRITE,
        "Does what a star code says, and tells the switch what to say.",
        post,
        (Reply(200, "What to say.", ref("Said")),),
        (AOR,),
        Body(record({"digits": {"type": "string", "minLength": 1, "maxLength": MAX_DIALLED}})),
        ("changed-meanwhile", "conflict", "store-unavailable"),
        "The codes of a domain are in its number plan. The set goes through the same policies as "
        "any other, with the fact `param: star-code`.",
        {"show": ("showPresentity", {"aor": "$request.path.aor"})},
    ),
)
