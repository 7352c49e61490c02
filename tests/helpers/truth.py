"""What the file of a store says when all is over, as events of a history."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from math import inf
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.helpers.history import Event, Granted, Held, States, Stored, Told
from tests.helpers.postgres import Cluster


def told_after(history: Iterable[Event]) -> str:
    """How long it took from a change until each watcher heard of it."""
    stored: dict[tuple[str, str, str], float] = {}
    told: dict[tuple[str, str, str, str], float] = {}
    granted: dict[str, float] = {}
    for event in history:
        if isinstance(event, Stored) and event.at is not None:
            stored[event.presentity, event.feature, event.after] = event.at
        elif isinstance(event, Granted):
            granted.setdefault(event.dialog, event.at)
        elif isinstance(event, Told):
            for feature, state in event.states.items():
                told.setdefault((event.dialog, event.presentity, feature, state), event.at)
    waits = sorted(
        at - stored[key[1:]]
        for key, at in told.items()
        # Only targets are unique: what is switched on and off again has no single time.
        if key[1:] in stored and key[3] not in ("on", "off")
        # Who subscribes later hears of old changes.
        if granted.get(key[0], inf) < stored[key[1:]]
    )
    if len(waits) < 2:
        return "nobody was told of a change"
    cuts = quantiles(waits, n=100)
    return f"told after p50 {cuts[49]:.3f}, p99 {cuts[98]:.2f}, most {waits[-1]:.2f} s"


def truth_of(file: Path) -> list[Event]:
    """All that the journal and the states of a store say."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [*_journal(connection), *_states(connection)]


def truth_of_database(server: Cluster, database: str) -> list[Event]:
    """The same of a database that several nodes share."""
    rows = server.run(
        "SELECT seq, extract(epoch FROM at)::float8, username, domain, revision, feature,"
        " before::text, after::text FROM dfks.change ORDER BY seq",
        database=database,
    )
    held = server.run(
        "SELECT username, domain, revision, states FROM dfks.presentity", database=database
    )
    return [
        *map(_stored, rows),
        *[
            Held(
                f"sip:{user}@{domain}",
                revision,
                {
                    feature: _text(state["values"], is_on=state["status"])
                    for feature, state in states.items()
                },
            )
            for user, domain, revision, states in held
        ],
    ]


def _stored(row: tuple[Any, ...]) -> Stored:
    seq, at, user, domain, revision, feature, before, after = row
    aor = f"sip:{user}@{domain}"
    return Stored(at, seq, aor, revision, feature, _state(after), _state(before))


def _journal(connection: sqlite3.Connection) -> Iterator[Event]:
    rows = connection.execute(
        "SELECT seq, at, user, domain, revision, feature, before, after FROM change ORDER BY seq"
    )
    return map(_stored, rows)


def _states(connection: sqlite3.Connection) -> Iterator[Event]:
    held: dict[str, tuple[int, States]] = {}
    rows = connection.execute(
        "SELECT user, domain, revision, feature, status, feature_values"
        " FROM presentity LEFT JOIN feature_state USING (domain, user)"
    )
    for user, domain, revision, feature, status, values in rows:
        _, states = held.setdefault(f"sip:{user}@{domain}", (revision, {}))
        if feature is not None:
            states[feature] = _text(json.loads(values), is_on=bool(status))
    for presentity, (revision, states) in held.items():
        yield Held(presentity, revision, states)


def _state(text: str) -> str:
    said = json.loads(text)
    return _text(said["values"], is_on=said["status"])


def _text(values: dict[str, str | int], *, is_on: bool) -> str:
    """A state as the history writes it: what one that is off would be with is nobody's business."""
    words = [str(values[name]) for name in ("forwardTo", "ringCount") if name in values]
    return " ".join(["on", *words]) if is_on else "off"
