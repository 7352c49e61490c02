"""A decision in the words of the cases: what `eval`, `explain`, decision logs and cases show."""

from typing import Any

from dfks_rules.model.decisions import AlsoSet, Decision, NotifyScope

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
        "values": {
            "forwardTo": decision.state.forward_to,
            "ringCount": decision.state.ring_count,
        },
        "by": dict(decision.decided_by),
        "matched": list(decision.matched),
        "log": list(decision.logs),
        "also": [_also(one) for one in decision.also],
    }


def value_of(answer: Answer, field: str) -> object:
    """What was decided for a field of `Decision.decided_by`."""
    match field:
        case "deny":
            return answer["reason"]
        case "allow":
            return True
        case "forwardTo" | "ringCount":
            return answer["values"][field]
        case _:
            return answer.get(field)


def _also(also: AlsoSet) -> Answer:
    """A set that follows, as a case writes it."""
    feature, state, _ = also.asked
    written = {
        "presentity": also.presentity.uri,
        "feature": feature.value,
        "status": int(state.status),
        "forwardTo": state.forward_to,
        "ringCount": state.ring_count,
    }
    return {name: value for name, value in written.items() if value is not None}
