"""Requests near what policies ask for: most rules are met by some, and just missed by others.

A request that has nothing to do with the policies matches no rule, and compares nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from dfks_rules.model.features import (
    FEATURES,
    VALUES_OF,
    Feature,
    FeatureState,
    Snapshot,
    state_of,
    values_from,
)
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import (
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import WEEKDAYS, known_fact
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source
from tests.helpers.near_values import values_near
from tests.helpers.plain_conditions import passes
from tests.helpers.random_policies import documents_of
from tests.helpers.random_questions import MOMENTS, random_view
from tests.helpers.random_words import HOSTILE

Wanted = dict[str, Any]
"""Fact → the value that it is to have."""

_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


class _Test(NamedTuple):
    """The tests of one fact, and values that pass all of them, or not."""

    fact: str
    said: Mapping[str, Any]
    hits: tuple[Any, ...]
    misses: tuple[Any, ...]


class _Rule(NamedTuple):
    """What a rule, or an Exception, asks for."""

    name: str
    condition: Any
    exclusion: Any
    then: Mapping[str, Any]
    lifts: Sequence[str]


def _read(written: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """A condition as (all | any | not, parts), of which the smallest are `_Test`."""
    parts: list[Any] = []
    for key, said in written.items():
        match key:
            case "all" | "any":
                parts.append((key, [_read(one) for one in said]))
            case "not":
                parts.append((key, [_read(said)]))
            case _:
                parts.append(_tests(key, said if isinstance(said, dict) else {"in": said}))
    return "all", parts


def _tests(fact: str, said: Mapping[str, Any]) -> _Test:
    near = dict.fromkeys(one for test in said.items() for one in values_near(fact, *test))

    def is_hit(value: Any) -> bool:
        return all(passes(fact, *test, {fact: value}.get, _AT) for test in said.items())

    if said.keys() & {"sameAs", "moreThan", "lessThan", "during", "outside"}:
        return _Test(fact, said, tuple(near), tuple(near))
    hits = tuple(one for one in near if is_hit(one))
    return _Test(fact, said, hits, tuple(one for one in near if one not in hits))


class NearQuestions:
    """Requests near what some policies ask for."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._rules = [rule for one in documents_of(sources) for rule in _rules_of(one)]
        self._named = {rule.name: rule for rule in self._rules}
        # An Exception shows only where what it lifts is denied, too.
        self._rules += [rule for rule in self._rules if rule.lifts] * 2

    def view(self, random: Random) -> View:
        """One request."""
        if not self._rules or random.random() < 0.05:
            return random_view(random)
        wanted: Wanted = {}
        aimed = random.choices(self._rules, k=random.choice((1, 1, 2, 2, 3)))
        for rule in aimed:
            for one in (
                rule,
                *(
                    self._named[name]
                    for name in random.sample(rule.lifts, min(1, len(rule.lifts)))
                    if name in self._named
                ),
            ):
                _aim(random, one.condition, random.random() < 0.85, wanted)
                if one.exclusion is not None:
                    _aim(random, one.exclusion, random.random() < 0.3, wanted)
        return _view(
            random, wanted, {name for rule in aimed for name in rule.then.get("values", ())}
        )


def _rules_of(document: Mapping[str, Any]) -> list[_Rule]:
    name = document["metadata"]["name"]
    said = [document] if document["kind"] == "Exception" else document["rules"]
    scope = document.get("scope", {})
    return [
        _Rule(
            f"{name}/{one.get('id')}",
            ("all", [_read(scope), _read(one.get("when", {}))]),
            _read(one["unless"]) if "unless" in one else None,
            one.get("then", {}),
            one.get("for", ()),
        )
        for one in said
    ]


def _aim(random: Random, condition: Any, hit: bool, wanted: Wanted) -> None:
    """Wishes for facts with which a condition holds, or just does not."""
    if isinstance(condition, _Test):
        _aim_at(random, condition, hit, wanted)
        return
    kind, parts = condition
    if kind == "not":
        _aim(random, parts[0], not hit, wanted)
    elif not parts:
        pass
    elif (kind == "all") is hit:
        # All parts have to hold, or none of them may.
        for part in parts:
            _aim(random, part, hit, wanted)
    else:
        one = random.choice(parts)
        for part in parts:
            if part is one or random.random() < 0.7:
                _aim(random, part, hit if part is one else not hit, wanted)


def _aim_at(random: Random, test: _Test, hit: bool, wanted: Wanted) -> None:
    said, fact = test.said, test.fact
    other = next((said[one] for one in ("sameAs", "moreThan", "lessThan") if one in said), None)
    if other is not None:
        value = random.choice(test.hits)
        wanted[fact] = wanted[other] = value
        if isinstance(value, int):
            wanted[fact] = max(value + random.choice((-1, 0, 1)), 0)
        elif (
            isinstance(value, str) and known_fact(other).kind is Kind.TEXT and random.random() < 0.1
        ):
            wanted[other] = value.swapcase()
        elif (random.random() < 0.8) is not hit:
            wanted[other] = random.choice(test.hits)
    elif "during" in said or "outside" in said:
        wanted["now"] = random.choice(MOMENTS)
    else:
        found = test.hits if hit else test.misses
        if found:
            wanted[fact] = random.choice(found)


# --- Facts → a request ---


