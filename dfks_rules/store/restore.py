"""A backup in place of a store.

What the backup says of features holds again. If the store before is sound, and the backup was made
of it, everything else goes on from there: revisions, the journal, and the subscriptions with their
terms, so that phones are told in the dialogs that they have, with a CSeq that rises. What the
backup changes is in the journal, as any change is. No import goes on.
"""

import errno
import os
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.store import journal
from dfks_rules.store.backup import copy, part_of
from dfks_rules.store.check import Contents, contents_of, examine
from dfks_rules.store.database import explained, lock, sync_folder
from dfks_rules.store.life import is_term
from dfks_rules.store.migrations import MIGRATIONS, migrate, version_of
from dfks_rules.store.reader import open_to_read
from dfks_rules.store.tables import read

ACTOR = "dfks store restore"
"""Who the journal says has made the changes; an operator."""
LEAP = 1 << 10
"""Terms that are left out, of 2²⁰, where it is not known how many were used since the backup."""
PATIENCE_MS = 2000
"""How long to wait for programs that are reading the store before."""

_TAKEN_OVER = (
    "server",
    "subscription",
    "change",
    "webhook_endpoint",
    "webhook_cursor",
    "webhook_dead",
    "import_job",
    "import_refusal",
)
_COLUMNS = "user, domain, feature, status, feature_values"
_DIFFERENT = f"""
    SELECT user, domain FROM (
        SELECT {_COLUMNS} FROM main.feature_state EXCEPT SELECT {_COLUMNS} FROM old.feature_state)
    UNION SELECT user, domain FROM (
        SELECT {_COLUMNS} FROM old.feature_state EXCEPT SELECT {_COLUMNS} FROM main.feature_state)
"""  # noqa: S608
_SERVER = """
    SELECT term, secret FROM server
    WHERE (SELECT type FROM sqlite_master WHERE name = 'server') = 'table'"""
# What is being imported may be why a backup is restored; and its file is in no backup.
_END_IMPORTS = """
    UPDATE import_job SET status = 'cancelled', ended_at = ?, why = 'a backup was restored'
    WHERE ended_at IS NULL"""
_CHANGED_NOW = """
    UPDATE feature_state SET changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', ?, 'unixepoch')
    WHERE domain = ? AND user = ? AND feature = ?"""


class Restored(NamedTuple):
    """What came of it."""

    contents: Contents
    """What is in the store now."""
    changed: int | None
    """Presentities whose features differ from the store before; None: that cannot be read."""
    kept: Path | None
    """Where the store before is now; None when there was none."""


def restore_store(backup: Path, store: Path, *, owed: int, now: float | None = None) -> Restored:
    """Put a backup in place of a store.

    Whenever this is interrupted, `store` is the one before or the restored one, whole.

    Args:
        backup: the file; it is only read.
        store: the database.
        owed: the flag of a subscription whose phone has to be told all states.
        now: seconds since 1970, for the journal; the clock's when None.

    Raises:
        StoreError: `store_in_use` if a server is using the store; `store_unsound` if the backup has
            errors; `store_newer_version`; `store_unavailable`, e.g. if the disk is full.
    """
    at = time.time() if now is None else now
    if backup.exists() and store.exists() and backup.samefile(store):
        raise StoreError("store_in_use", f"`{backup}` is the store itself")
    examine(backup)
    real = Path(os.path.realpath(store))
    with ExitStack() as opened:
        lock_store(real, opened)
        part, descriptor = opened.enter_context(part_of(real))
        copy(backup, part, descriptor, rest=0.0)  # No server needs the disk.
        before = _before(real)
        contents, changed = _go_on(part, before, owed, at)
        examine(part)
        _own_like(real, descriptor)
        os.fsync(descriptor)
        kept = _put_aside(real, at)
        part.replace(real)
        sync_folder(real.parent)
    return Restored(contents, changed, kept)


def migrate_store(store: Path) -> int:
    """Bring a store that exists to the version of this release; gives the version before.

    Raises:
        StoreError: `store_in_use`, `store_newer_version`; or see `open_to_read`.
    """
    with open_to_read(store) as connection:
        before = version_of(connection)
    real = Path(os.path.realpath(store))
    with ExitStack() as opened:
        lock_store(real, opened)
        try:
            connection = opened.enter_context(closing(sqlite3.connect(real, isolation_level=None)))
            migrate(connection)
        except (sqlite3.Error, StoreError, UnicodeError) as error:
            raise explained(store, error) from error
    return before


def lock_store(real: Path, opened: ExitStack) -> None:
    """Lock a store as a server does, until `opened` is closed.

    Raises:
        StoreError: `store_in_use`: a server is running; `store_unavailable`.
    """
    path = real.with_name(real.name + ".lock")
    try:
        lock(path, opened)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        opened.callback(os.close, descriptor)
        _own_like(real, descriptor)
    except StoreError as error:
        message = f"cannot change `{real}`: {error.message}; stop the server first"
        raise StoreError(error.code, message) from None
    except OSError as error:
        message = f"cannot change `{real}`: {error.strerror}: `{error.filename}`"
        raise StoreError("store_unavailable", message) from error


class _Before(NamedTuple):
    """The store that is replaced."""

    path: Path
    term: int
    """0: none can be read."""
    secret: bytes | None
    """Tells stores apart; None: the file is not sound, or means something else to this release."""


