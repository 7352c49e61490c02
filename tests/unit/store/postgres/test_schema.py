"""The tables and functions in a real PostgreSQL, and their versions."""

import asyncio
import re
from collections.abc import Iterator

import pytest

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.service.ports import DialogRow, Verdict
from dfks_rules.store.postgres.connection import Connection
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import Report, Sought
from dfks_rules.store.postgres.schema import (
    ALIVE,
    LIMITS,
    Migration,
    _refuse_server,
    check,
    migrate,
    migrations,
)
from tests.helpers.cluster import ALICE, at
from tests.helpers.engines import sets
from tests.helpers.postgres import Cluster, Database, needs_postgres
from tests.helpers.published import ROOT
from tests.helpers.wanted import dialog_row

pytestmark = needs_postgres

_RECORDS = "SELECT version, release, min_release FROM dfks.schema_version ORDER BY version"
ONE = Migration("0001", "1.0.0", "CREATE TABLE dfks.one (a int)")
EXPAND = Migration("0002", "1.0.0", "ALTER TABLE dfks.one ADD COLUMN b int")
CONTRACT = Migration("0003", "2.0.0", "ALTER TABLE dfks.one DROP COLUMN a")
SPOILT = Migration("0002", "1.0.0", "CREATE TABLE dfks.two (a int); SELECT nothing")


async def _check(database: Database, steps: tuple[Migration, ...], release: str) -> None:
    connection = Connection(database.url, "dfks test")
    try:
        await check(connection, steps, release)
    finally:
        await connection.close()


def test_each_step_has_a_number_and_the_oldest_release_that_can_use_it() -> None:
    """And functions carry versions in their names."""
    assert [step.name[:4] for step in migrations()] == [
        f"{number:04}" for number in range(1, len(migrations()) + 1)
    ]
    assert all(step.min_release <= __version__ for step in migrations())
    created = [
        line for step in migrations() for line in step.script.splitlines() if "CREATE FUNC" in line
    ]
    assert len(created) > 10
    assert all(re.search(r"_\d+\(", line) for line in created)


async def test_a_migration_makes_the_tables_once(empty_database: Database) -> None:
    """With a record of each step."""
    newest = len(migrations())
    assert await migrate(empty_database.url) == (0, newest)
    assert await migrate(empty_database.url) == (newest, newest)
    records = empty_database.run(_RECORDS)
    assert records == [(n, __version__, "0.1.0") for n in range(1, newest + 1)]
    await _check(empty_database, migrations(), __version__)


async def test_two_who_migrate_at_once_do_it_once(empty_database: Database) -> None:
    """One waits for the other."""
    newest = len(migrations())
    done = await asyncio.gather(*[migrate(empty_database.url) for _ in range(3)])
    assert {one.after for one in done} == {newest}
    assert len(empty_database.run(_RECORDS)) == newest


async def test_what_an_older_release_can_use_it_uses(empty_database: Database) -> None:
    """A cluster is upgraded node by node: expand, roll, contract."""
    old, new = (ONE,), (ONE, EXPAND)
    await migrate(empty_database.url, old, "1.0.0")
    with pytest.raises(StoreError, match="at version 1 of 2; what helps: `dfks store migrate`"):
        await _check(empty_database, new, "1.1.0")
    assert await migrate(empty_database.url, new, "1.1.0") == (1, 2)
    await _check(empty_database, old, "1.0.0")
    await _check(empty_database, new, "1.1.0")
    assert await migrate(empty_database.url, old, "1.0.0") == (2, 2)
    assert await migrate(empty_database.url, (*new, CONTRACT), "2.0.0") == (2, 3)
    for refused in (
        _check(empty_database, new, "1.1.0"),
        migrate(empty_database.url, new, "1.1.0"),
    ):
        with pytest.raises(StoreError) as caught:
            await refused
        assert (caught.value.code, caught.value.message) == (
            "store_newer_version",
            "the database is at version 3, of dfks-rules 2.0.0; this is 1.1.0, and 2.0.0 or newer "
            "is needed",
        )


async def test_a_step_that_takes_away_is_refused_while_an_older_node_lives(
    database: Database,
) -> None:
    """It would go on to tell phones, and could store nothing; one that is silent is buried."""
    known = migrations()
    adds = Migration("0100_adds.sql", __version__, "CREATE TABLE dfks.two (a int)")
    takes = Migration("0101_takes.sql", "9.0.0", "DROP FUNCTION dfks.commit_1")
    engine = PostgresEngine(database.url, "test")
    joined = [
        await engine.join(*one, 60.0)
        for one in (("old", "8.9.9"), ("late", "8.10.0"), ("new", "9.0.0"), ("newer", "9.1.0.dev3"))
    ]
    late, new = joined[1].epoch, joined[2].epoch
    await engine.renew(late, -1.0, Report("", 0, 0.0, 0))
    await engine.renew(new, -1.0, Report("", 0, 0.0, 0))
    with pytest.raises(StoreError) as caught:
        await migrate(database.url, (*known, adds, takes), "9.1.0")
    assert (caught.value.code, caught.value.message) == (
        "store_in_use",
        "the step 0101_takes.sql takes away what releases before 9.0.0 need, and these nodes still "
        "run: old (8.9.9); upgrade or stop them, then run `dfks store migrate` again",
    )
    assert database.run("SELECT max(version) FROM dfks.schema_version") == [(len(known) + 1,)]
    await engine.leave(joined[0].epoch, is_clean=True)
    done = await migrate(database.url, (*known, adds, takes), "9.1.0")
    assert done == (len(known) + 1, len(known) + 2)
    states = {one.name: one.state for one in await engine.nodes()}
    assert states == {"old": "dead", "late": "dead", "new": "late", "newer": "serving"}
    assert not (await engine.renew(late, 60.0, Report("", 0, 0.0, 0))).is_alive
    await engine.close()


