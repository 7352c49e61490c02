"""The files that are being imported: in a folder beside the store, until they are done."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.phrases.phrase import phrase

MODE = 0o600
_PASSING = "dfks-imports-"
_AT_ONCE = 256 * 1024
"""Bytes that are written at once."""


class Kept(NamedTuple):
    """A file that is on disk."""

    size: int
    sha256: str


class Spool:
    """Files by name; waits for the disk in threads."""

    def __init__(self, store: Path) -> None:
        """`store`: the database, beside which the folder is made when it is needed."""
        self.folder = store.with_name(store.name + ".imports")

    def path(self, name: str) -> Path:
        """Where a file is."""
        return self.folder / name

    async def keep(self, name: str, pieces: AsyncIterator[bytes]) -> Kept:
        """Write a file; it is gone again where something is wrong with its pieces.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            try:
                return await self._write(self.path(name), pieces)
            except OSError as error:
                why = phrase(
                    "cannot keep the file to import: {problem}", problem=error.strerror or error
                )
                raise StoreError("store_unavailable", why) from error
        except BaseException:
            self.drop(name)
            raise

    async def _write(self, path: Path, pieces: AsyncIterator[bytes]) -> Kept:
        await asyncio.to_thread(self.folder.mkdir, 0o700, parents=True, exist_ok=True)
        hash_, size = hashlib.sha256(), 0
        file = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        try:
            waiting: list[bytes] = []
            waits = 0
            async for piece in pieces:
                waiting.append(piece)
                waits += len(piece)
                if waits >= _AT_ONCE:
                    size += await asyncio.to_thread(_append, file, b"".join(waiting), hash_)
                    waiting, waits = [], 0
            size += await asyncio.to_thread(_append, file, b"".join(waiting), hash_)
            await asyncio.to_thread(os.fsync, file)
        finally:
            os.close(file)
        return Kept(size, hash_.hexdigest())

    def drop(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError:
            return  # It is removed with the next start.

    def sweep(self, wanted: Iterable[str]) -> None:
        """Remove every file but these: what a kill has left."""
        keep = set(wanted)
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.name not in keep:
                self.drop(path.name)

    def end(self) -> None:
        """Nothing more is read or written; what is needed stays."""


class PassingSpool(Spool):
    """Files of a node, which the engine has, too: in a folder that ends with the server."""

    def __init__(self) -> None:
        """The folder is made when it is needed."""
        self._made: Path | None = None
        self._lock: int | None = None
        """Descriptor by which it is locked."""

    @property
    def folder(self) -> Path:  # type: ignore[override]
        """Where they are.

        Raises:
            OSError: it cannot be made.
        """
        if self._made is None:
            self._made = Path(tempfile.mkdtemp(prefix=f"{_PASSING}{os.getpid()}-"))
            self._lock = _locked(self._made)
        return self._made

    def sweep(self, wanted: Iterable[str]) -> None:
        """Remove the folders of this user's servers that were killed."""
        for path in Path(tempfile.gettempdir()).glob(f"{_PASSING}*-*"):
            if _is_left(path):
                shutil.rmtree(path, ignore_errors=True)

    def end(self) -> None:
        """Remove the folder."""
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(folder: Path) -> int | None:
    """A descriptor that has the folder locked for as long as it is open; None: somebody has it.

    In containers that share a folder, processes do not see one another, but they see this.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _is_left(folder: Path) -> bool:
    """Whether a folder of a passing spool is ours, and the process that made it is gone."""
    process = folder.name.removeprefix(_PASSING).partition("-")[0]
    try:
        status = folder.lstat()
        if not (process.isdecimal() and stat.S_ISDIR(status.st_mode)):
            return False
        if status.st_uid != os.getuid() or _lives(int(process)):
            return False
        lock = _locked(folder)
    except OSError:
        return False
    if lock is None:
        return False
    os.close(lock)
    return True


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    return True


def _append(file: int, data: bytes, hash_: "hashlib._Hash") -> int:
    hash_.update(data)
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    return len(data)