def _before(real: Path) -> _Before | None:
    """What can be read of the store that is replaced; None when there is none."""
    if not real.exists():
        return None
    term, secret = 0, None
    with suppress(StoreError), open_to_read(real) as connection:
        found_term, found = connection.execute(_SERVER).fetchone() or (0, None)
        if is_term(found_term):
            term = found_term
        if version_of(connection) == len(MIGRATIONS):
            examine(real)
            secret = found
    return _Before(real, term, secret)


def _go_on(part: Path, before: _Before | None, owed: int, at: float) -> tuple[Contents, int | None]:
    """Have a copy of the backup go on where the store before has come to.

    Returns:
        what is in it, and how many presentities differ from before; see `Restored.changed`.
    """
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        migrate(connection)
        [secret] = connection.execute("SELECT secret FROM server").fetchone() or (None,)
        is_same = before is not None and secret is not None and before.secret == secret
        if before is not None and is_same:
            connection.execute("ATTACH ? AS old", (str(before.path),))
        connection.execute("BEGIN IMMEDIATE")
        changed = _take_over(connection, at) if is_same else None
        least = 0 if before is None else before.term
        # Phones refuse CSeqs lower than what a store that is lost has told them.
        step = 1 if is_same else LEAP + 1
        # A stop was clean only if phones know all that is stored.
        connection.execute("UPDATE server SET term = max(term, ?) + ?, is_clean = 0", (least, step))
        # What was done since the backup is to be done again.
        connection.execute("DELETE FROM answer")
        connection.execute(_END_IMPORTS, (at,))
        if changed is None:
            # What these phones know by now is unknown.
            connection.execute("UPDATE subscription SET flags = flags | ?", (owed,))
        connection.execute("COMMIT")
        if is_same:
            connection.execute("DETACH old")
        return contents_of(connection), changed


def _take_over(connection: sqlite3.Connection, at: float) -> int:
    """Make what differs from `old` changes that follow what has happened there."""
    for table in _TAKEN_OVER:
        connection.execute(f"DELETE FROM main.{table}")  # noqa: S608
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")  # noqa: S608
    different = [Aor(*row) for row in connection.execute(_DIFFERENT)]
    # `old` may be an earlier backup that was restored: its journal has nothing of whoever is newer.
    connection.execute("UPDATE main.presentity SET changed = 0")
    connection.execute("INSERT OR REPLACE INTO main.presentity SELECT * FROM old.presentity")
    [path] = (row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "old")
    with open_to_read(Path(path)) as old:
        return sum(_take_back(connection, old, presentity, at) for presentity in different)


def _take_back(
    connection: sqlite3.Connection, old: sqlite3.Connection, presentity: Aor, at: float
) -> bool:
    """Write down what differs for one presentity; gives whether anything does."""
    user, domain = presentity
    before, after = read(old, presentity), read(connection, presentity)
    revision, previous = connection.execute(
        "SELECT revision + 1, changed FROM presentity WHERE domain = ? AND user = ?", (domain, user)
    ).fetchone()
    seq = journal.newest(connection)
    for feature, was, now in zip(FEATURES, before.states, after.states, strict=True):
        if was == now:
            continue
        seq += 1
        told = (feature.value, journal.json_of(was), journal.json_of(now))
        by = (Origin.OPERATOR.value, ACTOR, "", "", previous, at)
        journal.insert(connection, [(seq, at, user, domain, revision, *told, *by)])
        connection.execute(_CHANGED_NOW, (at, domain, user, feature.value))
        previous = seq
    if before.states == after.states:
        return False
    connection.execute(
        "UPDATE presentity SET revision = ?, changed = ? WHERE domain = ? AND user = ?",
        (revision, seq, domain, user),
    )
    return True


def _own_like(real: Path, descriptor: int) -> None:
    """Give a file the owner of the store, or of its folder: root may restore for the server."""
    if os.geteuid() == 0:
        owner = (real if real.exists() else real.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _put_aside(real: Path, at: float) -> Path | None:
    """Give the store before a second name, and empty the place for the files beside it.

    Raises:
        StoreError: `store_in_use`: another program is reading it.
        OSError: it cannot be named.
    """
    # A log that stays would be applied to the file that comes.
    beside = [real.with_name(real.name + end) for end in ("-wal", "-shm", "-journal")]
    kept = None
    if real.exists():
        _empty_log(real)
        kept = _free_name(real, at)
        _link(real, kept)
        for file in beside:
            if file.exists():
                _link(file, kept.with_name(kept.name + file.name.removeprefix(real.name)))
        sync_folder(real.parent)
    for file in beside:
        file.unlink(missing_ok=True)
    sync_folder(real.parent)
    return kept


def _free_name(real: Path, at: float) -> Path:
    """Where the store before is kept."""
    name = f"{real.name}.before-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
    names = (real.with_name(name if not n else f"{name}-{n}") for n in count())
    return next(path for path in names if not os.path.lexists(path))


def _empty_log(real: Path) -> None:
    """Move the log into the database, so that its one file is whole."""
    # If it is not sound, its log is kept beside it.
    with suppress(sqlite3.DatabaseError, UnicodeError):
        with closing(sqlite3.connect(real, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            message = f"cannot replace `{real}`: another program is reading it"
            raise StoreError("store_in_use", message)


def _link(file: Path, name: Path) -> None:
    """A second name for a file; a name that exists is not taken from its file."""
    try:
        os.link(file, name)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        file.rename(name)  # A file system without links.
