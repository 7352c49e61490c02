"""A connection to a real PostgreSQL that is made anew after whatever goes wrong on it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.service.ports import Verdict
from dfks_rules.store.postgres import connection as module
from dfks_rules.store.postgres.connection import CONNECTS_WITHIN, Connection, each_host
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import NotSentError, Report
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.engines import Node, sets
from tests.helpers.postgres import (
    Cluster,
    Database,
    cluster,
    needs_pgbouncer,
    needs_postgres,
    pgbouncer,
)
from tests.helpers.stored import ALICE, DND, ON

if TYPE_CHECKING:
    import asyncpg

pytestmark = needs_postgres
_PID = "SELECT pg_backend_pid() AS pid"


@pytest.fixture(scope="module")
def own_server() -> Iterator[Cluster]:
    """One that a test may stop."""
    with cluster() as server:
        yield server


@pytest.fixture
async def line(empty_database: Database) -> AsyncIterator[Connection]:
    """To a database with nothing in it."""
    one = Connection(empty_database.url, "dfks test", 1.0)
    yield one
    await one.close()


async def _pid(line: Connection) -> int:
    return int((await line.row(_PID))["pid"])


async def test_calls_share_one_connection(line: Connection) -> None:
    """One after the other, whoever asks."""
    assert len(set(await asyncio.gather(*[_pid(line) for _ in range(5)]))) == 1


async def test_after_an_error_another_connection_is_used(line: Connection) -> None:
    """What state the old one is in nobody knows (run 2 of the prototype)."""
    first = await _pid(line)
    with pytest.raises(StoreError, match="division by zero") as caught:
        await line.rows("SELECT 1 / 0")
    assert caught.value.code == "store_unavailable"
    assert line._connection is None
    assert await _pid(line) != first


async def test_a_frozen_connection_is_cut(
    line: Connection, empty_database: Database, postgres_server: Cluster
) -> None:
    """Within the patience of a call; the next one does not wait for it."""
    await _pid(line)
    frozen = postgres_server.freeze("dfks test")
    began = time.monotonic()
    try:
        with pytest.raises(StoreError, match="does not answer"):
            await _pid(line)
        assert await _pid(line) != frozen
        assert time.monotonic() - began < 10
    finally:
        postgres_server.thaw(frozen)


async def test_a_call_that_is_cancelled_leaves_no_connection_behind(line: Connection) -> None:
    """Its statement may still run."""
    await _pid(line)
    call = asyncio.create_task(line.rows("SELECT pg_sleep(1)"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert line._connection is None
    await _pid(line)


async def test_a_call_that_is_given_up_is_not_cancelled(
    line: Connection, empty_database: Database
) -> None:
    """A commit that waits for a standby would be seen by all, and might be lost nevertheless."""
    empty_database.run("CREATE TABLE slow (a int)")
    line._patience = 0.5
    with pytest.raises(StoreError, match="does not answer"):
        await line.rows("INSERT INTO slow SELECT 1 FROM pg_sleep(1)")
    deadline = time.monotonic() + 10
    while empty_database.run("SELECT a FROM slow") != [(1,)]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_what_the_engine_has_undone_may_be_asked_again(database: Database) -> None:
    """A lock was not to be had: nothing is stored, and that is known."""
    line = Connection(database.url, "dfks test")
    with psycopg.connect(database.server.conninfo(database.name)) as other:
        other.execute("SET idle_in_transaction_session_timeout = 0")
        other.execute("SELECT FROM dfks.counter FOR UPDATE")
        with pytest.raises(NotSentError, match="lock timeout"):
            await line.rows("UPDATE dfks.counter SET value = 9")
    await line.close()


async def test_whoever_waits_for_another_call_leaves_it_alone(empty_database: Database) -> None:
    """Its patience ends, but not that of the one before."""
    line = Connection(empty_database.url, "dfks test", 2.0)
    slow = asyncio.create_task(line.rows("SELECT pg_sleep(1.5)"))
    await asyncio.sleep(0)
    line._patience = 0.3
    with pytest.raises(NotSentError, match="too many wait"):
        await line.rows("SELECT 1")
    assert len(await slow) == 1
    await line.close()


async def test_after_a_crash_calls_go_on(own_server: Cluster) -> None:
    """What was stored is there, and the first call after the crash tells that it is lost."""
    url = own_server.url(own_server.create())
    await migrate(url)
    engine = PostgresEngine(url, "node-1")
    epoch = (await engine.join("node-1", "0.1.0", 60.0)).epoch
    after = NOTHING_STORED.replace(DND, ON)
    step = sets(ALICE, NOTHING_STORED, after)
    [outcome] = await engine.commit(epoch, [step], "abc")
    assert outcome.verdict is Verdict.STORED
    for mode in ("immediate", "kill"):
        await asyncio.to_thread(own_server.stop, mode)
        with pytest.raises(StoreError):
            await engine.fetch([ALICE])
        await asyncio.to_thread(own_server.start)
        assert await engine.fetch([ALICE]) == [(ALICE, after)]
        assert (await engine.renew(epoch, 60.0, Report("", 0, 0.0, 0))).is_alive
    await engine.close()


async def test_nothing_is_asked_of_a_connection_that_is_closed(line: Connection) -> None:
    """Calls that come late at a stop."""
    await _pid(line)
    await line.close()
    with pytest.raises(StoreError, match="closed"):
        await _pid(line)


async def test_an_engine_that_is_not_there_is_told(empty_database: Database) -> None:
    """With what the system or PostgreSQL says."""
    for url, said in (
        ("postgresql://postgres@127.0.0.1:1/any", "connection refused at 127.0.0.1, port 1"),
        (empty_database.server.url("nothing-here"), 'database "nothing-here" does not exist'),
    ):
        with pytest.raises(NotSentError, match=f"PostgreSQL: {said}") as caught:
            await Connection(url, "dfks test").rows("SELECT 1")
        assert caught.value.code == "store_unavailable"
    with pytest.raises(StoreError, match=r"PostgreSQL: its URL cannot be read"):
        await Connection("postgresql://postgres@127.0.0.1:x/any", "dfks test").rows("SELECT 1")


@pytest.mark.parametrize("password", ["s3cret/1", "s3cret#1", "s3cret?1"])
async def test_a_password_that_is_not_escaped_is_not_told(password: str) -> None:
    """The driver takes a part of it for a port, and says which."""
    line = Connection(f"postgresql://dfks:{password}@127.0.0.1:1/any", "dfks test")
    with pytest.raises(StoreError, match="%2F") as caught:
        await line.rows("SELECT 1")
    assert "s3cret" not in str(caught.value)


async def test_a_host_that_is_dead_keeps_nobody_from_the_next_one(database: Database) -> None:
    """It says nothing at all; later the one that answered is asked first."""
    with socket.create_server(("127.0.0.1", 0)) as dead:
        host = f"127.0.0.1:{dead.getsockname()[1]}"
        url = database.url.replace("127.0.0.1", f"{host},127.0.0.1")
        assert len(each_host(url)) == 2
        line = Connection(url, "dfks test")
        first = await _pid(line)
        line.cut()
        began = time.monotonic()
        assert await _pid(line) != first
        assert time.monotonic() - began < CONNECTS_WITHIN / 2
        await line.close()
        # Whoever waits no longer than a part of a lease gets to the next one, too.
        line = Connection(url, "dfks test")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await _pid(line)
        async with asyncio.timeout(CONNECTS_WITHIN):
            await _pid(line)
        await line.close()


async def test_a_call_that_is_given_up_leaves_its_connecting_to_the_next_one(
    line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal of a lease may not wait for as long as it takes: none would ever come through."""
    tried = 0

    async def slowly(url: str, name: str, within: float) -> "asyncpg.Connection":
        nonlocal tried
        tried += 1
        await asyncio.sleep(0.5)
        return await connect(url, name, within)

    connect = module.connect
    monkeypatch.setattr(module, "connect", slowly)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await _pid(line)
    await _pid(line)
    assert tried == 1
    line.cut()
    call = asyncio.create_task(_pid(line))
    await asyncio.sleep(0.1)
    await line.close()
    with pytest.raises((StoreError, asyncio.CancelledError)):
        await call
    assert line._connection is None


