"""The journal: who changed what, when, and by which rule.

The table `change` has a row for each change of a feature, written in the transaction of the state.
Each row names the one before of the same presentity, and `presentity.changed` the newest: a history
is that chain, since a second index would cost more than everything else of a change.

All functions take a connection, so that other programs read the same while a server writes.
"""

import sqlite3
from typing import Any, NamedTuple

import orjson

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import VALUES_OF, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.service.ports import Change, JournalEntry, Wanted
from dfks_rules.store.life import LATEST
from dfks_rules.store.tables import as_json, values_of

_COLUMNS = "seq, at, user, domain, revision, feature, before, after, origin, actor, rule, decision"
_NEWEST = "SELECT coalesce(max(seq), 0) FROM change"
_READ = f"SELECT {_COLUMNS} FROM change WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
_BELOW_ALL = f"SELECT {_COLUMNS} FROM change WHERE seq < ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
# A link leads to a lower number, of the same presentity. Where a program has spoilt one, the
# history ends: a cycle would be walked for ever.
_OWN = "domain = :domain AND user = :user"
_CHANGED = f"SELECT changed FROM presentity WHERE {_OWN}"  # noqa: S608
_PREVIOUS = f"""
    SELECT previous FROM change WHERE seq = :before AND previous < seq AND {_OWN}"""  # noqa: S608
_BELOW = f"""
    WITH RECURSIVE chain(link) AS (
        {_CHANGED} UNION ALL SELECT previous FROM chain JOIN change ON seq = link
        WHERE link >= :before AND previous < link AND {_OWN}
    )
    SELECT max(link) FROM chain WHERE link < :before
"""  # noqa: S608
# Bounded inside, since all of it is walked before the first row is given; CROSS: in its order.
_OF = f"""
    WITH RECURSIVE chain(link, number) AS (
        SELECT :start, 1
        UNION ALL SELECT previous, number + 1 FROM chain JOIN change ON seq = link
        WHERE number < :at_most AND previous < link AND {_OWN}
    )
    SELECT {_COLUMNS} FROM chain CROSS JOIN change ON seq = link WHERE {_OWN}
"""  # noqa: S608
_CHANGED_SINCE = "SELECT DISTINCT user, domain FROM change WHERE seq > ?"
_INSERT = "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Only the oldest are looked at, else each purge with nothing to remove would read the whole table.
_PURGE = """
    DELETE FROM change WHERE seq IN (
        SELECT seq FROM (
            SELECT seq, coalesce(steady, at) AS made FROM change ORDER BY seq LIMIT :at_most)
        WHERE made < :older_than AND seq < (SELECT max(seq) FROM change))"""
_NO_SEQ = 2**63 - 1
"""Above all numbers."""
Row = tuple[int, float, str, str, int, str, str, str, str, str, str, str, int, float]
"""A row of `change`."""


class When(NamedTuple):
    """A moment, by both of the server's clocks."""

    at: float
    """What the wall clock says, for people; seconds since 1970."""
    steady: float
    """The same as if nobody had set the clock since the server began; see `app.clock`."""


def newest(connection: sqlite3.Connection) -> int:
    """Number of the newest entry; 0 when there was never one."""
    [number] = connection.execute(_NEWEST).fetchone()
    return int(number)


def read(connection: sqlite3.Connection, after: int, at_most: int) -> list[JournalEntry]:
    """The entries that follow the one with the number `after`, in order.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: another program wrote something that is not a change; or the file is damaged,
            so that whoever reads on would come to no end.
    """
    entries = [_entry(row) for row in connection.execute(_READ, (after, at_most)).fetchall()]
    if entries and entries[-1].seq <= after:
        raise _not_in_order()
    return entries


def newest_of_all(
    connection: sqlite3.Connection, at_most: int, before: int | None = None
) -> list[JournalEntry]:
    """The entries of all presentities, the newest first.

    Args:
        connection: an open store.
        at_most: how many.
        before: only those with lower numbers than this.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: see `read`.
    """
    below = _NO_SEQ if before is None else before
    rows = connection.execute(_BELOW_ALL, (below, at_most)).fetchall()
    entries = [_entry(row) for row in rows]
    if entries and entries[-1].seq >= below:
        raise _not_in_order()
    return entries


def _not_in_order() -> ValueError:
    return ValueError("rows of `change` are not in order")


def of(
    connection: sqlite3.Connection, presentity: Aor, at_most: int, before: int | None = None
) -> list[JournalEntry]:
    """The entries of one presentity, the newest first.

    Args:
        connection: an open store.
        presentity: whose.
        at_most: how many.
        before: only those with lower numbers than this.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: see `read`.
    """
    start = _start(connection, presentity, before)
    wanted = {**presentity._asdict(), "start": start, "at_most": at_most}
    return [_entry(row) for row in connection.execute(_OF, wanted).fetchall()]


