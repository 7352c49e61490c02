"""Copies of a store, made while a server is using it.

A copy is made within one read transaction, so it is the store as it was at one moment, and no
commit makes it start again. It is written to `FILE.part`, checked, synced, and only then named:
what is called FILE is whole.
"""

import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from dfks_rules.errors import StoreError
from dfks_rules.store.check import Contents, examine
from dfks_rules.store.database import sync_folder
from dfks_rules.store.reader import open_to_read

STEP = 256
"""Pages copied at once, 4 KiB each."""
REST = 0.005
"""Seconds between two steps, in which the disk is the server's."""
SYNC_AFTER = 16
"""Steps after which the copy is synced: much at once would make the server's next sync wait."""


def back_up(store: Path, target: Path, *, replace: bool) -> Contents:
    """Copy a store to a file that contains all of it; gives what is in the copy.

    Args:
        store: the database; a server may be using it, and goes on without waiting.
        target: the new file, mode 0600. If anything fails, there is none, or still the old one.
        replace: whether it may exist already.

    Raises:
        StoreError: `store_backup_exists`; `store_unsound` if the copy has errors, because the store
            has them; `store_unavailable` if the disk is full or fails; or see `open_to_read`.
    """
    if target.exists() and store.exists() and target.samefile(store):
        raise StoreError("store_backup_exists", f"`{target}` is the store itself")
    if not replace and os.path.lexists(target):
        raise StoreError("store_backup_exists", f"`{target}` exists; `--force` replaces it")
    with part_of(target) as (part, descriptor):
        copy(store, part, descriptor)
        try:
            contents = examine(part)
        except StoreError as error:
            message = (
                f"`{store}` has errors, and so has its copy, which was removed: {error.message}"
            )
            raise StoreError(error.code, message) from error
        publish(part, descriptor, target, replace=replace)
    return contents


@contextmanager
def part_of(target: Path) -> Iterator[tuple[Path, int]]:
    """A new empty file `TARGET.part` and its descriptor; it is removed at the end, if still there.

    Raises:
        StoreError: it cannot be made, or another process is writing it; and what fails in the block
            because of the operating system.
    """
    part = target.with_name(target.name + ".part")
    try:
        with ExitStack() as opened:
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            opened.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(descriptor), part.stat()):
                raise BlockingIOError
            opened.callback(_remove, part)
            # What a process that was killed has left.
            os.ftruncate(descriptor, 0)
            yield part, descriptor
    except BlockingIOError:
        message = f"another process is writing `{part}`"
        raise StoreError("store_in_use", message) from None
    except (OSError, sqlite3.Error) as error:
        raise _failed(target, error) from error


def copy(store: Path, part: Path, descriptor: int, rest: float = REST) -> None:
    """Copy a store into an empty file, in small steps, and sync it.

    Args:
        store: the database.
        part: the file.
        descriptor: of that file.
        rest: seconds between two steps.

    Raises:
        StoreError: it cannot be read or written.
        OSError: it cannot be synced.
    """
    steps = 0

    def progress(_status: int, _remaining: int, _total: int) -> None:
        nonlocal steps
        steps += 1
        if steps % SYNC_AFTER == 0:
            os.fdatasync(descriptor)
        # `Connection.backup` sleeps only where another program holds a lock.
        time.sleep(rest)

    with open_to_read(store) as source:
        # INVARIANT: the transaction outlasts the copy; else each commit would make it start again.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        try:
            with closing(_blank(part)) as target:
                source.backup(target, pages=STEP, progress=progress)
                # One file, which needs no other beside it, even where nothing can be written.
                target.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.Error as error:
            raise _failed(part, error) from error
    os.fsync(descriptor)


def _blank(part: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(part, isolation_level=None)
    # If this fails half-way, nobody uses the file. Alone, it needs no shared memory.
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
        connection.execute(f"PRAGMA {pragma}").fetchone()
    return connection


def publish(part: Path, descriptor: int, target: Path, *, replace: bool) -> None:
    """Give a file that is complete its name, durably.

    Raises:
        StoreError: `store_backup_exists`: there is one meanwhile.
        OSError: it cannot be synced or renamed.
    """
    os.fsync(descriptor)
    if replace:
        part.replace(target)
    else:
        try:
            # A rename would replace what somebody else has written meanwhile.
            os.link(part, target)
        except FileExistsError:
            message = f"`{target}` exists; `--force` replaces it"
            raise StoreError("store_backup_exists", message) from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            part.rename(target)  # A file system without links.
    sync_folder(target.parent)


def _remove(part: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            part.with_name(part.name + end).unlink()


def _failed(target: Path, error: OSError | sqlite3.Error) -> StoreError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
        why = "the disk is full"
    return StoreError("store_unavailable", f"cannot write `{target}`: {why}")
