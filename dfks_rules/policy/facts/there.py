"""Which requests have a fact, by operation, origin and feature.

`Fact.operations` says which operations can have a fact; this file has the other conditions.
"""

from collections.abc import Iterable

from dfks_rules.model.features import FEATURES, VALUES_OF, Feature
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.model.values import VALUES, Value
from dfks_rules.policy.facts.fact import ABOUT_A_FEATURE, EVERY_OPERATION, ONLY_SETS

ALWAYS: dict[str, frozenset[Operation]] = {
    **dict.fromkeys(("op", "origin", "presentity", "user", "domain"), EVERY_OPERATION),
    **dict.fromkeys(("time", "weekday", "date", "now"), EVERY_OPERATION),
    **{f"{feature.value}.status": EVERY_OPERATION for feature in FEATURES},
    "feature": ABOUT_A_FEATURE,
    "stored.status": ABOUT_A_FEATURE,
    "request.status": ONLY_SETS,
}
"""Fact → the operations for which it is never absent."""

OF_PHONES = frozenset(
    {
        "watcher",
        "watcher.user",
        "watcher.domain",
        "watcher.groups",
        "watcher.role",
        "auth.method",
        "auth.user",
        "device",
        "userAgent",
        "transport",
        "source.ip",
    }
)
"""Facts of the phone that asks: those in which two phones that watch one presentity may differ; and
so do the attributes of watchers."""

ORIGINS: dict[str, frozenset[Origin]] = {
    **dict.fromkeys(
        (*sorted(OF_PHONES), "rate.device", "rate.device.hour", "rate.device.day"),
        frozenset({Origin.WATCHER}),
    ),
    # A PBX that publishes is an operator who comes by SIP.
    **dict.fromkeys(("transport", "source.ip"), frozenset({Origin.WATCHER, Origin.OPERATOR})),
    # `expired` is that of what expires.
    "param": frozenset({Origin.OPERATOR, Origin.INTERNAL}),
}
"""Fact → the origins whose requests can have it; see `origins_with`."""


def origins_with(fact: str) -> frozenset[Origin]:
    """The origins whose requests can have a fact."""
    usual = _ONLY_WATCHERS if _is_of_watcher(fact) else _EVERY_ORIGIN
    return ORIGINS.get(fact, usual)


def are_of_phones(facts: Iterable[str]) -> bool:
    """Whether two phones that watch one presentity may differ in one of these facts."""
    return any(fact in OF_PHONES or _is_of_watcher(fact) for fact in facts)


def _is_of_watcher(fact: str) -> bool:
    return fact.startswith("watcher.")


_ONLY_WATCHERS = frozenset({Origin.WATCHER})
_EVERY_ORIGIN = frozenset(Origin)


def features_with(fact: str) -> frozenset[Feature]:
    """The features for which a request can have a fact."""
    if fact.startswith(("target.", "rate.target")):
        return _having(Value.FORWARD_TO)
    about, _, name = fact.partition(".")
    if about in ("request", "stored") and name in _VALUES:
        return _having(_VALUES[name])
    return frozenset(FEATURES)


_VALUES = {value.value: value for value in VALUES}


def _having(value: Value) -> frozenset[Feature]:
    return frozenset(feature for feature in FEATURES if value in VALUES_OF[feature])
