"""What is wrong with the rows of a store, found in portions.

Each portion is read in a transaction of its own, so memory is bounded, and a server that goes on
writing can begin its log anew in between. What is said is true of the moment at which the portion
was read: rows that must agree are in one portion, or never change. What cannot be said: whether
rows that were written behind the reader agree, and whether those did that were purged before it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

from dfks_rules.model.features import FEATURES, OFF, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.store import dialogs, journal
from dfks_rules.store.life import LATEST, TERMS
from dfks_rules.store.tables import deadline_of, values_of

PAGE = 1000
"""Rows in a portion."""
PRESENTITIES = 200
"""Presentities in a portion."""

BEYOND = 1 << 62
"""More than any number that rises, in all of time."""

Read = Callable[[bytes], object]
"""Reads the head of a SUBSCRIBE; raises ValueError or DfksError if it is none."""
Question = tuple[str, str]
"""What is wrong with a row, and the query that finds such rows."""

_OF_SERVER: tuple[Question, ...] = (
    (
        "the row `server` is not valid: its term is {}",
        f"""SELECT term FROM server WHERE typeof(term) != 'integer' OR typeof(secret) != 'blob'
        OR term NOT BETWEEN 0 AND {TERMS - 2} OR typeof(boot_id) != 'text'
        OR typeof(is_clean) != 'integer' OR typeof(told) != 'integer' OR beat_at IS NOT NULL AND (
            typeof(beat_at) != 'real' OR beat_at NOT BETWEEN 0 AND {LATEST}
            OR typeof(beat_boot) != 'real' OR beat_boot NOT BETWEEN 0 AND {LATEST})""",  # noqa: S608
    ),
    (
        "`server` has {} rows, not one at most",
        "SELECT * FROM (SELECT count(*) AS rows FROM server) WHERE rows > 1",
    ),
    (
        "change {} has a number after which none can come",
        f"SELECT seq FROM change WHERE seq >= {BEYOND}",  # noqa: S608
    ),
    (
        "subscription {} has a number that no server gives",
        f"SELECT row FROM subscription WHERE row >= {BEYOND}",  # noqa: S608
    ),
)
_END_OF_CHANGES = """
    SELECT max(seq) FROM (SELECT seq FROM change WHERE seq > ? ORDER BY seq LIMIT ?)"""
# CROSS: the portion first.
_OF_CHANGES: tuple[Question, ...] = (
    (
        "sip:{}: its newest change in the journal is not the one that `presentity` names",
        """SELECT DISTINCT c.user || '@' || c.domain
        FROM change AS c LEFT JOIN presentity AS p ON p.domain = c.domain AND p.user = c.user
        WHERE c.seq > :after AND c.seq <= :end AND NOT coalesce(p.changed >= c.seq, 0)""",
    ),
    (
        "change {} of the journal does not continue the one that it names as previous",
        """SELECT c.seq FROM change AS c LEFT JOIN change AS p ON p.seq = c.previous
        WHERE c.seq > :after AND c.seq <= :end
        AND (c.previous >= c.seq OR c.previous >= (SELECT min(seq) FROM change)
            AND (p.user, p.domain) IS NOT (c.user, c.domain))""",
    ),
    (
        "change {} of the journal has no higher revision than the one before",
        """SELECT c.seq FROM change AS c CROSS JOIN change AS p ON p.seq = c.previous
        WHERE c.seq > :after AND c.seq <= :end AND p.revision > c.revision""",
    ),
)
_STATES = """
    SELECT s.domain, s.user, feature, status, feature_values, expires, expires_by, revision
    FROM feature_state AS s
    LEFT JOIN presentity AS p ON p.domain = s.domain AND p.user = s.user
    WHERE (s.domain, s.user, feature) > (?, ?, ?) ORDER BY s.domain, s.user, feature LIMIT ?"""
_PRESENTITIES = """
    SELECT p.domain, p.user, p.revision, p.changed,
        p.changed >= (SELECT min(seq) FROM change) AND c.revision IS NOT p.revision
    FROM presentity AS p
    LEFT JOIN change AS c ON c.seq = p.changed AND c.domain = p.domain AND c.user = p.user
    WHERE (p.domain, p.user) > (?, ?) ORDER BY p.domain, p.user LIMIT ?"""
_STATES_OF = """
    SELECT feature, status, feature_values FROM feature_state WHERE domain = ? AND user = ?"""
_LINKS = """
    WITH RECURSIVE chain(link, number) AS (
        SELECT :start, 1
        UNION ALL SELECT previous, number + 1 FROM chain JOIN change ON seq = link
        WHERE number < :at_most AND previous < link AND domain = :domain AND user = :user
    )
    SELECT seq, previous, feature, after FROM chain CROSS JOIN change ON seq = link
    WHERE domain = :domain AND user = :user"""


@contextmanager
def _moment(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is read in the block is of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.rollback()


def find_contradictions(connection: sqlite3.Connection) -> Iterator[str]:
    """What does not go together or cannot be read, one line each.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    yield from _answers(connection, _OF_SERVER, {})
    yield from _of_changes(connection)
    yield from _of_states(connection)
    yield from _of_presentities(connection)


