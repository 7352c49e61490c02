"""What the engine's rows mean."""

from collections.abc import Mapping
from math import isnan
from typing import Any

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, OFF, Deadline, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.model.values import VALUES
from dfks_rules.operations.ports import Stored
from dfks_rules.service.ports import DialogRow, JournalEntry
from dfks_rules.store.journal import state_from
from dfks_rules.store.postgres.ports import Changed, Moved
from dfks_rules.store.tables import deadline_of, values_of

Row = Mapping[str, Any]
"""A row that a function has given: name of the column → value."""

_FEATURES = {feature.value: feature for feature in FEATURES}
_VALUES = frozenset(value.value for value in VALUES)
_ORIGINS = {origin.value: origin for origin in Origin}
_NAMES = tuple(feature.value for feature in FEATURES)


class SpoiltError(StoreError):
    """Another program has written something that is none of what we write."""

    def __init__(self, table: str, presentity: Aor, why: Exception) -> None:
        """Says what is spoilt.

        Args:
            table: in which table.
            presentity: whose row it is.
            why: what is wrong with it.
        """
        told = f"`dfks.{table}` is spoilt for {presentity.uri}: {why!r}"
        super().__init__("store_unavailable", told)
        self.presentity = presentity


def snapshot_from(presentity: Aor, revision: int, states: str) -> Snapshot:
    """What is stored for a presentity.

    Features and values of a newer release are left out: whoever knows them still finds them.

    Raises:
        SpoiltError: another program has written something that is no state.
    """
    try:
        said = orjson.loads(states)
        deadlines = _deadlines(said) if '"expires"' in states else ()
        return Snapshot(revision, tuple([_state(said.get(name)) for name in _NAMES]), deadlines)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpoiltError("presentity", presentity, error) from error


def _deadlines(said: Any) -> tuple[Deadline, ...]:
    timed = [(one, said[one.value]) for one in FEATURES if one.value in said]
    return tuple(
        [
            deadline_of(feature, state["expires"], state.get("expires_by"))
            for feature, state in timed
            if state.get("expires") is not None
        ]
    )


def _state(said: Any) -> FeatureState:
    if said is None:
        return OFF
    known = {name: what for name, what in said["values"].items() if name in _VALUES}
    return FeatureState(bool(said["status"]), values_of(known))


def patch_json(before: Snapshot, after: Snapshot) -> dict[str, object]:
    """The states that differ, as `dfks.presentity` has them."""
    patch: dict[str, object] = {
        feature.value: {"status": state.status, "values": state.by_name}
        for feature, old, state in zip(FEATURES, before.states, after.states, strict=True)
        if state is not old and state != old
    }
    if before.deadlines or after.deadlines:
        _time(patch, before, after)
    return patch


def _time(patch: dict[str, object], before: Snapshot, after: Snapshot) -> None:
    """Add deadlines, and the states of which only the deadline differs."""
    old = {one.feature: one for one in before.deadlines}
    new = {one.feature: one for one in after.deadlines}
    for feature in FEATURES:
        end = new.get(feature)
        if feature.value in patch or end != old.get(feature):
            state = after.state(feature)
            said: dict[str, object] = {"status": state.status, "values": state.by_name}
            if end is not None:
                said |= {"expires": end.at, "expires_by": end.rule}
            patch[feature.value] = said


def stored_from(row: Row) -> Stored:
    """What is stored for a presentity.

    Raises:
        SpoiltError: see `snapshot_from`.
    """
    presentity = Aor(row["username"], row["domain"])
    return Stored(presentity, snapshot_from(presentity, row["revision"], row["states"]))


def dialog_from(row: Row) -> DialogRow:
    """A subscription; one that ends at no moment at all has ended."""
    deadline = row["deadline"]
    return DialogRow(
        row["number"],
        row["tag"],
        Aor(row["username"], row["domain"]),
        0.0 if isnan(deadline) else deadline,
        row["cseq"],
        row["base"],
        row["flags"],
        row["first"],
        row["last"],
    )


def entry_from(row: Row) -> JournalEntry | None:
    """A change of one feature; None where only a newer release knows what it is about.

    Raises:
        SpoiltError: another program has written something that is none.
    """
    feature, origin = _FEATURES.get(row["feature"]), _ORIGINS.get(row["origin"])
    if feature is None or origin is None:
        return None
    presentity = Aor(row["username"], row["domain"])
    try:
        before, after = _old_or_new(row["before"]), _old_or_new(row["after"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpoiltError("change", presentity, error) from error
    return JournalEntry(
        row["seq"],
        row["at"],
        presentity,
        row["revision"],
        feature,
        before,
        after,
        origin,
        row["actor"],
        row["rule"],
        row["decision"],
    )


def _old_or_new(text: str) -> FeatureState:
    try:
        return state_from(text)
    except ValueError:
        return _state(orjson.loads(text))


def told_from(row: Row) -> Changed | Moved | None:
    """Something that the feed tells; None where only a newer release knows what it is about.

    Raises:
        SpoiltError: another program has written something that is none of it.
    """
    if row["tag"] is not None:
        return Moved(row["epoch"], row["seq"], row["tag"], row["number"])
    entry = entry_from(row)
    if entry is None:
        return None
    snapshot = snapshot_from(entry.presentity, row["stored"], row["states"])
    return Changed(row["epoch"], entry, row["tells"], snapshot)
