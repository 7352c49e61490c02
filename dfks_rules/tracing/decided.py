"""Decisions as entries of a trace."""

from typing import Any

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.requests import Operation
from dfks_rules.operations.events import state_told
from dfks_rules.operations.states import denying_rule
from dfks_rules.service.feed import Event, Settled
from dfks_rules.tracing.entries import Decided


def decided_of(event: Event, call_id: str, at: float, start: str) -> Decided:
    """What came of a request.

    Args:
        event: of the change feed.
        call_id: of the message that led to it; empty when that is not known.
        at: when, seconds since 1970.
        start: what the ids of decisions begin with.
    """
    requester = event.requester
    watcher = None if requester.watcher is None else requester.watcher.uri
    origin, presentity = requester.origin.value, event.presentity.uri
    if not isinstance(event, Settled):
        return Decided(
            at, call_id, presentity, watcher, origin, (), event.error.message, requester.actor
        )
    decisions = tuple(
        _decision(f"{start}-{number}", outcome)
        for number, outcome in enumerate(event.outcomes, event.first)
    )
    return Decided(at, call_id, presentity, watcher, origin, decisions, actor=requester.actor)


def _decision(name: str, outcome: Outcome) -> dict[str, Any]:
    request, decision = outcome.request, outcome.decision
    denial = decision.denial
    told: dict[str, Any] = {
        "id": name,
        "op": request.operation.value,
        "effect": "allow" if denial is None else "deny",
        "matched": list(decision.matched),
        "policyRevision": decision.revision,
    }
    if denial is not None:
        told |= {"reason": denial.reason, "rule": denying_rule(outcome)}
        if denial.text is not None:
            told["text"] = denial.text
    if request.feature is not None:
        told["feature"] = request.feature.value
        told["told"] = None if outcome.told is None else state_told(outcome.told)
    if request.operation is Operation.SET:
        told["asked"] = None if request.asked is None else state_told(request.asked)
        told["stored"] = state_told(outcome.after)
        told["changed"] = outcome.changed
    return told
