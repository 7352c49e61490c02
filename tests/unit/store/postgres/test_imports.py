"""Imports in the engine."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.operations.imports import MAX_UNFINISHED, Job, Refusal, Status, TooManyError
from dfks_rules.operations.rows import Format
from dfks_rules.store.imports import KEPT
from dfks_rules.store.postgres.imports import PIECE, ImportTables
from tests.helpers.engines import Node, Nodes
from tests.helpers.postgres import Database, needs_postgres

pytestmark = needs_postgres

_FILE = bytes(range(256)) * (PIECE // 100)
_JOB = Job("17", Format.NDJSON, True, "hr", frozenset({"b", "a"}), len(_FILE), "5ea", 7.5)


def _tables(node: Node) -> ImportTables:
    return node.engine.shared(node.epoch).imports


def _refusal(row: int, part: int = 0) -> Refusal:
    return Refusal(row, part, "", "", "unusable", "", "`\0` is no user", "")


async def _write(
    tables: ImportTables, job: Job, refusals: Sequence[Refusal] = ()
) -> Collection[str]:
    """Note it; which are lost."""
    told: asyncio.Future[Collection[str]] = asyncio.get_running_loop().create_future()

    def done(error: StoreError | None, lost: Collection[str]) -> None:
        if error is None:
            told.set_result(lost)
        else:
            told.set_exception(error)

    tables.write([(job, refusals)], done)
    return await told


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to import, of several pieces."""
    path = tmp_path / "rows"
    path.write_bytes(_FILE)
    return path


async def test_an_import_is_shown_by_all_nodes(nodes: Nodes, file: Path) -> None:
    """As its node has noted it last; itself it knows more."""
    one, other = await nodes.join(), await nodes.join()
    await _tables(one).add(_JOB, file)
    assert await _tables(other).shown([]) == [_JOB]
    noted = _JOB._replace(status=Status.RUNNING, rows=7, position=70)
    assert await _write(_tables(one), noted, [_refusal(3), _refusal(3, 1), _refusal(5)]) == []
    assert await _tables(other).shown([]) == [noted]
    newer = noted._replace(rows=8)
    assert await _tables(one).shown([newer]) == [newer]
    found = await _tables(other).refusals("17", (3, 0), 10)
    assert found == [_refusal(3, 1), _refusal(5)]
    assert await _tables(other).refusals("17", (0, 0), 1) == [_refusal(3)]


async def test_an_import_whose_node_has_ended_goes_on_at_another(
    nodes: Nodes, file: Path, tmp_path: Path
) -> None:
    """One at a time, the oldest first, with its file; whoever had it does not go on."""
    one, other = await nodes.join(), await nodes.join()
    older = _JOB._replace(id="16", begun_at=1.5)
    await _tables(one).add(_JOB, file)
    await _tables(one).add(older, file)
    assert await _tables(other).claim([]) == []
    one.end_lease()
    await other.engine.bury(other.epoch)
    assert await _tables(other).claim([]) == [older]
    # Its answer was lost.
    assert await _tables(other).claim([]) == [older]
    assert await _tables(other).claim(["16"]) == [_JOB]
    assert await _tables(other).claim(["16", "17"]) == []
    await _tables(other).fetch(_JOB, tmp_path / "folder/copy")
    assert (tmp_path / "folder/copy").read_bytes() == _FILE
    with pytest.raises(StoreError) as raised:
        await _write(_tables(one), _JOB._replace(rows=99))
    assert raised.value.code == "store_fenced"
    again = await nodes.join()
    assert await _write(_tables(again), _JOB) == ["17"]


async def test_an_import_is_ended_from_another_node(
    nodes: Nodes, file: Path, database: Database
) -> None:
    """Its own hears of it with its next note, which counts all the same."""
    one, other = await nodes.join(), await nodes.join()
    await _tables(one).add(_JOB, file)
    ended = _JOB._replace(status=Status.CANCELLED, ended_at=99.5)
    assert await _tables(other).cancel("17", 99.5) == ended
    assert await _tables(other).cancel("17", 100.5) == ended
    assert database.run("SELECT count(*) FROM dfks.import_piece") == [(0,)]
    running = _JOB._replace(status=Status.RUNNING, rows=7)
    assert await _write(_tables(one), running) == ["17"]
    assert await _tables(one).shown([running]) == [ended._replace(rows=7)]
    done = running._replace(status=Status.DONE, ended_at=101.5)
    assert await _write(_tables(one), done) == []
    assert await _tables(one).shown([]) == [ended._replace(rows=7)]
    with pytest.raises(KeyError):
        await _tables(other).cancel("18", 1.0)


async def test_unfinished_imports_are_bounded_over_all_nodes(nodes: Nodes, file: Path) -> None:
    """Their files are in the database."""
    one, other = await nodes.join(), await nodes.join()
    for number in range(MAX_UNFINISHED):
        node = one if number % 2 else other
        await _tables(node).add(_JOB._replace(id=f"{number}"), file)
    with pytest.raises(TooManyError):
        await _tables(one).add(_JOB, file)
    await _tables(one).cancel("0", 1.0)
    await _tables(one).add(_JOB, file)


async def test_nothing_stays_of_a_file_that_was_never_whole(
    nodes: Nodes, file: Path, database: Database
) -> None:
    """Whether its node goes on or not; nobody sees it."""
    one, other = await nodes.join(), await nodes.join()
    with pytest.raises(FileNotFoundError):
        await _tables(one).add(_JOB, file.with_name("gone"))
    while database.run("SELECT count(*) FROM dfks.import_job") != [(0,)]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await _tables(one).add(_JOB, file)
    database.run("UPDATE dfks.import_job SET status = 'receiving' RETURNING 1")
    assert await _tables(other).shown([]) == []
    assert await _tables(one).claim([]) == []
    one.end_lease()
    await other.engine.bury(other.epoch)
    assert await _tables(other).claim([]) == []
    assert database.run("SELECT count(*) FROM dfks.import_piece") == [(0,)]
    with pytest.raises(StoreError) as raised:
        await _tables(one).add(_JOB, file)
    assert raised.value.code == "store_fenced"
    with pytest.raises(ValueError, match="gone from the database"):
        await _tables(other).fetch(_JOB, file)


async def test_old_imports_are_forgotten(nodes: Nodes, file: Path, database: Database) -> None:
    """With what was refused; those that are not over stay."""
    one = await nodes.join()
    await _tables(one).add(_JOB._replace(begun_at=0.0), file)
    database.run(
        "INSERT INTO dfks.import_job SELECT 'x' || n, 1, n, 'done', n, '{}'"
        " FROM generate_series(1, %s) n RETURNING 1",
        KEPT + 3,
    )
    database.run("INSERT INTO dfks.import_refusal VALUES ('x1', 1, 0, '') RETURNING 1")
    assert await _tables(one).forget([]) == []
    assert await _tables(one).forget(["x9"]) == ["x9"]
    assert database.run("SELECT count(*) FROM dfks.import_job") == [(KEPT + 1,)]
    assert database.run("SELECT count(*) FROM dfks.import_refusal") == [(0,)]