async def test_of_several_hosts_the_primary_is_found_behind_a_standby() -> None:
    """As the how-to has it: a standby answers, too, and takes no writes."""
    with cluster() as primary:
        standby = Cluster(primary)
        try:
            standby.start()
            hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
            url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=primary"
            line = Connection(url, "dfks test")
            assert (await line.row("SELECT pg_is_in_recovery() AS is_standby"))[
                "is_standby"
            ] is False
            await line.close()
        finally:
            standby.remove()


def test_each_host_of_a_url_is_a_url() -> None:
    """Whatever else is in it."""
    for url in ("postgresql:///dfks", "postgresql://db", "postgresql://u:p%40@[::1]:5/d?a=b,c@d"):
        assert each_host(url) == [url]
    assert each_host("postgres://u@a:1,[::1],b/d?x=1") == [
        "postgres://u@a:1/d?x=1",
        "postgres://u@[::1]/d?x=1",
        "postgres://u@b/d?x=1",
    ]


async def test_a_call_that_has_waited_for_its_turn_has_its_whole_patience(
    empty_database: Database,
) -> None:
    """Else a connection that works is cut, and what came of the call is not known."""
    line = Connection(empty_database.url, "dfks test", 2.0)
    slow = asyncio.create_task(line.rows("SELECT pg_sleep(1.2)"))
    await asyncio.sleep(0)
    assert len(await line.rows("SELECT pg_sleep(1.2)")) == 1
    assert len(await slow) == 1
    await line.close()


async def test_whoever_has_no_asyncpg_is_told_how_to_get_it(
    line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with an extra."""
    monkeypatch.setattr(module, "_missing", ImportError("asyncpg"))
    with pytest.raises(StoreError, match=r"dfks-rules\[postgres\]") as caught:
        await line.rows("SELECT 1")
    assert caught.value.code == "store_needs_asyncpg"


@needs_pgbouncer
async def test_a_pooler_may_spread_transactions_over_connections(database: Database) -> None:
    """PgBouncer in transaction mode: nothing is prepared, nothing set for a session."""
    with pgbouncer(database.server) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{database.name}"
        engines = [PostgresEngine(url, f"node-{n}") for n in range(3)]
        nodes = [
            Node(one, (await one.join("node", "0.1.0", 60.0)).epoch, "node", database)
            for one in engines
        ]
        snapshot = NOTHING_STORED
        for turn in range(30):
            after = snapshot.replace(DND, ON._replace(status=not turn % 2))
            verdicts = await asyncio.gather(
                *[node.verdicts(sets(ALICE, snapshot, after, node.row(turn))) for node in nodes]
            )
            assert sorted(verdict.name for [verdict] in verdicts) == [
                "CONFLICT",
                "CONFLICT",
                "STORED",
            ]
            snapshot = after
            assert await asyncio.gather(*[node.stored(ALICE) for node in nodes]) == [after] * 3
        assert len((await nodes[0].engine.feed(0, 100)).told) == 30
        await asyncio.gather(*[engine.close() for engine in engines])
