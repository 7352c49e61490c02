"""Hostile requests by the hundred thousand: plain `random`, for where hypothesis is too slow."""

from random import Random

from dfks_rules.model.features import FEATURES, VALUES_OF, FeatureState, Snapshot, Value
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester, Surroundings
from dfks_rules.policy.fact import Kind
from dfks_rules.policy.view import NOWHERE, View
from tests.helpers.random_policies import CONSTANTS, HOSTILE, moment

_DOMAINS = [*CONSTANTS[Kind.DOMAIN], "other.example"]
_ADDRESSES = ["10.0.0.7", "::ffff:10.1.1.1", "2001:db8::7", "junk"]
_MOMENTS = ["2026-01-05T12:00", "2026-12-31T23:59", "2024-02-29T07:58", "2026-11-24T08:00"]
_RINGS = [None, 1, 3, 100]


def random_view(random: Random) -> View:
    """A request that no peer would make by accident, what is stored, and when it comes."""
    operation = random.choice(list(Operation))
    feature = None if operation is Operation.SUBSCRIBE else random.choice(FEATURES)
    presentity = _aor(random)
    asked = None
    around = NOWHERE
    if operation is Operation.SET:
        asked = FeatureState(random.random() < 0.5, _text(random), random.choice(_RINGS))
        around = Surroundings(NOWHERE.stored_of, random.choice([None, 1, 3, 100]))
    requester = _requester(random, presentity)
    request = FeatureRequest(operation, presentity, requester, feature, asked)
    return View(request, _snapshot(random), moment(random.choice(_MOMENTS)), around)


def _text(random: Random) -> str | None:
    return random.choice([None, None, *HOSTILE])


def _aor(random: Random) -> Aor:
    return Aor(random.choice(HOSTILE), random.choice(_DOMAINS))


def _requester(random: Random, presentity: Aor) -> Requester:
    if random.random() < 0.4:
        return Requester(Origin.OPERATOR, param=_text(random))
    return Requester(
        Origin.WATCHER,
        random.choice([presentity, _aor(random)]),
        _text(random),
        _text(random),
        random.choice(["udp", "tcp"]),
        random.choice(_ADDRESSES),
    )


def _snapshot(random: Random) -> Snapshot:
    states = []
    for feature in FEATURES:
        takes = VALUES_OF[feature]
        forward_to = _text(random) if Value.FORWARD_TO in takes else None
        rings = random.choice(_RINGS) if Value.RING_COUNT in takes else None
        states.append(FeatureState(random.random() < 0.5, forward_to, rings))
    return Snapshot(1, tuple(states))
