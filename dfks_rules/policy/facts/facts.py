"""The table of facts: everything a policy can know about a request.

To add a fact, add a row; the schema, the documentation and the checks follow. Facts that authors
name are in `families`.
"""

from collections.abc import Callable
from functools import lru_cache

from dfks_rules.model.features import FEATURES, POSITION, VALUES_OF, Feature, FeatureState
from dfks_rules.model.identity import AuthMethod
from dfks_rules.model.requests import Operation, Origin, Requester
from dfks_rules.model.values import VALUES, Choice, Integer, Text, Value
from dfks_rules.policy.facts.derived_facts import DERIVED_FACTS
from dfks_rules.policy.facts.fact import (
    ABOUT_A_FEATURE,
    EVERY_OPERATION,
    ONLY_SETS,
    Fact,
    FactLookup,
    Kind,
)
from dfks_rules.policy.facts.families import fact_of_a_family
from dfks_rules.policy.facts.view import FactValue, View

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _status(state: FeatureState | None) -> FactValue:
    return None if state is None else int(state.status)


def _kind(value: Value) -> tuple[Kind, tuple[str, ...]]:
    """The type of a fact that holds a feature's value, and its words."""
    match value.kind:
        case Text():
            return Kind.TEXT, ()
        case Integer():
            return Kind.COUNT, ()
        case Choice(words):
            return Kind.WORD, words


def _about_value(
    prefix: str,
    value: Value,
    operations: frozenset[Operation],
    description: str,
    state: Callable[[View], FeatureState | None],
) -> Fact:
    """A fact that holds one value of a state."""
    kind, words = _kind(value)

    def read(view: View) -> FactValue:
        of = state(view)
        return None if of is None else of.value(value)

    return Fact(f"{prefix}.{value.value}", kind, operations, description, read, words)


def _asked_value(value: Value) -> Fact:
    written = ", as it was written" if isinstance(value.kind, Text) else ""
    description = f"The requested {value.noun}{written}; absent if not given."
    return _about_value("request", value, ONLY_SETS, description, lambda v: v.request.asked)


def _stored_value(value: Value) -> Fact:
    description = f"The stored {value.noun} of the feature; absent if never set."
    return _about_value("stored", value, ABOUT_A_FEATURE, description, _stored)


def _stored(view: View) -> FeatureState | None:
    feature = view.request.feature
    return None if feature is None else view.snapshot.state(feature)


def _auth_method(requester: Requester) -> FactValue:
    if requester.origin is not Origin.WATCHER:
        return None
    return (requester.identity.method if requester.identity else AuthMethod.NONE).value


def _about_feature(feature: Feature) -> list[Fact]:
    """Facts about the stored state of one feature, whichever feature the request is about."""
    name, position = feature.value, POSITION[feature]
    status = Fact(
        f"{name}.status",
        Kind.STATUS,
        EVERY_OPERATION,
        f"Stored status of {name}; 0 if never set.",
        lambda v: _status(v.snapshot.states[position]),
    )
    values = [
        _about_value(
            name,
            value,
            EVERY_OPERATION,
            f"Stored {value.noun} of {name}; absent if never set.",
            lambda v: v.snapshot.states[position],
        )
        for value in VALUES_OF[feature]
    ]
    return [status, *values]


_WINDOWS = {"": "minute", ".hour": "hour", ".day": "day"}
"""End of the name of a rate → how far back it counts."""
_COUNTED = {
    "user": "Sets requested for the presentity in the last {}, including this one.",
    "device": "Sets from this phone (watcher, address, User-Agent) in the last {}; absent for an"
    " operator.",
    "domain": "Sets requested for presentities of the domain in the last {}.",
    "target": "Sets that ask for this forward target, however it is written, in the last {}; absent"
    " if the set names none.",
}
"""What sets are counted by → the description of the fact."""


def _rate(whose: str, end: str) -> Fact:
    name = f"rate.{whose}{end}"
    description = _COUNTED[whose].format(_WINDOWS[end])
    return Fact(name, Kind.COUNT, ONLY_SETS, description, lambda v: v.around.rate(name))