def _answers(
    connection: sqlite3.Connection, questions: tuple[Question, ...], named: dict[str, int]
) -> list[str]:
    return [
        problem.format(name)
        for problem, query in questions
        for [name] in connection.execute(query, named).fetchall()
    ]


def _of_changes(connection: sqlite3.Connection) -> Iterator[str]:
    """Read every change, and look where it leads."""
    end = 0
    while True:
        after = end
        with _moment(connection):
            [end] = connection.execute(_END_OF_CHANGES, (after, PAGE)).fetchone()
            if end is None:
                return
            problems = _answers(connection, _OF_CHANGES, {"after": after, "end": end})
            try:
                journal.read(connection, after, PAGE)
            except ValueError as error:
                problems.append(f"`change`, after {after}: {error}")
        yield from problems


def _of_states(connection: sqlite3.Connection) -> Iterator[str]:
    """Read every state, and look whose it is."""
    last = ("", "", "")
    while rows := connection.execute(_STATES, (*last, PAGE)).fetchall():
        for domain, user, feature, status, values, expires, by, revision in rows:
            last = (domain, user, feature)
            name = f"{feature} of sip:{user}@{domain}"
            if revision is None:
                yield f"`feature_state` has {name} of a presentity that `presentity` does not have"
            try:
                found = Feature(feature)
                _state(status, values)
                if expires is not None:
                    deadline_of(found, expires, by)
            except ValueError as error:
                yield f"{name} cannot be read: {error}"


def _state(status: object, values: str) -> FeatureState:
    return FeatureState(bool(status), values_of(orjson.loads(values)))


def _of_presentities(connection: sqlite3.Connection) -> Iterator[str]:
    """Compare what is stored of each with what the journal says."""
    last = ("", "")
    while True:
        with _moment(connection):
            rows = connection.execute(_PRESENTITIES, (*last, PRESENTITIES)).fetchall()
            held = [_states_of(connection, domain, user) for domain, user, *_ in rows]
        if not rows:
            return
        for (domain, user, revision, changed, is_other), states in zip(rows, held, strict=True):
            last = (domain, user)
            if not (_is_number(revision) and _is_number(changed)):
                yield f"sip:{user}@{domain}: no server writes such a row of `presentity`"
                continue
            if is_other:
                yield (
                    f"sip:{user}@{domain}: its revision is not that of its newest change in the "
                    "journal"
                )
            # The changes below do not change any more; some may be purged.
            yield from _of_history(connection, Aor(user, domain), changed, states)


def _is_number(found: object) -> bool:
    return isinstance(found, int) and 0 <= found < BEYOND


def _states_of(
    connection: sqlite3.Connection, domain: str, user: str
) -> dict[str, FeatureState | None]:
    """What is stored of a presentity; None for what cannot be read."""
    states: dict[str, FeatureState | None] = {}
    for feature, status, values in connection.execute(_STATES_OF, (domain, user)).fetchall():
        try:
            states[feature] = _state(status, values)
        except ValueError:  # `_of_states` tells of it.
            states[feature] = None
    return states


def _of_history(
    connection: sqlite3.Connection,
    presentity: Aor,
    start: int,
    states: dict[str, FeatureState | None],
) -> Iterator[str]:
    """Compare states with the newest change of each feature, from number `start` down."""
    left = {feature.value for feature in FEATURES}
    named = {**presentity._asdict(), "start": start, "at_most": PAGE}
    while left and (links := connection.execute(_LINKS, named).fetchall()):
        for seq, _, feature, text in links:
            if feature not in left:
                continue
            left.remove(feature)
            state = states.get(feature, OFF)
            try:
                if state is None or state == journal.state_from(text):
                    continue
            except ValueError:  # `_of_changes` tells of it.
                continue
            yield f"{presentity.uri}: {feature} is not as change {seq} of the journal left it"
        seq, previous, _, _ = links[-1]
        if not (isinstance(previous, int) and previous < seq):
            return
        named["start"] = previous


def find_unreadable_messages(connection: sqlite3.Connection, read: Read) -> Iterator[str]:
    """Subscriptions that a server could not restore.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    last = BEYOND
    while rows := dialogs.read(connection, last, PAGE):
        last = rows[-1].row
        for row in rows:
            if not row.tag:
                yield f"subscription {row.row} is not one that a server has written"
                continue
            for head in filter(None, (row.first, row.last)):
                try:
                    read(head)
                except Exception as error:  # noqa: BLE001 - whatever it is, the server cannot either
                    yield f"subscription {row.row} to {row.presentity.uri} cannot be read: {error}"
