"""What a store promises, checked: the file is sound, and its tables agree with one another.

Everything is read within one transaction, so a server may go on writing meanwhile.
"""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.features import OFF, Feature, FeatureState
from dfks_rules.store import dialogs, journal
from dfks_rules.store.life import LATEST, TERMS
from dfks_rules.store.migrations import MIGRATIONS, release_of, version_of
from dfks_rules.store.reader import open_to_read, refuse_other_versions
from dfks_rules.store.tables import values_of

MAX_PROBLEMS = 20
"""Most problems that are told: a broken page breaks whatever is on it."""
PAGE = 1000
"""Rows read at once."""

Read = Callable[[bytes], object]
"""Reads the head of a SUBSCRIBE; raises ValueError or DfksError if it is none."""

_STATES = "SELECT user, domain, feature, status, feature_values FROM feature_state"
_QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        "`feature_state` has {} of a presentity that `presentity` does not have",
        """SELECT feature || ' of sip:' || user || '@' || domain
        FROM feature_state LEFT JOIN presentity USING (domain, user) WHERE revision IS NULL""",
    ),
    (
        "sip:{}: its newest change in the journal is not the one that `presentity` names",
        """SELECT user || '@' || domain FROM
        (SELECT user, domain, max(seq) AS newest FROM change GROUP BY domain, user)
        LEFT JOIN presentity USING (domain, user) WHERE changed IS NOT newest""",
    ),
    (
        "sip:{}: its revision is not that of its newest change in the journal",
        """SELECT p.user || '@' || p.domain FROM presentity AS p
        LEFT JOIN change AS c ON c.seq = p.changed
        WHERE p.changed >= (SELECT min(seq) FROM change) AND c.revision IS NOT p.revision""",
    ),
    (
        "change {} of the journal does not continue the one that it names as previous",
        """SELECT c.seq FROM change AS c LEFT JOIN change AS p ON p.seq = c.previous
        WHERE c.previous >= c.seq OR c.previous >= (SELECT min(seq) FROM change)
        AND (p.user, p.domain) IS NOT (c.user, c.domain)""",
    ),
    (
        "change {} of the journal has no higher revision than the one before",
        """SELECT c.seq FROM change AS c JOIN change AS p ON p.seq = c.previous
        WHERE p.revision > c.revision""",
    ),
    (
        "the row `server` is not valid: its term is {}",
        f"""SELECT term FROM server WHERE typeof(term) != 'integer' OR typeof(secret) != 'blob'
        OR term NOT BETWEEN 0 AND {TERMS - 1} OR typeof(boot_id) != 'text'
        OR typeof(is_clean) != 'integer' OR typeof(told) != 'integer' OR beat_at IS NOT NULL AND (
            typeof(beat_at) != 'real' OR beat_at NOT BETWEEN 0 AND {LATEST}
            OR typeof(beat_boot) != 'real' OR beat_boot NOT BETWEEN 0 AND {LATEST})""",  # noqa: S608
    ),
    (
        "`server` has {} rows, not one at most",
        "SELECT * FROM (SELECT count(*) AS rows FROM server) WHERE rows > 1",
    ),
)
"""What is wrong with a row, and the query that finds such rows."""


class Contents(NamedTuple):
    """How much is in a store."""

    version: int
    """Of its tables."""
    release: str | None
    """Of dfks-rules that gave it this version; None where no record was kept."""
    presentities: int
    states: int
    changes: int
    """In the journal; 0 for versions without one, as below."""
    newest_at: float | None
    """When the newest of them was made, seconds since 1970."""
    subscriptions: int


def examine(path: Path) -> Contents:
    """What is in a store, or a copy of one, that must be sound. Other versions are only counted.

    Raises:
        StoreError: `store_unsound` and the first problem; or see `open_to_read`.
    """
    with open_to_read(path) as connection:
        connection.execute("BEGIN")
        problem = next(find_problems(connection), None)
        if problem is not None:
            raise StoreError("store_unsound", f"it is not sound: {problem}")
        return contents_of(connection)


def check_store(path: Path, read: Read) -> tuple[Contents, list[str]]:
    """What is in a store, and what is wrong with it: at most `MAX_PROBLEMS`.

    Args:
        path: the store; a server may be using it.
        read: reads stored messages.

    Raises:
        StoreError: it is of another version, or cannot be opened; see `open_to_read`.
    """
    with open_to_read(path) as connection:
        refuse_other_versions(connection)
        connection.execute("BEGIN")
        problems = [*islice(find_problems(connection, read), MAX_PROBLEMS)]
        try:
            return contents_of(connection), problems
        except sqlite3.Error as error:
            if not problems:
                raise
            return Contents(version_of(connection), None, 0, 0, 0, None, 0), [*problems, str(error)]


def contents_of(connection: sqlite3.Connection) -> Contents:
    """How much is in a store of any version."""
    version = version_of(connection)
    has_journal = version > 2
    newest = None
    if has_journal:
        row = connection.execute("SELECT at FROM change ORDER BY seq DESC LIMIT 1").fetchone()
        newest = None if row is None else float(row[0])
    return Contents(
        version,
        release_of(connection),
        _count(connection, "presentity"),
        _count(connection, "feature_state"),
        _count(connection, "change") if has_journal else 0,
        newest,
        _count(connection, "subscription") if has_journal else 0,
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    [count] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)


def find_problems(connection: sqlite3.Connection, read: Read | None = None) -> Iterator[str]:
    """What is wrong, one line each: first with the file, then, if it is sound, with its rows.

    Args:
        connection: a store of any version; what rows mean is known of this release's only.
        read: reads stored messages; None leaves them out.
    """
    is_sound = True
    try:
        for [problem] in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})"):
            if problem != "ok":
                is_sound = False
                yield from str(problem).splitlines()
        if is_sound and version_of(connection) == len(MIGRATIONS):
            yield from _find_contradictions(connection)
            yield from _find_unreadable(connection)
            if read is not None:
                yield from _find_unreadable_messages(connection, read)
    except sqlite3.Error as error:
        yield str(error)


def _find_contradictions(connection: sqlite3.Connection) -> Iterator[str]:
    for problem, query in _QUESTIONS:
        for [name] in connection.execute(query):
            yield problem.format(name)


def _find_unreadable(connection: sqlite3.Connection) -> Iterator[str]:
    """Read every change and every state, and compare the two."""
    left: dict[tuple[str, str, str], tuple[int, FeatureState]] = {}
    last = 0
    try:
        while entries := journal.read(connection, last, PAGE):
            for entry in entries:
                left[*entry.presentity, entry.feature.value] = entry.seq, entry.after
            last = entries[-1].seq
    except ValueError as error:
        yield f"`change`, after {last}: {error}"
        return
    for *name, status, values in connection.execute(_STATES):
        user, domain, feature = name
        try:
            Feature(feature)
            state = FeatureState(bool(status), values_of(orjson.loads(values)))
        except ValueError as error:
            yield f"{feature} of sip:{user}@{domain} cannot be read: {error}"
            continue
        seq, after = left.pop((user, domain, feature), (0, state))
        if after != state:
            yield _contradiction(user, domain, feature, seq)
    for (user, domain, feature), (seq, after) in left.items():
        if after != OFF:
            yield _contradiction(user, domain, feature, seq)


def _contradiction(user: str, domain: str, feature: str, seq: int) -> str:
    return f"sip:{user}@{domain}: {feature} is not as change {seq} of the journal left it"


def _find_unreadable_messages(connection: sqlite3.Connection, read: Read) -> Iterator[str]:
    last = 1 << 62
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
