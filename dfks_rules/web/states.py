"""States, decisions and outcomes as `/v1` writes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import FEATURES, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import state_told
from dfks_rules.operations.ports import SetResult
from dfks_rules.operations.states import decision_json, denying_rule, state_from
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.problem import Problem


def etag(revision: int) -> str:
    """The ETag of a presentity."""
    return f'"{revision}"'


def state_asked(feature: Feature, said: Mapping[str, Any]) -> FeatureState:
    """The state that somebody asks for; `said` fits the schema.

    Raises:
        Problem: the feature does not take a value.
    """
    values = [(name, str(value)) for name, value in said.items() if name != "status"]
    try:
        return state_from(feature, said["status"] == "on", values)
    except ValueError as error:
        raise Problem(
            "value-not-of-feature", phrase("{feature}: {error}", feature=feature.value, error=error)
        ) from error


def states_told(states: Iterable[tuple[Feature, FeatureState]]) -> dict[str, Any]:
    """Feature → its state."""
    return {feature.value: state_told(state) for feature, state in states}


def presentity_told(presentity: Aor, snapshot: Snapshot) -> dict[str, Any]:
    """A presentity with all its states."""
    return {
        "presentity": presentity.uri,
        "revision": snapshot.revision,
        "features": states_told(zip(FEATURES, snapshot.states, strict=True)),
    }


def result_told(result: SetResult, number: int) -> dict[str, Any]:
    """What came of one set of several."""
    outcome = result.outcomes[number]
    decision, feature = outcome.decision, outcome.request.feature
    assert feature is not None  # noqa: S101 - it is a set
    return {
        "feature": feature.value,
        "changed": outcome.changed,
        "stored": state_told(outcome.after),
        "refused": refusal_told(outcome),
        "also": [
            {
                "presentity": also.presentity.uri,
                "feature": also.asked.feature.value,
                "asked": state_told(also.asked.state),
            }
            for also in decision.also
        ],
        "decision": _decision(outcome, result.decision(number)),
    }


def refusal_told(outcome: Outcome) -> dict[str, Any] | None:
    """Why a set was refused; None: it was not."""
    denial = outcome.decision.denial
    if denial is None:
        return None
    return {"reason": denial.reason, "rule": denying_rule(outcome), "text": denial.text}


def refused(result: SetResult) -> Problem:
    """The problem of a set that a policy refused: the first of a result."""
    outcome = result.outcomes[0]
    denial, feature = outcome.decision.denial, outcome.request.feature
    assert denial is not None  # noqa: S101 - the caller checked
    assert feature is not None  # noqa: S101 - it is a set
    return Problem(
        "refused-by-policy",
        denial.text or denial.reason,
        {"ETag": etag(result.revision)},
        feature=feature.value,
        reason=denial.reason,
        rule=denying_rule(outcome),
        stored=state_told(outcome.after),
        decision=result.decision(0),
        policyRevision=outcome.decision.revision,
    )


def _decision(outcome: Outcome, name: str) -> dict[str, Any]:
    told = decision_json(outcome.decision)
    return {
        "id": name,
        "effect": told["effect"],
        "assigned": told["assigned"],
        "notify": told["notify"],
        "matched": told["matched"],
        "decidedBy": told["decided_by"],
        "policyRevision": told["revision"],
    }
