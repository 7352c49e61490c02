"""`dfks` and `presence_dfks`: the features of a presentity.

`presence_dfks:set_feature` answers `OK` as the OpenSIPS module of that name does;
`dfks:set_feature` takes the same parameters and answers with the decision.
"""

from typing import Any

from dfks_rules.mi.errors import BAD_REQUEST, REFUSED, CallError, invalid_params
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import shown, take_aor, take_status, take_text, take_texts, take_value
from dfks_rules.model.decisions import Decision, Outcome
from dfks_rules.model.features import (
    ROWS,
    VALUES_OF,
    Feature,
    FeatureState,
    Spelling,
    values_from,
)
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Value


async def set_feature(desk: Desk, given: Given) -> Any:
    """Set a feature, and report the decision.

    Raises:
        CallError: 400 for an unknown feature, -32602 for values that do not suit it, 403 when a
            policy refuses.
        StoreError: nothing was changed.
    """
    feature = _feature(given["feature"])
    state = _state(feature, given)
    asked = Asked(feature, state)
    outcome = await desk.operations.set_feature(
        given["presentity"], asked, given.get("route_param")
    )
    if outcome.decision.denial:
        raise _refusal(outcome)
    return {
        "presentity": given["presentity"].uri,
        "feature": feature.value,
        "changed": outcome.changed,
        "before": shown(outcome.before),
        "after": shown(outcome.after),
        "also": [
            {
                "presentity": also.presentity.uri,
                "feature": also.asked.feature.value,
                **shown(also.asked.state),
            }
            for also in outcome.decision.also
        ],
        "decision": _decided(outcome.decision),
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
                "stored": shown(outcome.before),
                "told": None if outcome.told is None else shown(outcome.told),
                "decision": _decided(outcome.decision),
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
    values: dict[Value, str | int] = {}
    for text in given.get("values", ()):
        field, slash, value = text.partition("/")
        if not slash or not value:
            raise invalid_params(f"values: `{text}` is not `field/value`")
        name = _value_name(feature, field)
        if name in values:
            raise invalid_params(f"values: `{field}` is given twice")
        try:
            values[name] = take_value(name.kind, value)
        except ValueError as error:
            raise invalid_params(f"values: `{field}` is {error}") from None
    state = FeatureState(given["status"], values_from(values))
    spelling = ROWS[feature].spelling
    if spelling is not None:
        _check_words(spelling, state)
    return state


def _check_words(spelling: Spelling, state: FeatureState) -> None:
    name, word = spelling.value.value, state.value(spelling.value)
    if word is not None and spelling.status_of(word) is not state.status:
        raise invalid_params(f"values: `{name}/{word}` does not go with status {int(state.status)}")
    if state.value(spelling.excuse) is not None and word != spelling.off:
        excuse = spelling.excuse.value
        raise invalid_params(f"values: `{excuse}` goes only with `{name}/{spelling.off}`")


def _value_name(feature: Feature, field: str) -> Value:
    allowed = VALUES_OF[feature]
    for name in allowed:
        if name.value == field:
            return name
    known = " or ".join(f"`{name.value}`" for name in allowed) or "none"
    raise invalid_params(f"values: {feature.value} takes {known}, not `{field}`")


def _refusal(outcome: Outcome) -> CallError:
    denial = outcome.decision.denial
    assert denial is not None  # noqa: S101 - the caller checked
    data = {
        "reason": denial.reason,
        "rule": outcome.decision.decided_by.get("deny"),
        "stored": shown(outcome.after),
        "decision": _decided(outcome.decision),
    }
    return CallError(REFUSED, denial.text or denial.reason, data)


def _decided(decision: Decision) -> dict[str, Any]:
    return {
        "effect": "deny" if decision.denial else "allow",
        "assigned": decision.assigned,
        "notify": decision.notify.value,
        "matched": list(decision.matched),
        "decided_by": dict(decision.decided_by),
        "revision": decision.revision,
    }


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
