"""Requests to decide again, from a decision log or from stored states."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from dfks_rules.model.features import FEATURES, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS, fact_named, known_fact
from dfks_rules.policy.facts.given import missing
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.samples import possible
from dfks_rules.policy.studying.witness import Facts, witness_of
from dfks_rules.policy.words.wording import did_you_mean, quoted


def recorded(line: bytes) -> View:
    """The request in one record of a decision log.

    Args:
        line: a JSON object with the facts under `given`.

    Raises:
        ValueError: the line is not such a record; the message says why in plain words.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError("not JSON") from error
    given = record.get("given") if isinstance(record, dict) else None
    if not isinstance(given, dict):
        raise ValueError("record has no `given`")
    return _view(given)


def stored_as_sets(presentity: Aor, snapshot: Snapshot, at: datetime) -> Iterator[View]:
    """For each feature that is on: a set of its stored state by the presentity's own phone."""
    requester = Requester(Origin.WATCHER, presentity)
    for feature in FEATURES:
        state = snapshot.state(feature)
        if state.status:
            request = FeatureRequest(Operation.SET, presentity, requester, feature, state)
            yield View(request, snapshot, at)


def _view(given: Facts) -> View:
    for name in given:
        if fact_named(name) is None:
            raise ValueError(f"unknown fact {quoted(name)}{did_you_mean(name, FACTS)}")
    given = {name: _value(name, value) for name, value in given.items()}
    try:
        problem = missing(given)
        witness = None if problem else witness_of(given)
    except (LookupError, ValueError, TypeError, AttributeError):
        # A fact of another type or form than requests have.
        problem, witness = None, None
    if problem:
        raise ValueError(problem.replace("case has", "record has"))
    if witness is None or len(witness.given) < len(given):
        raise ValueError(_why_not(given, {} if witness is None else witness.given))
    return witness.view


def _value(name: str, value: Any) -> Any:
    """The value of a fact; names must be a JSON list, not a text."""
    if known_fact(name).kind not in (Kind.NAMES, Kind.NUMBERS):
        return value
    if not (isinstance(value, list) and possible(name, tuple(value))):
        raise ValueError(f"`{name}` cannot be {quoted(value)}: it is a list of names")
    return tuple(value)


def _why_not(given: Facts, kept: Facts) -> str:
    for name, value in given.items():
        if not possible(name, value):
            return f"`{name}` cannot be {quoted(value)}"
    return f"`{next(name for name in given if name not in kept)}` does not go with the other facts"
