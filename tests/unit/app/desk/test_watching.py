"""When files are looked at again."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from dfks_rules.app.desk.watching import at_rest, changes

WITHIN = 8.0
"""Seconds; less than the time after which files are looked at anyway."""


@pytest.mark.parametrize("poll", [False, True], ids=["kernel", "poll"])
async def test_each_change_makes_a_look(tmp_path: Path, poll: bool) -> None:
    """Written, renamed, removed; in a folder that came later, too."""
    async with contextlib.aclosing(changes([tmp_path], poll=poll)) as looks:
        tenant = tmp_path / "tenants" / "a.example"

        async def next_look() -> None:
            async with asyncio.timeout(WITHIN):
                await anext(looks)

        await next_look()  # what there was before
        acts = (
            lambda: (tmp_path / "a.yaml").write_text("a"),
            lambda: (tmp_path / "a.yaml").rename(tmp_path / "b.yaml"),
            lambda: (tmp_path / "b.yaml").unlink(),
            lambda: tenant.mkdir(parents=True),
        )
        for act in acts:
            act()
            await next_look()
        (tenant / "c.yaml").write_text("c")
        await next_look()


@pytest.mark.parametrize("inside", ["", "p.yaml", "more/p.yaml"])
async def test_a_link_turned_to_another_folder_is_noticed(tmp_path: Path, inside: str) -> None:
    """How releases are switched, whether the folder is named or a file in it."""
    for name in ("one", "two"):
        (tmp_path / "releases" / name / "more").mkdir(parents=True)
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "releases/one")
    async with contextlib.aclosing(changes([current / inside], poll=False)) as looks:
        async with asyncio.timeout(WITHIN):
            await anext(looks)
        next_look = asyncio.ensure_future(anext(looks))
        # Else the link is turned before the files are watched.
        assert not (await asyncio.wait([next_look], timeout=1.0))[0]
        (tmp_path / "new").symlink_to(tmp_path / "releases/two")
        (tmp_path / "new").rename(current)
        async with asyncio.timeout(WITHIN):
            await next_look


async def test_a_watch_ends_when_nobody_listens(tmp_path: Path) -> None:
    """A server stops at once."""
    looks = changes([tmp_path], poll=False)
    await anext(looks)
    async with asyncio.timeout(WITHIN):
        await looks.aclose()


async def test_files_are_taken_when_they_stay_as_they_are() -> None:
    """Between `unlink` and `write` of an editor, what a file bars would be allowed."""
    reads = iter(["", "half of", "whole", "whole", "later"])

    async def read() -> str:
        return next(reads)

    assert await at_rest(read, str.__eq__, quiet=0) == "whole"
    assert next(reads) == "later"