def _start(connection: sqlite3.Connection, presentity: Aor, before: int | None) -> int:
    """Number of the newest entry of a presentity below `before`; 0 when there is none."""
    named = {**presentity._asdict(), "before": before}
    if before is None:
        row = connection.execute(_CHANGED, named).fetchone()
    else:
        # Whoever reads on names the last entry that it has.
        row = connection.execute(_PREVIOUS, named).fetchone()
        row = row or connection.execute(_BELOW, named).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def changed_since(connection: sqlite3.Connection, seq: int) -> frozenset[Aor]:
    """Whose features have changed since the entry with this number.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    return frozenset([Aor(*row) for row in connection.execute(_CHANGED_SINCE, (seq,)).fetchall()])


def purge(connection: sqlite3.Connection, older_than: float, at_most: int) -> int:
    """Remove the oldest entries; gives how many.

    The newest of all stays, so that numbers never begin anew.

    Args:
        connection: an open store; the caller commits.
        older_than: seconds since 1970, as `When.steady`: a wall clock that is wrong for a while
            removes nothing.
        at_most: how many.

    Raises:
        sqlite3.Error: nothing is removed.
    """
    bounds = {"older_than": older_than, "at_most": at_most}
    return connection.execute(_PURGE, bounds).rowcount


def insert(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Write rows; the caller commits."""
    connection.executemany(_INSERT, rows)


def rows_of(
    change: Change, asked_first: Aor, start: str, when: When, newest: int, previous: int
) -> list[Row]:
    """The rows for one change of a presentity: one for each feature's change.

    Args:
        change: what is stored.
        asked_first: whose features its request was for.
        start: which start of the server decides.
        when: now.
        newest: number of the newest entry there is.
        previous: number of the presentity's newest entry; 0 when it has none.
    """
    rows: list[Row] = []
    user, domain = change.presentity
    for number, outcome in enumerate(change.outcomes, change.first):
        before, after, request = outcome.before, outcome.after, outcome.request
        if before is after or before == after or request.feature is None:
            continue
        requester = request.requester
        newest += 1
        rows.append(
            (
                newest,
                when.at,
                user,
                domain,
                change.after.revision,
                request.feature._value_,
                json_of(before),
                json_of(after),
                requester.origin._value_,
                requester.told_actor or asked_first.uri,
                _rule(outcome, request.feature),
                f"{start}-{number}",
                previous,
                when.steady,
            )
        )
        previous = newest
    return rows


def asked_first(wanted: Wanted) -> Aor:
    """Whose features a request that changes something was for."""
    first = wanted.changes[0]
    if wanted.seen and first.outcomes[:1] and _is_internal(first.outcomes[0]):
        # Nothing has changed but what followed.
        return wanted.seen[0][0]
    return first.presentity


def _is_internal(outcome: Outcome) -> bool:
    requester = outcome.request.requester
    return requester.origin is Origin.INTERNAL and requester.told_actor is None


def _rule(outcome: Outcome, feature: Feature) -> str:
    """The rule that made it follow, or decided on the status, else on a value."""
    if outcome.also_by:
        return outcome.also_by
    by = outcome.decision.decided_by
    if not by:
        return ""
    rule = by.get("status")
    if rule is None:
        names = [value._value_ for value in VALUES_OF[feature]]
        rule = next((by[name] for name in names if name in by), "")
    return rule


def json_of(state: FeatureState) -> str:
    """A state as the columns `before` and `after` have it."""
    return as_json({"status": state.status, "values": state.by_name})


def _entry(row: tuple[Any, ...]) -> JournalEntry:
    seq, at, user, domain, revision, feature, before, after, origin, *told = row
    if not (isinstance(at, float) and 0 <= at < LATEST):
        raise ValueError("`change` holds something that is not a time")
    return JournalEntry(
        seq,
        at,
        Aor(user, domain),
        revision,
        Feature(feature),
        state_from(before),
        state_from(after),
        Origin(origin),
        *told,
    )


def state_from(text: str) -> FeatureState:
    """A state, from the columns `before` and `after`.

    Raises:
        ValueError: another program wrote something that is none.
    """
    said = orjson.loads(text)
    if not isinstance(said, dict) or said.keys() != {"status", "values"}:
        raise ValueError("`change` holds something that is not a state")
    return FeatureState(bool(said["status"]), values_of(said["values"]))
