"""The table of facts: all that a policy can know about a request.

To add a fact, add a row; the schema, the documentation and the checks follow.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    POSITION,
    VALUES_OF,
    Feature,
    FeatureState,
    Snapshot,
    Value,
)
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Surroundings
from dfks_rules.policy.site import NO_SITE, Site
from dfks_rules.policy.targets import KINDS, REACHES, Target

FactValue = str | int | tuple[str, ...] | None
"""None when the fact is absent."""


NOWHERE = Surroundings(lambda _aor: NOTHING_STORED)
"""Nobody else is there."""


class View(NamedTuple):
    """Everything that the facts of one request are read from."""

    request: FeatureRequest
    """What is asked."""
    snapshot: Snapshot
    """What is stored for the presentity."""
    at: datetime
    """Now, in the zone whose local time policies mean."""
    around: Surroundings = NOWHERE
    """What else there is."""
    site: Site = NO_SITE
    """What is known of users and numbers."""
    given: Mapping[str, FactValue] = MappingProxyType({})
    """Values of facts that are worked out, where somebody says what they are: in cases and logs."""

    def fact(self, name: str) -> FactValue:
        """The value of a fact."""
        return FACTS[name].read(self)

    @property
    def target(self) -> Target | None:
        """Where calls would go: what a set asks for, else what is stored; None for nowhere."""
        request = self.request
        if request.feature is None:
            return None
        asked = request.asked and request.asked.forward_to
        text = asked or self.snapshot.state(request.feature).forward_to
        return self.site.targets.analyse(text, request.presentity) if text else None


FactReader = Callable[[View], FactValue]
"""How the value of a fact is read."""


class Kind(Enum):
    """The type of a fact: what its constants look like and which matchers it takes."""

    WORD = "word"
    """One of a closed set."""
    TEXT = "text"
    """Any text, at most 512 characters; case matters."""
    DOMAIN = "domain"
    """A host name or address, in lower case."""
    AOR = "address of record"
    """`sip:user@domain`, the domain in lower case."""
    STATUS = "status"
    """0 (off) or 1 (on)."""
    COUNT = "count"
    """A whole number."""
    IP = "ip address"
    """IPv4 or IPv6."""
    TIME = "time of day"
    """`HH:MM`, 00:00 to 23:59."""
    DATE = "date"
    """`YYYY-MM-DD`."""
    FLAG = "flag"
    """True or false."""
    NAMES = "names"
    """Any number of names."""
    CLASS = "class"
    """A class of numbers: one of a closed set, or an author's own."""
    COUNTRY = "country"
    """ISO 3166-1 alpha-2, in upper case."""
    MOMENT = "moment"
    """`YYYY-MM-DDTHH:MM±HH:MM`."""


class Fact(NamedTuple):
    """One row of the table."""

    name: str
    """As policies write it."""
    kind: Kind
    """Its type."""
    operations: frozenset[Operation]
    """The operations that have it; it is absent from the others."""
    description: str
    """One line for authors."""
    read: FactReader
    """Its value in one request."""
    words: tuple[str, ...] = ()
    """For a `WORD`: every value it can have."""
    derived: bool = False
    """Whether it is worked out from other facts and files, and `View.given` may say it instead."""


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ALL = frozenset(Operation)
_FEATURE = frozenset({Operation.GET, Operation.SET})
_SET = frozenset({Operation.SET})


def _status(state: FeatureState | None) -> FactValue:
    return None if state is None else int(state.status)


def _forward_to(state: FeatureState | None) -> FactValue:
    return None if state is None else state.forward_to


def _ring_count(state: FeatureState | None) -> FactValue:
    return None if state is None else state.ring_count


def _stored(view: View) -> FeatureState | None:
    feature = view.request.feature
    return None if feature is None else view.snapshot.state(feature)


def _about_feature(feature: Feature) -> list[Fact]:
    """The stored state of one feature, whichever feature is asked for."""
    name, position = feature.value, POSITION[feature]
    facts = [
        Fact(
            f"{name}.status",
            Kind.STATUS,
            _ALL,
            f"Stored status of {name}; 0 when never set.",
            lambda v: _status(v.snapshot.states[position]),
        )
    ]
    if Value.FORWARD_TO in VALUES_OF[feature]:
        facts.append(
            Fact(
                f"{name}.forwardTo",
                Kind.TEXT,
                _ALL,
                f"Stored target of {name}; absent when never set.",
                lambda v: v.snapshot.states[position].forward_to,
            )
        )
    if Value.RING_COUNT in VALUES_OF[feature]:
        facts.append(
            Fact(
                f"{name}.ringCount",
                Kind.COUNT,
                _ALL,
                f"Stored number of rings of {name}; absent when never set.",
                lambda v: v.snapshot.states[position].ring_count,
            )
        )
    return facts