def _view(random: Random, wanted: Wanted, values: set[str]) -> View:
    base = random_view(random)
    operation = _operation(random, wanted, base)
    feature = _feature(random, operation, wanted, values)
    presentity = _aor(wanted, "presentity", "user", "domain", base.request.presentity)
    requester = _requester(random, wanted, presentity, base.request.requester)
    snapshot = _snapshot(wanted, feature, base.snapshot)
    asked = None
    if operation is Operation.SET and feature is not None:
        about = base.request.asked or base.snapshot.state(feature)
        asked = _state(wanted, "request", feature, about)
    around = base.around
    if operation is Operation.SET:
        rates = [
            (name, n) for name, n in wanted.items() if name.startswith("rate.") and n is not None
        ]
        around = Surroundings(around.stored_of, (*rates, *around.rates), around.groups)
    given = dict(base.given) if random.random() < 0.2 else {}
    given |= {name: what for name, what in wanted.items() if known_fact(name).derived}
    derived = tuple(
        (name, what) for name, what in given.items() if operation in known_fact(name).operations
    )
    request = FeatureRequest(operation, presentity, requester, feature, asked)
    return View(request, snapshot, _at(wanted, base.at), around, given=derived)


def _operation(random: Random, wanted: Wanted, base: View) -> Operation:
    if wanted.get("op") is not None:
        return Operation(wanted["op"])
    every = [known_fact(name).operations for name, value in wanted.items() if value is not None]
    some = frozenset(Operation).intersection(*every)
    return random.choice(sorted(some, key=str)) if some else base.request.operation


def _feature(
    random: Random, operation: Operation, wanted: Wanted, values: set[str]
) -> Feature | None:
    if operation is Operation.SUBSCRIBE:
        return None
    if wanted.get("feature") is not None:
        return Feature(wanted["feature"])
    names = values | {
        name.partition(".")[2]
        for name, value in wanted.items()
        if name.startswith(("request.", "stored.")) and value is not None
    }
    fit = [one for one in FEATURES if names & {value.value for value in VALUES_OF[one]}]
    return random.choice(fit if fit and random.random() < 0.9 else FEATURES)


def _aor(wanted: Wanted, whole: str, user: str, domain: str, base: Aor) -> Aor:
    if wanted.get(whole) is not None:
        before, _, after = wanted[whole].removeprefix("sip:").rpartition("@")
        base = Aor(before, after)
    name, host = wanted.get(user, base.user), wanted.get(domain, base.domain)
    return Aor("" if name is None else name, host or base.domain)


def _requester(random: Random, wanted: Wanted, presentity: Aor, base: Requester) -> Requester:
    def said(name: str, otherwise: Any) -> Any:
        return wanted.get(name, otherwise)

    of_watcher = ("watcher", "watcher.user", "watcher.domain", "device", "userAgent", "auth.user")
    origin = base.origin
    if wanted.get("origin") is not None:
        origin = Origin(wanted["origin"])
    elif any(wanted.get(name) is not None for name in of_watcher):
        origin = Origin.WATCHER
    elif any(name in wanted and wanted[name] is None for name in of_watcher[:3]):
        origin = random.choice((Origin.OPERATOR, Origin.INTERNAL))
    elif wanted.get("param") is not None:
        origin = Origin.OPERATOR
    transport, address = said("transport", base.transport), said("source.ip", base.source_ip)
    if origin is not Origin.WATCHER:
        return Requester(origin, None, None, None, transport, address, said("param", base.param))
    known = base.watcher or random.choice((presentity, Aor(random.choice(HOSTILE), "b.example")))
    if random.random() < 0.3:
        known = presentity
    watcher = _aor(wanted, "watcher", "watcher.user", "watcher.domain", known)
    method = AuthMethod(
        said("auth.method", None) or random.choice([AuthMethod.DIGEST, AuthMethod.TRUSTED]).value
    )
    identity = None
    name = said("auth.user", watcher.user)
    if method is not AuthMethod.NONE and name is not None:
        identity = Identity(watcher, method, name)
    return Requester(
        origin,
        watcher,
        said("device", base.device),
        said("userAgent", base.user_agent),
        transport,
        address,
        said("param", None),
        identity,
    )


def _snapshot(wanted: Wanted, feature: Feature | None, base: Snapshot) -> Snapshot:
    states = [
        _state(wanted, one.value, one, base.state(one))
        if any(name.startswith(f"{one.value}.") for name in wanted)
        else base.state(one)
        for one in FEATURES
    ]
    if feature is not None and any(name.startswith("stored.") for name in wanted):
        place = FEATURES.index(feature)
        states[place] = _state(wanted, "stored", feature, states[place])
    return Snapshot(1, tuple(states))


def _state(wanted: Wanted, prefix: str, feature: Feature, base: FeatureState) -> FeatureState:
    """Some state, as a whole nonsense perhaps: what is asked for may be anything."""
    status = wanted.get(f"{prefix}.status")
    said = {
        value: wanted.get(f"{prefix}.{value.value}", base.value(value))
        for value in ({*VALUES_OF[feature], *dict(base.values)})
    }
    state = FeatureState(base.status if status is None else bool(status), values_from(said))
    return state_of(feature, state)


def _at(wanted: Wanted, base: datetime) -> datetime:
    at: datetime = base
    if isinstance(wanted.get("now"), datetime):
        at = wanted["now"]
    if wanted.get("date"):
        at = datetime.fromisoformat(f"{wanted['date']}T{at:%H:%M}").replace(tzinfo=at.tzinfo)
    if wanted.get("weekday"):
        at += timedelta((WEEKDAYS.index(wanted["weekday"]) - at.weekday()) % 7)
    if wanted.get("time"):
        at = at.replace(hour=int(wanted["time"][:2]), minute=int(wanted["time"][3:]))
    return at
