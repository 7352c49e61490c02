"""Hostile requests by the hundred thousand."""

from datetime import UTC, datetime
from functools import partial
from random import Random

from dfks_rules.model.features import FEATURES, ROWS, Snapshot
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import (
    FeatureRequest,
    GroupCounts,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.model.values import Choice, Integer, Text
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS, known_fact
from dfks_rules.policy.facts.view import NOWHERE, FactValue, View
from tests.helpers.random_words import CONSTANTS, HOSTILE, OF_FAMILIES
from tests.helpers.states import some_state

_DOMAINS = [*CONSTANTS[Kind.DOMAIN], "other.example"]
_ADDRESSES = ["10.0.0.7", "::ffff:10.1.1.1", "2001:db8::7", "junk"]
_DAYS = [
    *("2026-01-04", "2026-01-05", "2026-01-06", "2026-01-12", "2024-02-28", "2024-02-29"),
    *("2026-04-04", "2026-04-06", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-28"),
    *("2026-03-29", "2026-10-25", "2026-12-30", "2026-12-31", "2027-01-01", "2025-12-31"),
]
"""About the days that schedules name; the clocks of Berlin change on two, and some are weekends."""
_TIMES = [
    *("00:00", "06:59", "07:00", "07:58", "07:59", "08:00", "11:59", "12:00", "12:01"),
    # Office hours begin and end in Berlin, where it is one or two hours later.
    *("15:59", "16:00", "16:59", "17:00", "17:59", "18:00", "21:59", "22:00", "23:59"),
]
MOMENTS = [
    datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC) for day in _DAYS for time in _TIMES
]
_TARGETS = [
    *HOSTILE,
    *("112", "0112", "201", "sip:alice@example.com", "+4930123456", "030123456", "0019004440100"),
    *(
        "+1 900 444-0100",
        "9,+19004440100",
        "9004930123456",
        "+442079460123",
        "sip:bob@other.example",
        "*72",
        "0180 5 123456",
    ),
]
_RINGS = [None, 1, 3, 100]


Question = tuple[FeatureRequest, Snapshot, datetime]
"""What `PolicySet.decide` is asked."""


def question(random: Random) -> Question:
    """A request that no peer would make by accident, and what is stored."""
    return random_view(random)[:3]


def random_view(random: Random) -> View:
    """A request that no peer would make by accident, what is stored, and when it arrives."""
    operation = random.choice(list(Operation))
    feature = None if operation is Operation.SUBSCRIBE else random.choice(FEATURES)
    presentity = _aor(random)
    asked = None
    around = NOWHERE
    if feature is not None and operation is Operation.SET:
        # Mostly nonsense, as of a target for DoNotDisturb.
        about = feature if ROWS[feature].spelling else random.choice(FEATURES)
        asked = some_state(about, random.random() < 0.5, partial(_value, random))
        others = _snapshot(random)
        around = Surroundings(
            lambda _aor: others,
            random.choice([(), *((("rate.user", n),) for n in (1, 3, 100))]),
            random.choice([None, GroupCounts(lambda *_: (3, 1)), GroupCounts(lambda *_: None)]),
        )
    requester = _requester(random, presentity)
    request = FeatureRequest(operation, presentity, requester, feature, asked)
    at = random.choice(MOMENTS)
    return View(request, _snapshot(random), at, around, given=_given(random, operation))


def _given(random: Random, operation: Operation) -> tuple[tuple[str, FactValue], ...]:
    """Some derived facts, given directly, as few random numbers are premium ones."""
    given: list[tuple[str, FactValue]] = []
    for fact in map(known_fact, (*FACTS, *OF_FAMILIES)):
        if fact.derived and operation in fact.operations and random.random() < 0.4:
            value = random.choice([None, *(fact.words or CONSTANTS[fact.kind])])
            several = fact.kind in (Kind.NAMES, Kind.NUMBERS)
            given.append((fact.name, (value,) if value and several else value))
    return tuple(given) if random.random() < 0.5 else ()


def _target(random: Random) -> str | None:
    return random.choice([None, *_TARGETS])


def _text(random: Random) -> str | None:
    return random.choice([None, None, *HOSTILE])


def _aor(random: Random) -> Aor:
    return Aor(random.choice(HOSTILE), random.choice(_DOMAINS))


def _requester(random: Random, presentity: Aor) -> Requester:
    if random.random() < 0.4:
        return Requester(Origin.OPERATOR, param=_text(random))
    if random.random() < 0.2:
        return Requester(Origin.INTERNAL)
    watcher = random.choice([presentity, _aor(random)])
    method = random.choice([AuthMethod.DIGEST, AuthMethod.TRUSTED])
    return Requester(
        Origin.WATCHER,
        watcher,
        _text(random),
        _text(random),
        random.choice(["udp", "tcp"]),
        random.choice(_ADDRESSES),
        None,
        random.choice([None, Identity(watcher, method, watcher.user)]),
    )


def _snapshot(random: Random) -> Snapshot:
    states = [
        some_state(feature, random.random() < 0.5, partial(_value, random)) for feature in FEATURES
    ]
    return Snapshot(1, tuple(states))


def _value(random: Random, kind: Text | Integer | Choice) -> str | int | None:
    match kind:
        case Text():
            return _target(random)
        case Integer():
            return random.choice(_RINGS)
        case Choice(words):
            return random.choice([None, *words])