async def test_a_step_that_fails_leaves_nothing(empty_database: Database) -> None:
    """Neither its tables nor a record; the steps before stay."""
    with pytest.raises(StoreError, match="nothing"):
        await migrate(empty_database.url, (ONE, SPOILT), "1.0.0")
    assert empty_database.run(_RECORDS) == [(1, "1.0.0", "1.0.0")]
    assert empty_database.run("SELECT to_regclass('dfks.two')") == [(None,)]


async def test_a_database_without_tables_is_refused(empty_database: Database) -> None:
    """Servers do not make them."""
    with pytest.raises(StoreError, match="no tables yet; what helps: `dfks store migrate`") as told:
        await _check(empty_database, migrations(), __version__)
    assert told.value.code == "store_older_version"


async def test_a_database_that_cannot_hold_all_names_is_refused(postgres_server: Cluster) -> None:
    """One of another encoding, or of a PostgreSQL that nobody has tested."""
    postgres_server.run("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0")
    try:
        with pytest.raises(StoreError, match="encoding LATIN1, and UTF8 is needed"):
            await migrate(postgres_server.url("latin"))
    finally:
        postgres_server.drop("latin")
    with pytest.raises(StoreError, match=r"PostgreSQL 13\.4, and 14 or newer"):
        _refuse_server({"number": 130004, "release": "13.4", "encoding": "UTF8"})


async def test_no_statement_of_ours_takes_longer_than_a_phone_waits(database: Database) -> None:
    """Limits go with the role in this database, through whatever pooler; other databases stay."""
    connection = Connection(database.url, "dfks test")
    limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    shown = [(await connection.row(f"SHOW {name}"))[name] for name in limits]
    await connection.close()
    assert shown == ["4s", "1500ms", "1s"]
    elsewhere = database.server.run("SHOW statement_timeout")
    assert elsewhere == [("0",)]


async def test_the_engine_pings_silent_connections(database: Database) -> None:
    """Or a firewall forgets them, and the next call over one would hang."""
    connection = Connection(database.url, "dfks test")
    shown = [(name, (await connection.row(f"SHOW {name}"))[name]) for name, _ in ALIVE]
    await connection.close()
    assert shown == [*ALIVE]


async def test_no_statement_of_ours_is_compiled(database: Database) -> None:
    """That of asyncpg about types takes seconds then, on a busy machine."""
    connection = Connection(database.url, "dfks test")
    assert (await connection.row("SHOW jit"))["jit"] == "off"
    await connection.close()
    assert database.server.run("SHOW jit") == [("on",)]


@pytest.fixture
def role(database: Database) -> Iterator[str]:
    """Another role than that which made the schema, with what the how-to grants it; its URL."""
    page = (ROOT / "docs/howto/several-nodes.md").read_text("utf-8")
    [granted] = re.findall(r"```sql\n(GRANT .*?)```", page, re.DOTALL)
    database.run("CREATE ROLE dfks_serve LOGIN")
    database.run(granted)
    yield database.server.url(database.name, "dfks_serve")
    database.run("DROP OWNED BY dfks_serve; DROP ROLE dfks_serve")


async def test_a_role_without_limits_is_told_what_to_run(database: Database, role: str) -> None:
    """Its statements could take for ever; a default of the database or of all roles will do."""
    connection = Connection(role, "dfks test")
    with pytest.raises(StoreError, match="the role dfks_serve has no limits") as caught:
        await check(connection)
    assert caught.value.code == "store_unsuitable"
    [statements] = re.findall("`(.*)`", caught.value.message)
    assert statements.count("ALTER ROLE dfks_serve IN DATABASE") == len(LIMITS)
    database.run(statements.split("; ")[0])
    with pytest.raises(StoreError, match="SET lock_timeout") as caught:
        await check(connection)
    assert "statement_timeout" not in caught.value.message
    database.run(statements)
    await check(connection)
    await connection.close()


async def test_what_the_page_grants_is_enough_for_a_node(database: Database, role: str) -> None:
    """It needs no tables of its own."""
    engine = PostgresEngine(role, "least")
    one, other = [await engine.join(name, "1", 60.0) for name in ("a", "b")]
    row = dialog_row(one.epoch << 32)
    [outcome] = await engine.commit(one.epoch, [sets(ALICE, NOTHING_STORED, at(1), row)], "x")
    assert outcome.verdict is Verdict.STORED
    [adopted] = await engine.adopt(other.epoch, [Sought(row.tag, other.epoch << 32, row.cseq)])
    assert isinstance(adopted, DialogRow)
    assert (await engine.renew(one.epoch, 60.0, Report("", 0, 0.0, 0))).is_alive
    assert len((await engine.feed(0, 10)).told) == 2
    await engine.leave(other.epoch, is_clean=True)
    assert len(await engine.claim(one.epoch)) == 1
    assert await engine.bury(one.epoch) == []
    await engine.policy_propose("all", "r", b"bundle", "admin")
    await engine.policy_task(one.epoch)
    await engine.purge(0.0, 10)
    await engine.hint()
    await engine.close()
