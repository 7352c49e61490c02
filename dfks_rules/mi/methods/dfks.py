"""`dfks` and `presence_dfks`: the features of a presentity.

`presence_dfks:set_feature` answers `OK` as the OpenSIPS module of that name does;
`dfks:set_feature` takes the same parameters and answers with the decision.
"""

from typing import Any

from dfks_rules.mi.errors import BAD_REQUEST, REFUSED, CallError, invalid_params
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import take_aor, take_status, take_text, take_texts
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.operations.ports import Sets
from dfks_rules.operations.states import decision_json, denying_rule, state_from, state_json


async def set_feature(desk: Desk, given: Given) -> Any:
    """Set a feature, and report the decision.

    Raises:
        CallError: 400 for an unknown feature, -32602 for values that do not suit it, 403 when a
            policy refuses.
        StoreError: nothing was changed.
    """
    feature = _feature(given["feature"])
    state = _state(feature, given)
    sets = Sets(given["presentity"], (Asked(feature, state),), given.get("route_param"))
    outcome = (await desk.operations.set(sets)).outcomes[0]
    if outcome.decision.denial:
        raise _refusal(outcome)
    return {
        "presentity": given["presentity"].uri,
        "feature": feature.value,
        "changed": outcome.changed,
        "before": state_json(outcome.before),
        "after": state_json(outcome.after),
        "also": [
            {
                "presentity": also.presentity.uri,
                "feature": also.asked.feature.value,
                **state_json(also.asked.state),
            }
            for also in outcome.decision.also
        ],
        "decision": decision_json(outcome.decision),
    }


async def set_feature_ok(desk: Desk, given: Given) -> Any:
    """Set a feature, and answer `OK`."""
    await set_feature(desk, given)
    return "OK"


async def get_features(desk: Desk, given: Given) -> Any:
    """What is stored for each feature, and what policies show of it."""
    outcomes = await desk.operations.get_features(given["presentity"])
    return {
        "presentity": given["presentity"].uri,
        "features": [
            {
                "feature": outcome.request.feature.value if outcome.request.feature else None,
                "stored": state_json(outcome.before),
                "told": None if outcome.told is None else state_json(outcome.told),
                "decision": decision_json(outcome.decision),
            }
            for outcome in outcomes
        ],
    }


def _feature(name: str) -> Feature:
    try:
        return Feature(name)
    except ValueError:
        raise CallError(BAD_REQUEST, "Unknown feature") from None


def _state(feature: Feature, given: Given) -> FeatureState:
    """The requested state; `values` is a list of `field/value`, and a value may contain `/`."""
    values: list[tuple[str, str]] = []
    for text in given.get("values", ()):
        field, slash, value = text.partition("/")
        if not slash or not value:
            raise invalid_params(f"values: `{text}` is not `field/value`")
        values.append((field, value))
    try:
        return state_from(feature, given["status"], values)
    except ValueError as error:
        raise invalid_params(f"values: {error}") from None


def _refusal(outcome: Outcome) -> CallError:
    denial = outcome.decision.denial
    assert denial is not None  # noqa: S101 - the caller checked
    data = {
        "reason": denial.reason,
        "rule": denying_rule(outcome),
        "stored": state_json(outcome.after),
        "decision": decision_json(outcome.decision),
    }
    return CallError(REFUSED, denial.text or denial.reason, data)


_PRESENTITY = Parameter(
    take_aor, "address of record: `sip:alice@host`, `sips:alice@host`, or `alice@host`"
)
_SET = {
    "presentity": _PRESENTITY,
    "feature": Parameter(take_text, ", ".join(f"`{feature.value}`" for feature in Feature)),
    "status": Parameter(take_status, "0 or 1"),
    "route_param": Parameter(take_text, "text that policies see as the fact `param`"),
    "values": Parameter(
        take_texts,
        "`field/value` each: `forwardTo/sip:bob@host`, `ringCount/4`, `state/notReady`",
        is_list=True,
    ),
}
_SET_RECIPES = (
    ("presentity", "feature", "status"),
    ("presentity", "feature", "status", "values"),
    ("presentity", "feature", "status", "route_param"),
    ("presentity", "feature", "status", "route_param", "values"),
)

METHODS = (
    Method(
        "presence_dfks:set_feature",
        ("dfks_set_feature", "set_feature"),
        "Sets a feature of a presentity if the policies allow it; returns `OK`.",
        _SET_RECIPES,
        _SET,
        set_feature_ok,
    ),
    Method(
        "dfks:set_feature",
        (),
        "Sets a feature of a presentity if the policies allow it; returns the decision.",
        _SET_RECIPES,
        _SET,
        set_feature,
    ),
    Method(
        "dfks:get_features",
        ("dfks_get_features",),
        "Shows the stored state of each feature of a presentity, and what a NOTIFY would say.",
        (("presentity",),),
        {"presentity": _PRESENTITY},
        get_features,
    ),
)
