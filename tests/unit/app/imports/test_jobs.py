"""The imports of a server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import cast

import pytest

from dfks_rules.app.imports.keeping import Note, SqliteImports
from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.imports import (
    MAX_UNFINISHED,
    MAX_UNFINISHED_OF_TOKEN,
    Job,
    Status,
    TooManyError,
    Wanted,
)
from dfks_rules.operations.ports import SetResult, Sets
from dfks_rules.operations.rows import Format
from dfks_rules.store import imports as tables
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.imports import CSV, HEAD, given, importing, job, over, until
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.policy import DND
from tests.helpers.stored import change_file


def _rows(count: int) -> str:
    rows = (f"u{number}@example.com,DoNotDisturb,on,\n" for number in range(count))
    return HEAD + "".join(rows)


async def test_a_file_is_imported_to_its_end_with_a_report(tmp_path: Path) -> None:
    """A refusal does not stop the others."""
    operations = MemoryOperations()
    content = (
        f"{_rows(40)}u1@example.com,CallForwardingAlways,on,{REFUSED_TARGET}\nnonsense\n"
        "u0@example.com,DoNotDisturb,on,\n"
    )
    async with importing(tmp_path, operations) as jobs:
        done = await over(jobs, await given(jobs, content))
        found = await jobs.refusals(done.id, (0, 0), 10)
        assert not list((tmp_path / "s.db.imports").iterdir())
    assert (done.status, done.rows, done.position) == (Status.DONE, 43, len(content))
    assert (done.changed, done.unchanged, done.refused, done.unusable) == (40, 1, 1, 1)
    assert [(one.row, one.reason) for one in found] == [(41, "toll-fraud"), (42, "unusable")]
    assert len(operations.states) == 40
    assert jobs.counts["rows"] == 43


async def test_an_import_goes_on_after_a_restart(tmp_path: Path) -> None:
    """From the row after the last that was noted, to the same sums."""
    operations = _Slow()
    async with importing(tmp_path, operations) as jobs:
        id_ = await given(jobs, _rows(100))
        await until(lambda: job(jobs, id_).rows >= 30)
    async with importing(tmp_path, operations) as jobs:
        begun = job(jobs, id_)
        assert 0 < begun.rows < 100
        done = await over(jobs, id_)
    assert (done.status, done.rows) == (Status.DONE, 100)
    # What was set and not noted is set again: to what holds already.
    assert done.changed + done.unchanged == 100
    assert len(operations.states) == 100
    async with importing(tmp_path, operations) as jobs:
        assert job(jobs, id_) == done


async def test_imports_are_done_one_after_the_other(tmp_path: Path) -> None:
    """The later one counts where both set the same."""
    operations = _Slow()
    async with importing(tmp_path, operations) as jobs:
        first = await given(jobs, _rows(20))
        second = await given(jobs, HEAD + "u19@example.com,DoNotDisturb,off,\n")
        assert job(jobs, second).status is Status.WAITING
        await over(jobs, second)
        assert job(jobs, first).status is Status.DONE
        assert [one.id for one in jobs.own()] == [second, first]
    assert not operations.states[Aor("u19", "example.com")].state(DND).status


async def test_an_import_is_cancelled_in_the_middle(tmp_path: Path) -> None:
    """What is done stays; nothing more is done, also after a restart."""
    operations = _Slow()
    async with importing(tmp_path, operations) as jobs:
        id_ = await given(jobs, _rows(1_000))
        waiting = await given(jobs, _rows(1))
        await until(lambda: job(jobs, id_).rows >= 10)
        assert (await jobs.cancel(id_)).status is Status.CANCELLED
        assert (await jobs.cancel(id_)).status is Status.CANCELLED
        assert (await over(jobs, waiting)).status is Status.DONE
        count = len(operations.states)
        assert 10 <= count < 100
    async with importing(tmp_path, operations) as jobs:
        assert job(jobs, id_).status is Status.CANCELLED
        await asyncio.sleep(0.05)
        assert len(operations.states) == count


async def test_an_import_that_waits_is_cancelled_at_once(tmp_path: Path) -> None:
    """Nothing of it was done."""
    operations = _Slow()
    async with importing(tmp_path, operations) as jobs:
        await given(jobs, _rows(100))
        id_ = await given(jobs, HEAD + "zoe@example.com,DoNotDisturb,on,\n")
        assert (await jobs.cancel(id_)).rows == 0
        assert job(jobs, id_).status is Status.CANCELLED
    assert Aor("zoe", "example.com") not in operations.states


async def test_so_many_imports_may_wait_and_no_more(tmp_path: Path) -> None:
    """Their files take space."""
    async with importing(tmp_path, _Slow()) as jobs:
        for _ in range(MAX_UNFINISHED):
            await given(jobs, _rows(1_000))
        with pytest.raises(TooManyError):
            await given(jobs, _rows(1))


async def test_one_token_leaves_imports_for_others(tmp_path: Path) -> None:
    """An operator's file is taken, however many a tenant has sent."""
    wanted = Wanted(Format.CSV, False, "tenant", None, has_share=True)
    async with importing(tmp_path, _Slow()) as jobs:
        for _ in range(MAX_UNFINISHED_OF_TOKEN):
            await given(jobs, _rows(1_000), wanted)
        with pytest.raises(TooManyError):
            await given(jobs, _rows(1), wanted)
        await given(jobs, _rows(1), wanted._replace(actor="operator"))


