"""The files of an SQLite store: how they are created, locked and opened, and why that may fail.

Beside the database (`PATH`, or what it links to) there is `PATH.lock`, locked by the serving
process. The kernel releases that lock however the process ends. The database file itself cannot
carry it: closing any descriptor of that file would drop SQLite's own locks.
"""

import errno
import fcntl
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.store import life
from dfks_rules.store.migrations import MIGRATIONS, migrate
from dfks_rules.store.sharing import leave_one_file, share

BUSY_SECONDS = 1.0
"""How long to wait at the start for another program's lock (a backup, an sqlite3 shell)."""
PATIENCE_MS = 2
"""How long to wait for it later, when the whole server waits; whoever asks tries again."""

LOG_LIMIT = 64 << 20
"""Bytes that the log may have before commits wait for a checkpoint, so that it begins anew."""

_log = structlog.get_logger("dfks.store")
_BLOCK = 1 << 20
"""Bytes of the log that are written again at once."""


class Database:
    """The files of one store, opened by this process and locked against other servers."""

    def __init__(self, path: Path, group: str | None = None) -> None:
        """Open the database at `path`; creates it and its directory if necessary.

        Args:
            path: the database.
            group: the group that may read its files; None leaves their modes as they are.

        Raises:
            StoreError: `store_in_use`, `store_read_only`, `store_not_a_database`,
                `store_newer_version` or `store_unavailable`.
        """
        # SQLite puts its journals beside the file to which a link leads.
        real = Path(os.path.realpath(path))
        with ExitStack() as opened:
            try:
                _make_folder(real.parent)
                lock(real.with_name(real.name + ".lock"), opened)
                # SQLite gives journals the mode of the database, which holds people's numbers.
                files = {path: _made(path)}
                self.connection = _connect(path, opened)
                """For the thread that opened the store; what it commits is durable after `sync`."""
                if group is not None:
                    opened.callback(leave_one_file, self.connection)
                before = migrate(self.connection)
                self.life = life.begin(self.connection)
                """Which life of the server began with this."""
                self.connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
                self._checkpointer = _connect(path, opened)
                # SQLite holds no lock on its log, so closing it later drops none.
                log_path = real.with_name(real.name + "-wal")
                self._log = _open(log_path)
                opened.callback(os.close, self._log)
                # Without the index, another program makes a new one, and their locks are apart.
                for beside in (log_path, real.with_name(real.name + "-shm")):
                    files[beside] = _identity(beside.stat())
                self._watched = [(str(one), identity) for one, identity in files.items()]
                if group is not None:
                    share(files, group)
                self.is_in_doubt = True
                """Whether the disk may lack what was written, although it is read: a server was
                killed before it synced, or a sync failed. Linux takes the pages for written then,
                and the next sync would report success without them.
                """
                self.sync()
            except (OSError, sqlite3.Error, StoreError, UnicodeError) as error:
                raise explained(path, error) from error
            self._opened = opened.pop_all()
        if 0 < before < len(MIGRATIONS):
            _log.warning("store_migrated", before=before, version=len(MIGRATIONS))

    def sync(self) -> None:
        """Make earlier commits durable. Call it on a separate thread: it waits for the disk.

        Raises:
            OSError: what the disk holds is unknown.
            sqlite3.Error: the same; another program writes, or the index of the log is broken.
            UnicodeError: see `explained`.
        """
        if self.is_in_doubt:
            self._write_log_again()
        try:
            os.fdatasync(self._log)
        except OSError:
            self.is_in_doubt = True
            raise
        self.is_in_doubt = False

    def _write_log_again(self) -> None:
        """Have all of the log written, not only what Linux knows to be missing."""
        self._checkpointer.execute("BEGIN IMMEDIATE")  # Nobody else writes meanwhile.
        try:
            at = 0
            while block := os.pread(self._log, _BLOCK, at):
                at += os.pwrite(self._log, block, at)
        finally:
            self._checkpointer.rollback()

    def loss(self) -> str | None:
        """What happened to the files; None when they are still the ones that were opened.

        Data written to a deleted or replaced file is durable, but gone after a restart.
        """
        # Texts, since a Path costs as much again: 13 µs less after each transaction.
        for name, identity in self._watched:
            try:
                status = os.stat(name)
            except OSError as error:
                return f"`{name}` is gone: {error.strerror}"
            if (status.st_dev, status.st_ino) != identity:
                return f"`{name}` was replaced while the server was running"
        return None

    def checkpoint(self) -> None:
        """Move the log into the database, except parts being read. Runs on the thread of `sync`.

        Commits do not wait, so some may come in between; while there are always some, the log
        never begins anew. Beyond `LOG_LIMIT` they wait until those few are moved, too.

        Raises:
            sqlite3.Error: it stays in the log.
            UnicodeError: see `explained`.
        """
        try:
            self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if os.fstat(self._log).st_size > LOG_LIMIT:
                self._begin_log_anew()
        except (sqlite3.Error, UnicodeError):
            self.is_in_doubt = True  # It syncs the log, which may be what failed.
            raise

    def _begin_log_anew(self) -> None:
        """Have the next commit begin the log anew, unless a reader needs what is in it."""
        # While it waits for readers, nobody can commit.
        self._checkpointer.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            self._checkpointer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        finally:
            self._checkpointer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def wait_for_locks(self) -> None:
        """Wait for other programs' locks as at the start: nobody else is served any more."""
        self.connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def close(self) -> None:
        """Close the files. SQLite moves its log into the database with the last connection."""
        self._opened.close()