_TABLE: list[Fact] = [
    Fact(
        "op",
        Kind.WORD,
        EVERY_OPERATION,
        "The operation: read a feature's state, change it, or subscribe.",
        lambda v: v.request.operation.value,
        tuple(operation.value for operation in Operation),
    ),
    Fact(
        "feature",
        Kind.WORD,
        ABOUT_A_FEATURE,
        "The feature that the request is about.",
        lambda v: None if v.request.feature is None else v.request.feature.value,
        tuple(feature.value for feature in FEATURES),
    ),
    Fact(
        "origin",
        Kind.WORD,
        EVERY_OPERATION,
        "Who asks: a phone (watcher), an operator by MI or PUBLISH, or a rule's `also` or `expire`"
        " (internal).",
        lambda v: v.request.requester.origin.value,
        tuple(origin.value for origin in Origin),
    ),
    Fact(
        "presentity",
        Kind.AOR,
        EVERY_OPERATION,
        "The user whose features they are, as `sip:user@domain`.",
        lambda v: v.request.presentity.uri,
    ),
    Fact(
        "user",
        Kind.TEXT,
        EVERY_OPERATION,
        "User part of the presentity.",
        lambda v: v.request.presentity.user,
    ),
    Fact(
        "domain",
        Kind.DOMAIN,
        EVERY_OPERATION,
        "Domain of the presentity, in lower case.",
        lambda v: v.request.presentity.domain,
    ),
    Fact(
        "param",
        Kind.TEXT,
        ABOUT_A_FEATURE,
        "The `route_param` that an operator gave; `star-code` for a star code; `expired` for what"
        " expires; absent otherwise.",
        lambda v: v.request.requester.param,
    ),
    Fact(
        "watcher",
        Kind.AOR,
        EVERY_OPERATION,
        "Who subscribed, as `sip:user@domain`; absent for an operator.",
        lambda v: v.request.requester.watcher and v.request.requester.watcher.uri,
    ),
    Fact(
        "watcher.user",
        Kind.TEXT,
        EVERY_OPERATION,
        "User part of the watcher; absent for an operator.",
        lambda v: v.request.requester.watcher and v.request.requester.watcher.user,
    ),
    Fact(
        "watcher.domain",
        Kind.DOMAIN,
        EVERY_OPERATION,
        "Domain of the watcher, in lower case; absent for an operator.",
        lambda v: v.request.requester.watcher and v.request.requester.watcher.domain,
    ),
    Fact(
        "auth.method",
        Kind.WORD,
        EVERY_OPERATION,
        "How the watcher authenticated: by a password, or a trusted peer vouches for it; absent"
        " for an operator.",
        lambda v: _auth_method(v.request.requester),
        tuple(method.value for method in AuthMethod),
    ),
    Fact(
        "auth.user",
        Kind.TEXT,
        EVERY_OPERATION,
        "The name with which the watcher authenticated; absent without authentication.",
        lambda v: v.request.requester.identity and v.request.requester.identity.user,
    ),
    Fact(
        "device",
        Kind.TEXT,
        ONLY_SETS,
        "Text of the `<device>` element in the set; absent if there was none.",
        lambda v: v.request.requester.device,
    ),
    Fact(
        "userAgent",
        Kind.TEXT,
        EVERY_OPERATION,
        "The User-Agent header of the phone; absent if there was none.",
        lambda v: v.request.requester.user_agent,
    ),
    Fact(
        "transport",
        Kind.WORD,
        EVERY_OPERATION,
        "Transport of the request; absent for an operator by MI.",
        lambda v: v.request.requester.transport,
        ("udp", "tcp", "tls"),
    ),
    Fact(
        "source.ip",
        Kind.IP,
        EVERY_OPERATION,
        "The address that the request came from; absent for an operator by MI.",
        lambda v: v.request.requester.source_ip,
    ),
    Fact(
        "request.status",
        Kind.STATUS,
        ONLY_SETS,
        "The requested status.",
        lambda v: _status(v.request.asked),
    ),
    *map(_asked_value, VALUES),
    Fact(
        "stored.status",
        Kind.STATUS,
        ABOUT_A_FEATURE,
        "The stored status of the feature; 0 if never set.",
        lambda v: _status(_stored(v)),
    ),
    *map(_stored_value, VALUES),
    *(fact for feature in FEATURES for fact in _about_feature(feature)),
    *DERIVED_FACTS,
    *(_rate(whose, end) for whose in _COUNTED for end in _WINDOWS),
    Fact(
        "time",
        Kind.TIME,
        EVERY_OPERATION,
        "Local time of day.",
        lambda v: f"{v.at.hour:02d}:{v.at.minute:02d}",
    ),
    Fact(
        "weekday",
        Kind.WORD,
        EVERY_OPERATION,
        "Local day of the week.",
        lambda v: WEEKDAYS[v.at.weekday()],
        WEEKDAYS,
    ),
    Fact(
        "date",
        Kind.DATE,
        EVERY_OPERATION,
        "Local date.",
        lambda v: v.at.date().isoformat(),
    ),
    Fact(
        "now",
        Kind.MOMENT,
        EVERY_OPERATION,
        "The current moment, in local time with its UTC offset.",
        lambda v: v.at.isoformat(timespec="minutes"),
    ),
]

FACTS: dict[str, Fact] = {fact.name: fact for fact in _TABLE}
"""Every fact by its name, in the order of the documentation."""


@lru_cache(4096)
def fact_named(name: str) -> Fact | None:
    """The fact with this name: of the table, or of a family; None if there is none."""
    return FACTS.get(name) or fact_of_a_family(name)


def known_fact(name: str) -> Fact:
    """The fact with this name, which was checked.

    Raises:
        KeyError: there is none.
    """
    fact = fact_named(name)
    if fact is None:
        raise KeyError(name)
    return fact


def facts_of(view: View) -> FactLookup:
    """Name of a fact → its value in one request."""
    # Most are in the table, which is faster.
    return lambda name: (FACTS.get(name) or known_fact(name)).read(view)
