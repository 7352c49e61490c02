"""A disk that fails and a clock that steps under a real server, as told by the test.

`tests/faults/shim.c` is preloaded into the server and does it; this module builds it and steers it.
"""

import errno
import mmap
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum, IntFlag
from functools import cache
from pathlib import Path
from random import Random

from tests.helpers.published import ROOT

WITHIN = 30.0
"""Seconds within which the server must do what a test waits for."""
SECTOR = 512
"""What a disk writes whole, bytes: a power cut leaves the old ones or the new ones."""


class Slot(IntEnum):
    """What is said to the shim, and counted by it; `enum slot` there."""

    WRITE_ERRNO = 0
    WRITE_ROOM = 1
    WRITE_SHORT = 2
    READ_ERRNO = 3
    SYNC_ERRNO = 4
    SYNC_NS = 5
    SYNC_HOLD = 6
    OPEN_ERRNO = 7
    CLOCK_NS = 8
    KINDS = 9
    WRITES = 10
    READS = 11
    SYNCS_BEGUN = 12
    SYNCS_DONE = 13
    FAILED = 14
    SLEPT_NS = 15


class Kind(IntFlag):
    """Kinds of files; `enum kind` of the shim."""

    DATABASE = 1
    LOG = 2
    INDEX = 4
    LOCK = 8
    FOLDER = 16


DISK = Kind.DATABASE | Kind.LOG | Kind.INDEX | Kind.LOCK | Kind.FOLDER


@cache
def shim() -> Path:
    """The shim, built once for all tests of a run."""
    built = Path(tempfile.mkdtemp(prefix="dfks-faults-")) / "shim.so"
    source = str(ROOT / "tests/faults/shim.c")
    flags = ["-std=gnu11", "-O1", "-shared", "-fPIC", "-Wall"]
    command = ["cc", *flags, "-o", str(built), source, "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return built


class Machine:
    """The disk and the clock of one server, which outlive it."""

    def __init__(self, folder: Path) -> None:
        """Nothing fails yet; `folder` is for what the test needs."""
        self._durable = folder / "durable"
        self.disk = folder / "disk"
        """The folder whose files fail."""
        for made in (self._durable, self.disk):
            made.mkdir()
        control = folder / "control"
        control.write_bytes(bytes(8 * len(Slot)))
        with control.open("r+b") as file:
            self._slots = mmap.mmap(file.fileno(), 0)
        self.environment = {
            "LD_PRELOAD": str(shim()),
            "DFKS_FAULTS_FOLDER": str(self.disk),
            "DFKS_FAULTS_CONTROL": str(control),
            "DFKS_FAULTS_DURABLE": str(self._durable),
        }
        """What the server must be started with."""
        self.mend()

    def mend(self) -> None:
        """The disk is well again; the clock stays where it is."""
        for slot in Slot:
            if slot < Slot.KINDS and slot is not Slot.CLOCK_NS:
                self._put(slot, -1 if slot is Slot.WRITE_ROOM else 0)
        self._put(Slot.KINDS, DISK)

    def _put(self, slot: Slot, value: int) -> None:
        struct.pack_into("=q", self._slots, 8 * slot, value)

    def count(self, slot: Slot) -> int:
        """What the shim counted."""
        value: int = struct.unpack_from("=q", self._slots, 8 * slot)[0]
        return value

    # What goes wrong, until `mend` or the end of the block.

    @contextmanager
    def _broken(self, kinds: Kind = DISK, **slots: int) -> Iterator[None]:
        self._put(Slot.KINDS, kinds)
        for name, value in slots.items():
            self._put(Slot[name], value)
        try:
            yield
        finally:
            self.mend()

    def full(self, room: int = 0) -> AbstractContextManager[None]:
        """So many more bytes can be written, then no more."""
        return self._broken(WRITE_ROOM=room)

    def bad_writes(
        self, error: int = errno.EIO, kinds: Kind = DISK
    ) -> AbstractContextManager[None]:
        """Nothing can be written."""
        return self._broken(kinds, WRITE_ERRNO=error)

    def short_writes(self) -> AbstractContextManager[None]:
        """Each write writes half of what was asked."""
        return self._broken(WRITE_SHORT=1)

    def bad_reads(self, kinds: Kind = DISK) -> AbstractContextManager[None]:
        """Nothing can be read."""
        return self._broken(kinds, READ_ERRNO=errno.EIO)

    def bad_syncs(self, kinds: Kind = DISK) -> AbstractContextManager[None]:
        """What was written is lost when it should become durable."""
        return self._broken(kinds, SYNC_ERRNO=errno.EIO)

    def slow(self, seconds: float = 1.0) -> AbstractContextManager[None]:
        """Each sync takes so long."""
        return self._broken(SYNC_NS=int(seconds * 1e9))

    def hung(self) -> AbstractContextManager[None]:
        """No sync comes to an end."""
        return self._broken(SYNC_HOLD=1)

    def read_only(self) -> AbstractContextManager[None]:
        """What ext4 does after an error: nothing can be written or opened for writing."""
        broken = errno.EROFS
        return self._broken(WRITE_ERRNO=broken, SYNC_ERRNO=broken, OPEN_ERRNO=broken)

    def step_clock(self, seconds: float) -> None:
        """Set the wall clock this far from the right time."""
        self._put(Slot.CLOCK_NS, int(seconds * 1e9))

    def sleep(self, seconds: float) -> None:
        """Be suspended for so long, from now on: the wall clock and CLOCK_BOOTTIME go on."""
        self._put(Slot.SLEPT_NS, self.count(Slot.SLEPT_NS) + int(seconds * 1e9))

    def wait_for(self, slot: Slot, more_than: int) -> None:
        """Return once the shim has counted more."""
        wait_until(lambda: self.count(slot) > more_than)

    # A power cut, after the server was killed.

    def cut_power(self, random: Random | None = None) -> None:
        """Leave of the disk what was synced.

        Args:
            random: chooses which sectors, of those written since, are there as well; None: none.
        """
        names = [line.split(" ", 1) for line in (self._durable / "names").read_text().splitlines()]
        left = {name: self._left(file, name, random) for file, name in names}
        shutil.rmtree(self.disk)
        shutil.rmtree(self._durable)
        self.disk.mkdir()
        self._durable.mkdir()
        for name, content in left.items():
            (self.disk / name).write_bytes(content)

    def _left(self, file: str, name: str, random: Random | None) -> bytes:
        try:
            synced = (self._durable / file).read_bytes()
        except FileNotFoundError:  # The server never opened it.
            return (self.disk / name).read_bytes()
        found = self.disk / name
        if random is None or not found.exists() or "." in file:
            return synced
        written = found.read_bytes()
        longest = max(len(synced), len(written))
        synced, written = synced.ljust(longest, b"\0"), written.ljust(longest, b"\0")
        share = random.random()
        sectors = (slice(start, start + SECTOR) for start in range(0, longest, SECTOR))
        return b"".join((written if random.random() < share else synced)[one] for one in sectors)


def wait_until(is_so: Callable[[], bool], within: float = WITHIN) -> None:
    """Return once it is so; look again and again."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.002)
