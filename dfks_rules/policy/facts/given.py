"""Facts as people and logs write them → the request they describe, and back.

Facts not given have defaults: Alice's own phone, noon on a Monday, and nothing stored.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dfks_rules.model.features import (
    NOTHING_STORED,
    OFF,
    POSITION,
    SPELLINGS,
    Feature,
    FeatureState,
    Snapshot,
    state_of,
    values_from,
)
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import (
    EXPIRED,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.model.values import VALUES
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import drop_sole_number
from dfks_rules.policy.facts.facts import FACTS, WEEKDAYS, known_fact
from dfks_rules.policy.facts.families import counts_seen, facts_of_people
from dfks_rules.policy.facts.there import features_with, origins_with
from dfks_rules.policy.facts.view import NOWHERE, FactValue, View

Given = Mapping[str, Any]
"""Name of a fact → its value."""

YEARS = range(1900, 3000)
"""Years a request may be in; near the calendar's first and last day, time zones overflow."""
_BASE = {
    "origin": "watcher",
    "presentity": "sip:alice@example.com",
    "date": "2026-01-05",
    "time": "12:00",
}


def given_of(view: View) -> dict[str, FactValue]:
    """Every fact of a request; `view_of` turns them back into the same request.

    Without `target.numbers` where the target is one number: `target.number` says it.
    """
    values = {name: fact.read(view) for name, fact in FACTS.items()}
    drop_sole_number(values)
    values |= facts_of_people(view) | counts_seen(view)
    values |= {name: value for name, value in view.given if name not in FACTS}
    return {name: value for name, value in values.items() if value is not None}


def missing(facts: Given, *, is_case: bool = True) -> str | None:
    """Why well-formed facts do not describe one request; None when they do.

    Args:
        facts: what is given.
        is_case: whether a case gives them.
    """
    needed = {
        "get": ("feature",),
        "set": ("feature", "request.status"),
        "subscribe": (),
        None: ("op",),
    }
    words = dict(_words(facts))
    for name in needed[facts.get("op")]:
        if name not in facts and name not in words:
            if is_case:
                return phrase("case has no `{name}`", name=name)
            return phrase("facts lack `{name}`", name=name)
    for name, status in words.items():
        if facts.get(name, int(status)) != int(status):
            return phrase(
                "case has `{name}: {value}`, and a word for {status}",
                name=name,
                value=facts[name],
                status=int(status),
            )
    for name in ("date", "now"):
        try:
            year = datetime.fromisoformat(facts.get(name, _BASE["date"])).year
        except ValueError:
            return phrase("`{text}` is not a calendar date", text=facts[name])
        if year not in YEARS:
            return phrase(
                "`{text}` is outside the years {first} to {last}",
                text=facts[name],
                first=YEARS[0],
                last=YEARS[-1],
            )
    return None


def view_of(given: Given) -> View:
    """The request these facts describe, with what is stored and when it arrives.

    Args:
        given: well-formed facts for which `missing` returns None.
    """
    facts = {**_BASE, **given}
    operation = Operation(facts["op"])
    feature = Feature(facts["feature"]) if "feature" in facts else None
    if operation is Operation.SUBSCRIBE:
        feature = None
    presentity = _aor(facts, "presentity", "user", "domain")
    asked = None
    if operation is Operation.SET and feature is not None:
        asked = state_of(feature, _state(facts, "request"))
    request = FeatureRequest(operation, presentity, _requester(facts, presentity), feature, asked)
    around = NOWHERE
    if operation is Operation.SET:
        rates = tuple((name, value) for name, value in facts.items() if name.startswith("rate."))
        around = Surroundings(NOWHERE.stored_of, rates)
    origin = Origin(facts["origin"])
    derived = tuple(
        (name, _frozen(value))
        for name, value in given.items()
        for fact in (known_fact(name),)
        if fact.derived
        and operation in fact.operations
        and origin in origins_with(name)
        and (feature is None or feature in features_with(name))
    )
    return View(request, _snapshot(facts, feature), _at(facts), around, given=derived)


def _frozen(value: Any) -> FactValue:
    return tuple(value) if isinstance(value, list) else value


def _aor(facts: Given, whole: str, user: str, domain: str) -> Aor:
    before, _, after = facts[whole].removeprefix("sip:").rpartition("@")
    return Aor(facts.get(user, before), facts.get(domain, after))


def _requester(facts: Given, presentity: Aor) -> Requester:
    if facts["origin"] == Origin.OPERATOR.value:
        return Requester(
            Origin.OPERATOR,
            None,
            None,
            None,
            facts.get("transport"),
            facts.get("source.ip"),
            facts.get("param"),
        )
    if facts["origin"] == Origin.INTERNAL.value:
        return EXPIRED if facts.get("param") == EXPIRED.param else Requester(Origin.INTERNAL)
    watching = {"watcher": presentity.uri, **facts}
    watcher = _aor(watching, "watcher", "watcher.user", "watcher.domain")
    return Requester(
        Origin.WATCHER,
        watcher,
        facts.get("device"),
        facts.get("userAgent"),
        facts.get("transport"),
        facts.get("source.ip"),
        None,
        _identity(facts, watcher),
    )


def _identity(facts: Given, watcher: Aor) -> Identity | None:
    """Who proved a name has a method: by a password where none is given."""
    usual = AuthMethod.DIGEST if "auth.user" in facts else AuthMethod.NONE
    method = AuthMethod(facts.get("auth.method", usual.value))
    if method is AuthMethod.NONE:
        return None
    return Identity(watcher, method, facts.get("auth.user", watcher.user))


def _state(facts: Given, prefix: str) -> FeatureState:
    values = {value: facts.get(f"{prefix}.{value.value}") for value in VALUES}
    return FeatureState(bool(facts.get(f"{prefix}.status", 0)), values_from(values))


def _words(facts: Given) -> Iterator[tuple[str, bool]]:
    """Facts that are a status, which another fact spells out → the status that it stands for."""
    for feature, spelling in SPELLINGS.items():
        name = feature.value
        for prefix in (name, "stored", "request") if facts.get("feature") == name else (name,):
            word = facts.get(f"{prefix}.{spelling.value.value}")
            if word is not None:
                yield f"{prefix}.status", spelling.status_of(word)


def _kept(feature: Feature, said: FeatureState) -> FeatureState:
    """The state that is stored when this is said of it."""
    spelling = SPELLINGS.get(feature)
    meant = state_of(feature, said)
    return meant if spelling is None else spelling.agreed(meant, OFF)


def _snapshot(facts: Given, feature: Feature | None) -> Snapshot:
    states = [_kept(one, _state(facts, one.value)) for one in Feature]
    if feature is not None and any(name.startswith("stored.") for name in facts):
        states[POSITION[feature]] = _kept(feature, _state(facts, "stored"))
    snapshot = Snapshot(1, tuple(states))
    return NOTHING_STORED if snapshot.states == NOTHING_STORED.states else snapshot


def _at(facts: Given) -> datetime:
    if "now" in facts:
        return datetime.fromisoformat(facts["now"])
    at = datetime.fromisoformat(f"{facts['date']}T{facts['time']}").replace(tzinfo=UTC)
    ahead = WEEKDAYS.index(facts.get("weekday", WEEKDAYS[at.weekday()])) - at.weekday()
    return at + timedelta(days=ahead)
