"""Where a server with a store of its own keeps imports; `test_jobs.py` goes through all of it."""

import asyncio
from pathlib import Path

import pytest

from dfks_rules.app.imports.keeping import SqliteImports
from dfks_rules.operations.imports import Job
from dfks_rules.operations.rows import Format
from dfks_rules.store.sqlite import SqliteStore

_JOB = Job("17", Format.CSV, False, "hr", None, 70, "5ea", 0.0)


async def test_a_server_of_its_own_has_no_imports_of_others(tmp_path: Path) -> None:
    """It shows what it has, and claims nothing."""
    store = SqliteStore(tmp_path / "s.db", asyncio.get_running_loop())
    kept = SqliteImports(store)
    try:
        await kept.add(_JOB, tmp_path / "17")
        assert kept.begun() == [_JOB]
        assert await kept.shown([_JOB]) == [_JOB]
        assert await kept.claim([]) == []
        assert kept.look_every is None
        with pytest.raises(KeyError):
            await kept.cancel("18", 0.0)
    finally:
        store.close()