def _derived(
    name: str,
    kind: Kind,
    description: str,
    read: FactReader,
    words: tuple[str, ...] = (),
    operations: frozenset[Operation] = _FEATURE,
) -> Fact:
    """A fact that `View.given` may say."""

    def given_or_read(view: View) -> FactValue:
        return view.given[name] if name in view.given else read(view)

    return Fact(name, kind, operations, description, given_or_read, words, derived=True)


def _of_target(
    name: str, kind: Kind, description: str, read: Callable[[Target], FactValue], *words: str
) -> Fact:
    """Something about the forward target; absent where there is no target."""

    def of_target(view: View) -> FactValue:
        target = view.target
        return None if target is None else read(target)

    return _derived(f"target.{name}", kind, description, of_target, words)


def _loops(view: View) -> FactValue:
    target = view.target
    if target is None:
        return None
    return view.site.loops(view.request.presentity, target, view.around.stored_of)


_USERS_AND_TARGETS: list[Fact] = [
    _derived(
        "groups",
        Kind.NAMES,
        "Groups of the presentity, from the directory; absent when in none.",
        lambda v: v.site.directory.groups_of(v.request.presentity) or None,
        operations=_ALL,
    ),
    _derived(
        "role",
        Kind.TEXT,
        "Role of the presentity, from the directory; absent when it has none.",
        lambda v: v.site.directory.role_of(v.request.presentity),
        operations=_ALL,
    ),
    _of_target(
        "kind",
        Kind.WORD,
        "What the target is: our own user, a number outside, an address of another domain, a "
        "feature code, or nothing that can be called.",
        lambda t: t.kind,
        *KINDS,
    ),
    _of_target(
        "class",
        Kind.CLASS,
        "Class of the target's number, built in or by the number plan: the most specific one.",
        lambda t: t.class_,
    ),
    _of_target(
        "reach",
        Kind.WORD,
        "How far it is: inside, in the domain's own country, or abroad; absent when not known.",
        lambda t: t.reach,
        *REACHES,
    ),
    _of_target(
        "number",
        Kind.TEXT,
        "The target's number in E.164 form, like `+4930123456`; absent when it is none.",
        lambda t: t.number,
    ),
    _of_target(
        "country",
        Kind.COUNTRY,
        "Country of the number, ISO 3166 like `DE`; absent when it is of none.",
        lambda t: t.country,
    ),
    _of_target(
        "user",
        Kind.TEXT,
        "User part of the target: of our own user, or of an address elsewhere.",
        lambda t: t.user,
    ),
    _of_target(
        "domain",
        Kind.DOMAIN,
        "Domain of the target, in lower case.",
        lambda t: t.domain,
    ),
    _of_target(
        "self",
        Kind.FLAG,
        "Whether the target is the presentity itself, by address or by number.",
        lambda t: t.self,
    ),
    _derived(
        "target.loop",
        Kind.FLAG,
        "Whether stored forwards lead from the target back to the presentity.",
        _loops,
    ),
]