async def test_a_file_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    """Neither an import nor a file."""
    async with importing(tmp_path, MemoryOperations()) as jobs:
        with pytest.raises(ValueError, match="no column"):
            await given(jobs, "name,number\nalice,7\n")
        assert jobs.own() == []
        assert list((tmp_path / "s.db.imports").iterdir()) == []
        assert (await over(jobs, await given(jobs, _rows(1)))).status is Status.DONE


async def test_an_import_whose_file_is_gone_has_failed(tmp_path: Path) -> None:
    """As after a restore of the store alone; the next one is done."""
    async with importing(tmp_path, MemoryOperations(), starts=False) as jobs:
        id_ = await given(jobs, _rows(10))
    (tmp_path / "s.db.imports" / id_).unlink()
    async with importing(tmp_path, MemoryOperations()) as jobs:
        failed = await over(jobs, id_)
        assert (failed.status, "cannot be read" in failed.why) == (Status.FAILED, True)
        assert (await over(jobs, await given(jobs, _rows(1)))).status is Status.DONE
    assert jobs.counts["failed"] == 1


async def test_imports_that_cannot_be_read_keep_their_files(tmp_path: Path) -> None:
    """Phones do not wait for the repair; once it is done, the import goes on."""
    async with importing(tmp_path, MemoryOperations(), starts=False) as jobs:
        id_ = await given(jobs, _rows(10))
    [kept] = (tmp_path / "s.db.imports").iterdir()
    change_file(tmp_path / "s.db", "UPDATE import_job SET format = 'x'")
    async with importing(tmp_path, MemoryOperations()) as jobs:
        assert jobs.own() == []
        assert kept.exists()
    change_file(tmp_path / "s.db", "UPDATE import_job SET format = 'csv'")
    async with importing(tmp_path, MemoryOperations()) as jobs:
        assert (await over(jobs, id_)).changed == 10


async def test_old_imports_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports must not fill the store."""
    monkeypatch.setattr(tables, "KEPT", 2)
    async with importing(tmp_path, MemoryOperations()) as jobs:
        for _ in range(5):
            await over(jobs, await given(jobs, _rows(1)))
        await until(lambda: len(jobs.own()) == 2)
    async with importing(tmp_path, MemoryOperations()) as jobs:
        assert len(jobs.own()) == 2


async def test_only_so_many_refusals_are_kept_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the wrong encoding refuses every row."""
    monkeypatch.setattr("dfks_rules.app.imports.jobs.MAX_REFUSALS", 10)
    async with importing(tmp_path, MemoryOperations()) as jobs:
        done = await over(jobs, await given(jobs, HEAD + "nonsense\n" * 50))
        assert done.unusable == 50
        assert len(await jobs.refusals(done.id, (0, 0), 100)) == 10


