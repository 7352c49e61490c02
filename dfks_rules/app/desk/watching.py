"""When to look at policy files again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog
import watchfiles

from dfks_rules.app.desk.policies import folders_of

DEBOUNCE = 200
"""Milliseconds of quiet that end a change: an editor writes, renames and sets rights."""
STEP = 350
"""Milliseconds between two looks of the library at what the kernel has told it, each of which wakes
a thread (40 µs): a change is noticed after one or two. With its default of 50 these were two thirds
of what an idle server used."""
LOOK_EVERY = 10_000
"""Milliseconds after which files are looked at even if nobody told of a change: a link may have
been turned to another folder, or a network file system be silent."""
QUIET = 0.2
"""Seconds for which files must stay as they are before they are taken."""
RETRY_AFTER = 5.0
"""Seconds after which it is tried again where watching fails."""

_T = TypeVar("_T")

_log = structlog.get_logger("dfks.policy")


async def changes(paths: Sequence[Path], *, poll: bool) -> AsyncGenerator[None, None]:
    """Yields whenever something may have changed; who asks looks whether it did.

    Args:
        paths: files and folders; they need not exist.
        poll: whether to look at the files rather than be told by the kernel, which does not tell
            of changes on NFS, nor of all on bind mounts of other machines.
    """
    while True:
        watched = await asyncio.to_thread(_identities, paths)
        told = asyncio.Event()
        watching = asyncio.create_task(_tell(told, watched, poll=poll))
        try:
            # After one turn it watches: what changed before is found by the look that comes first.
            await asyncio.sleep(0)
            told.set()
            while not watching.done() and await asyncio.to_thread(_identities, paths) == watched:
                await told.wait()
                told.clear()
                yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def at_rest(
    read: Callable[[], Awaitable[_T]], is_same: Callable[[_T, _T], bool], quiet: float = QUIET
) -> _T:
    """What is read twice alike, `quiet` seconds apart.

    Editors and git take the old file away before they write the new one: in between, its rules are
    missing, and what they bar would be allowed.
    """
    found = await read()
    while True:
        await asyncio.sleep(quiet)
        again = await read()
        if is_same(found, again):
            return again
        found = again


async def _tell(told: asyncio.Event, folders: Iterable[Path], *, poll: bool) -> None:
    """Sets `told` at each change, and from time to time."""
    try:
        async for _ in watchfiles.awatch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE,
            step=STEP,
            rust_timeout=LOOK_EVERY,
            yield_on_timeout=True,
            force_polling=poll,
            recursive=False,
            ignore_permission_denied=True,
        ):
            told.set()
    except (OSError, RuntimeError) as error:
        # A folder that went just now, or more folders than the kernel watches for one user.
        _log.warning("policy_watch_failed", error=str(error))
        await asyncio.sleep(RETRY_AFTER)
        told.set()


def _identities(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Folder → (device, inode): by the same name there may be another."""
    found = {}
    for folder in folders_of(paths):
        with contextlib.suppress(OSError):
            status = folder.stat()
            found[folder] = (status.st_dev, status.st_ino)
    return found