def _make_folder(folder: Path) -> None:
    """Create a folder, and those that it is in; their names are durable."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def _made(path: Path) -> tuple[int, int]:
    """Create the file if it does not exist; gives its identity."""
    descriptor = _open(path)
    try:
        return _identity(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _identity(status: os.stat_result) -> tuple[int, int]:
    """(Device, inode), which identify a file whatever its name."""
    return status.st_dev, status.st_ino


def lock(path: Path, opened: ExitStack) -> None:
    """Lock `path` until `opened` is closed; the file contains the id of the locking process."""
    # What a link leads to would be overwritten, by root where it restores for the server.
    descriptor = _open(path, os.O_NOFOLLOW)
    opened.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise StoreError("store_in_use", f"process {holder} is using it") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _connect(path: Path, opened: ExitStack) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # Transactions begin and end explicitly.
        check_same_thread=False,
    )
    opened.callback(connection.close)
    [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            "store_unavailable", "its file system does not support the shared memory of WAL mode"
        )
    # `sync` makes commits durable, SQLite checkpoints; a commit waits for neither.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")
    return connection


def explained(path: Path, error: OSError | sqlite3.Error | StoreError | UnicodeError) -> StoreError:
    """The error shown to an operator.

    Args:
        path: the database.
        error: what has failed. Where SQLite quotes a spoilt schema, `sqlite3` cannot decode its
            message, and raises UnicodeError.
    """
    if isinstance(error, StoreError):
        code, why = error.code, error.message
    elif isinstance(error, UnicodeError):
        code, why = "store_unavailable", why_failed(error)
    elif isinstance(error, sqlite3.Error):
        code = _CODES.get(_primary(error), "store_unavailable")
        why = why_failed(error)
        if _primary(error) == sqlite3.SQLITE_CANTOPEN:
            why = _why_not_opened(path)
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        code, why = "store_read_only", f"`{error.filename}` is not writable"
    else:
        code, why = "store_unavailable", error.strerror or str(error)
        if error.filename is not None:
            why = f"{why}: `{error.filename}`"
    return StoreError(code, f"cannot use `{path}`: {why}")


def _why_not_opened(path: Path) -> str:
    """SQLite does not say, and opening it would drop locks of its own."""
    try:
        path.stat()
    except OSError as error:
        return "there is no such file" if error.errno == errno.ENOENT else str(error.strerror)
    if not os.access(path, os.R_OK):
        return "this user may not read it: run the command as the user of the server"
    return "SQLite cannot open it"


def why_failed(error: Exception) -> str:
    """What is wrong, for an operator."""
    if isinstance(error, sqlite3.Error):
        return _REASONS.get(_primary(error), str(error))
    if isinstance(error, UnicodeError):
        return _REASONS[sqlite3.SQLITE_CORRUPT]
    return str(error)


def is_locked(error: BaseException | None) -> bool:
    """Whether another program holds a lock, so that it is worth trying again."""
    return isinstance(error, sqlite3.Error) and _primary(error) == sqlite3.SQLITE_BUSY


def is_damaged(error: BaseException | None) -> bool:
    """Whether a part of the file cannot be read, so that what needs other parts may succeed."""
    if not isinstance(error, sqlite3.Error):
        return False
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return _primary(error) == sqlite3.SQLITE_CORRUPT or extended == sqlite3.SQLITE_IOERR_READ


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the lowest byte of the extended one."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


_CODES = {
    sqlite3.SQLITE_NOTADB: "store_not_a_database",
    sqlite3.SQLITE_READONLY: "store_read_only",
    sqlite3.SQLITE_BUSY: "store_in_use",
}
_REASONS = {
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database",
    sqlite3.SQLITE_READONLY: "it is not writable",
    sqlite3.SQLITE_BUSY: "another program holds a lock on it",
    sqlite3.SQLITE_CORRUPT: "it is damaged: `dfks store check` says more",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
}