_TABLE: list[Fact] = [
    Fact(
        "op",
        Kind.WORD,
        _ALL,
        "What is asked: tell a feature's state, change it, or leave to subscribe.",
        lambda v: v.request.operation.value,
        tuple(operation.value for operation in Operation),
    ),
    Fact(
        "feature",
        Kind.WORD,
        _FEATURE,
        "The feature that is asked about.",
        lambda v: None if v.request.feature is None else v.request.feature.value,
        tuple(feature.value for feature in FEATURES),
    ),
    Fact(
        "origin",
        Kind.WORD,
        _ALL,
        "Who asks: a phone by SIP (watcher), an operator by MI, or a rule by `also` (internal).",
        lambda v: v.request.requester.origin.value,
        tuple(origin.value for origin in Origin),
    ),
    Fact(
        "presentity",
        Kind.AOR,
        _ALL,
        "Whose features they are, as `sip:user@domain`.",
        lambda v: v.request.presentity.uri,
    ),
    Fact(
        "user",
        Kind.TEXT,
        _ALL,
        "User part of the presentity.",
        lambda v: v.request.presentity.user,
    ),
    Fact(
        "domain",
        Kind.DOMAIN,
        _ALL,
        "Domain of the presentity, in lower case.",
        lambda v: v.request.presentity.domain,
    ),
    Fact(
        "param",
        Kind.TEXT,
        _FEATURE,
        "The parameter that an operator gave; absent otherwise.",
        lambda v: v.request.requester.param,
    ),
    Fact(
        "watcher",
        Kind.AOR,
        _ALL,
        "Who subscribed, as `sip:user@domain`; absent for an operator.",
        lambda v: v.request.requester.watcher and v.request.requester.watcher.uri,
    ),
    Fact(
        "watcher.user",
        Kind.TEXT,
        _ALL,
        "User part of the watcher; absent for an operator.",
        lambda v: v.request.requester.watcher and v.request.requester.watcher.user,
    ),
    Fact(
        "watcher.domain",
        Kind.DOMAIN,
        _ALL,
        "Domain of the watcher, in lower case; absent for an operator.",
        lambda v: v.request.requester.watcher and v.request.requester.watcher.domain,
    ),
    Fact(
        "device",
        Kind.TEXT,
        _SET,
        "Text of the `<device>` element that came with the set; absent when there was none.",
        lambda v: v.request.requester.device,
    ),
    Fact(
        "userAgent",
        Kind.TEXT,
        _ALL,
        "The User-Agent header of the phone; absent when there was none.",
        lambda v: v.request.requester.user_agent,
    ),
    Fact(
        "transport",
        Kind.WORD,
        _ALL,
        "How the request came; absent for an operator.",
        lambda v: v.request.requester.transport,
        ("udp", "tcp"),
    ),
    Fact(
        "source.ip",
        Kind.IP,
        _ALL,
        "The address that the request came from; absent for an operator.",
        lambda v: v.request.requester.source_ip,
    ),
    Fact(
        "request.status",
        Kind.STATUS,
        _SET,
        "The status asked for.",
        lambda v: _status(v.request.asked),
    ),
    Fact(
        "request.forwardTo",
        Kind.TEXT,
        _SET,
        "The target asked for, as it was written; absent when not said.",
        lambda v: _forward_to(v.request.asked),
    ),
    Fact(
        "request.ringCount",
        Kind.COUNT,
        _SET,
        "The number of rings asked for; absent when not said.",
        lambda v: _ring_count(v.request.asked),
    ),
    Fact(
        "stored.status",
        Kind.STATUS,
        _FEATURE,
        "The stored status of the feature that is asked about; 0 when never set.",
        lambda v: _status(_stored(v)),
    ),
    Fact(
        "stored.forwardTo",
        Kind.TEXT,
        _FEATURE,
        "The stored target of the feature that is asked about; absent when never set.",
        lambda v: _forward_to(_stored(v)),
    ),
    Fact(
        "stored.ringCount",
        Kind.COUNT,
        _FEATURE,
        "The stored number of rings of the feature that is asked about; absent when never set.",
        lambda v: _ring_count(_stored(v)),
    ),
    *(fact for feature in FEATURES for fact in _about_feature(feature)),
    *_USERS_AND_TARGETS,
    Fact(
        "rate.user",
        Kind.COUNT,
        _SET,
        "Sets asked for the presentity in the last minute, this one included.",
        lambda v: v.around.sets_of_user,
    ),
    Fact(
        "rate.device",
        Kind.COUNT,
        _SET,
        "Likewise from the same phone (watcher, address, User-Agent); absent for an operator.",
        lambda v: v.around.sets_of_device,
    ),
    Fact(
        "time",
        Kind.TIME,
        _ALL,
        "Local time of day.",
        lambda v: f"{v.at.hour:02d}:{v.at.minute:02d}",
    ),
    Fact(
        "weekday",
        Kind.WORD,
        _ALL,
        "Local day of the week.",
        lambda v: WEEKDAYS[v.at.weekday()],
        WEEKDAYS,
    ),
    Fact(
        "date",
        Kind.DATE,
        _ALL,
        "Local date.",
        lambda v: v.at.date().isoformat(),
    ),
    Fact(
        "now",
        Kind.MOMENT,
        _ALL,
        "The moment, in local time with its distance from UTC.",
        lambda v: v.at.isoformat(timespec="minutes"),
    ),
]

FACTS: dict[str, Fact] = {fact.name: fact for fact in _TABLE}
"""Every fact by its name, in the order of the documentation."""