async def test_no_import_is_accepted_that_the_store_has_not(tmp_path: Path) -> None:
    """202 means that a restart goes on with it."""

    async def pieces() -> AsyncIterator[bytes]:
        jobs._kept._store.close()  # type: ignore[attr-defined]
        yield _rows(1).encode()

    async with importing(tmp_path, MemoryOperations()) as jobs:
        with pytest.raises(StoreError):
            await jobs.receive(CSV, pieces())
        assert jobs.own() == []


class _Slow(MemoryOperations):
    """Takes its time for each set."""

    async def set(self, sets: Sets) -> SetResult:
        """Later."""
        await asyncio.sleep(0.01)
        return await super().set(sets)


async def test_a_file_that_is_being_sent_at_the_start_is_not_swept_away(tmp_path: Path) -> None:
    """The doors are open a moment before imports go on."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield HEAD.encode() * (1 + (256 * 1024) // len(HEAD))
        begun.set()
        await go_on.wait()

    async with importing(tmp_path, MemoryOperations(), starts=False) as jobs:
        receiving = asyncio.create_task(jobs.receive(CSV, pieces()))
        await begun.wait()
        jobs.start()
        go_on.set()
        assert (await over(jobs, (await receiving).id)).status is Status.DONE


class _Shared(SqliteImports):
    """Keeps imports of several nodes; may fail."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store)
        self.look_every = 0.01
        self.orphans: list[Job] = []
        self.content = b""
        self.fails = 0
        """How often the engine is silent."""
        self.lost: list[str] = []
        self.cancelled: list[str] = []

    def begun(self) -> list[Job]:
        return []

    async def claim(self, known: Sequence[str]) -> list[Job]:
        self._fail()
        claimed = [job for job in self.orphans[:1] if job.id not in known]
        del self.orphans[:1]
        return claimed

    async def fetch(self, job: Job, path: Path) -> None:
        self._fail()
        await asyncio.to_thread(path.parent.mkdir, exist_ok=True)
        await asyncio.to_thread(path.write_bytes, self.content)

    def write(
        self, notes: Sequence[Note], done: Callable[[StoreError | None, Collection[str]], None]
    ) -> None:
        super().write(notes, lambda error, _lost: done(error, self.lost))

    async def cancel(self, job: str, at: float) -> Job:
        self.cancelled.append(job)
        return ORPHAN

    def _fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreError("store_unavailable", "it is silent")


ORPHAN = Job("0f", Format.CSV, False, "hr", None, 0, "5ea", 0.0, Status.RUNNING, rows=3, changed=3)


async def test_a_node_goes_on_with_the_import_of_one_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From where that was, once the engine answers; the next when this one is over."""
    monkeypatch.setattr("dfks_rules.app.imports.jobs.RETRY", 0.01)
    operations = MemoryOperations()
    async with importing(tmp_path, operations, kept=_Shared) as jobs:
        kept = cast(_Shared, jobs._kept)
        kept.content, kept.fails = _rows(10).encode(), 2
        begin = len(_rows(3).encode())
        kept.orphans = [ORPHAN._replace(position=begin), ORPHAN._replace(id="1f", position=begin)]
        await until(lambda: len(jobs.own()) == 2)
        done = await over(jobs, "0f")
        assert (done.status, done.rows, done.changed) == (Status.DONE, 10, 10)
        assert (await over(jobs, "1f")).unchanged == 7
        # Here it is unknown: whoever does it hears of it from the engine.
        assert await jobs.cancel("2f") == ORPHAN
        assert kept.cancelled == ["2f"]


async def test_an_import_that_another_node_has_ended_does_no_more_rows(tmp_path: Path) -> None:
    """Nor is it told of any more; the next one goes on."""
    async with importing(tmp_path, _Slow(), rate=100, kept=_Shared) as jobs:
        kept = cast(_Shared, jobs._kept)
        id_ = await given(jobs, _rows(2_000))
        await until(lambda: job(jobs, id_).rows >= 5)
        kept.lost = [id_]
        ended = await over(jobs, id_)
        assert ended.status is Status.CANCELLED
        assert ended.rows < 2_000
        kept.lost = []
        assert (await over(jobs, await given(jobs, _rows(3)))).status is Status.DONE
