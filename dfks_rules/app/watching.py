"""When to look at policy files again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import watchfiles

from dfks_rules.app.policies import folders_of

DEBOUNCE = 200
"""Milliseconds of quiet that end a change: an editor writes, renames and sets rights."""
LOOK_EVERY = 10_000
"""Milliseconds after which files are looked at even if nobody told of a change: a link may have
been turned to another folder, or a network file system be silent."""


async def changes(paths: Sequence[Path], *, poll: bool) -> AsyncGenerator[None, None]:
    """Yields whenever something may have changed; who asks looks whether it did.

    Args:
        paths: files and folders; they need not exist.
        poll: whether to look at the files rather than be told by the kernel, which does not tell
            of changes on NFS, nor of all on bind mounts of other machines.
    """
    while True:
        watched = await asyncio.to_thread(_identities, paths)
        looks = watchfiles.awatch(
            *watched,
            watch_filter=None,
            debounce=DEBOUNCE,
            rust_timeout=LOOK_EVERY,
            yield_on_timeout=True,
            force_polling=poll,
            recursive=False,
            ignore_permission_denied=True,
        )
        # A folder may go between two looks: then what is left is watched.
        with contextlib.suppress(FileNotFoundError):
            async with contextlib.aclosing(looks):
                async for _ in looks:
                    yield
                    if await asyncio.to_thread(_identities, paths) != watched:
                        break


def _identities(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Folder → (device, inode): by the same name there may be another."""
    found = {}
    for folder in folders_of(paths):
        with contextlib.suppress(FileNotFoundError):
            status = folder.stat()
            found[folder] = (status.st_dev, status.st_ino)
    return found
