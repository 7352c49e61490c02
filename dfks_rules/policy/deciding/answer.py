"""A decision in the words of the cases: what `eval`, `explain`, decision logs and cases show."""

from datetime import datetime
from typing import Any

from dfks_rules.model.decisions import AlsoSet, Decision, NotifyScope
from dfks_rules.model.values import VALUES

Answer = dict[str, Any]
"""A JSON object with the keys that `expect` in a case may have."""

_NOTIFY = {
    NotifyScope.ALL: True,
    NotifyScope.NONE: False,
    NotifyScope.REQUESTER: "requester",
    NotifyScope.OTHERS: "others",
}


def answer_of(decision: Decision) -> Answer:
    """A decision as a case expects it; each field is there, None where there is nothing."""
    return {
        "decision": "deny" if decision.denial else "allow",
        "reason": decision.denial and decision.denial.reason,
        "status": int(decision.state.status),
        "assigned": decision.assigned,
        "notify": _NOTIFY[decision.notify],
        "values": {value.value: decision.state.value(value) for value in VALUES},
        "by": dict(decision.decided_by),
        "matched": list(decision.matched),
        "lifted": dict(decision.lifted),
        "log": list(decision.logs),
        "also": [_also(one) for one in decision.also],
        "expires": None if decision.expires is None else moment_of(decision.expires),
    }


def moment_of(at: datetime) -> str:
    """A moment as the fact `now` says it; with seconds where they are needed."""
    return at.isoformat(timespec="seconds" if at.second else "minutes")


def value_of(answer: Answer, field: str) -> object:
    """What was decided for a field of `Decision.decided_by`."""
    match field:
        case "deny":
            return answer["reason"]
        case "allow":
            return True
        case "expire":
            return answer["expires"]
        case _:
            return answer["values"].get(field, answer.get(field))


def _also(also: AlsoSet) -> Answer:
    """A set that follows, as a case writes it."""
    feature, state = also.asked.feature, also.asked.state
    return {
        "presentity": also.presentity.uri,
        "feature": feature.value,
        "status": int(state.status),
        **state.by_name,
    }
