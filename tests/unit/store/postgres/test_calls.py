"""The view `dfks_calls` of nodes, as a proxy reads it: as that of a file."""

import re
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from dfks_rules.store.calls import uri_of
from dfks_rules.store.postgres.copying import copy_store
from tests.helpers.engines import Nodes
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.published import ROOT
from tests.helpers.stored import ALICE, BOB, CFA, DND, OFF, ON, press_all, to
from tests.helpers.targets import NOBODY, WRITTEN, random_targets

pytestmark = needs_postgres
_COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'dfks' AND table_name = 'dfks_calls' ORDER BY ordinal_position"""
_URIS = """
    SELECT dfks.uri_of_1(target, 'a.example')
    FROM unnest(%s::text[]) WITH ORDINALITY AS t (target, n) ORDER BY n"""
_ALL = "SELECT * FROM dfks.dfks_calls ORDER BY 1"
_ONE = "SELECT {} FROM dfks.dfks_calls WHERE domain = 'example.com' AND \"user\" = 'alice'"


def _uris(database: Database, targets: list[str]) -> list[str | None]:
    return [uri for (uri,) in database.run(_URIS, targets)]


def _keep(database: Database, states: str, revision: int = 7) -> None:
    database.run(
        "INSERT INTO dfks.presentity VALUES ('example.com', 'alice', %s, %s, %s)",
        *(revision, states, "2026-01-03 04:05:06.789+01"),
    )


async def test_its_columns_are_those_of_a_file(database: Database, tmp_path: Path) -> None:
    """And so are its rows, whatever a user has set."""
    file = tmp_path / "dfks.db"
    pressed = [(ALICE, DND, ON), (ALICE, CFA, to("0 30/12")), (BOB, CFA, to("carol smith"))]
    await press_all(file, [*pressed, (BOB, DND, ON), (BOB, DND, OFF)])
    reader = sqlite3.connect(file)
    reader.row_factory = sqlite3.Row
    rows = reader.execute("SELECT * FROM dfks_calls ORDER BY 1").fetchall()
    reader.close()
    await copy_store(file, database.url, lambda _beat: 0.0)
    assert [name for (name,) in database.run(_COLUMNS)] == rows[0].keys()
    assert database.run(_ALL) == [tuple(row) for row in rows]


async def test_a_user_has_one_row_with_all_features(database: Database) -> None:
    """Of features that are off, too: the target is kept."""
    _keep(
        database,
        """{"DoNotDisturb": {"status": true, "values": {}},
        "CallForwardingAlways": {"status": false, "values": {"forwardTo": "201"}},
        "CallForwardingNoAnswer":
            {"status": true, "values": {"forwardTo": "sip:b@x", "ringCount": 4}}}""",
    )
    assert database.run(_ALL) == [
        (
            *("alice", "example.com", 7, 1),
            *(0, "201", "sip:201@example.com"),
            *(0, None, None),
            *(1, "sip:b@x", "sip:b@x", 4),
            "2026-01-03T03:05:06.789Z",
        )
    ]


async def test_a_user_for_whom_nothing_is_set_is_reached(database: Database) -> None:
    """Every flag is 0, not NULL; and nothing is said of one for whom nothing was ever stored."""
    _keep(database, '{"AgentState": {"status": true, "values": {"state": "ready"}}}')
    flags = "dnd, cfa, cfb, cfna, changed_at, cfna_rings, cfa_uri"
    assert database.run(_ONE.format(flags)) == [(0, 0, 0, 0, None, None, None)]
    database.run("UPDATE dfks.presentity SET revision = 0")
    assert database.run(_ALL) == []


async def test_a_row_is_found_by_its_primary_key(nodes: Nodes) -> None:
    """A proxy asks with each call, whatever the number of users."""
    connection = await nodes.raw()
    await connection.execute("SET enable_seqscan = off")
    plan = await connection.fetch(f"EXPLAIN {_ONE.format('*')}")
    text = "\n".join(line for (line,) in plan)
    assert "Index Scan using presentity_pkey" in text
    assert "username = 'alice'" in text


async def test_a_target_is_a_uri_however_it_was_written(database: Database) -> None:
    """As phones of many makers and people at many keyboards write it."""
    targets = [target for target, _ in WRITTEN]
    assert dict(zip(targets, _uris(database, targets), strict=True)) == dict(WRITTEN)


async def test_a_target_that_is_none_has_no_uri(database: Database) -> None:
    """A proxy writes the URI into a header: nothing must break out of it, or lead elsewhere."""
    assert _uris(database, [*NOBODY]) == [None] * len(NOBODY)


@pytest.mark.parametrize("seed", range(3))
async def test_it_reads_targets_as_that_of_a_file_does(database: Database, seed: int) -> None:
    """Whatever is written."""
    targets = random_targets(seed, 2_000)
    wanted = [uri_of(target, "a.example") for target in targets]
    found = _uris(database, targets)
    assert [one for one in zip(targets, found, wanted, strict=True) if one[1] != one[2]] == []
    assert 50 < len([uri for uri in found if uri]) < len(found) - 50


async def test_a_proxy_needs_to_read_nothing_else(nodes: Nodes, database: Database) -> None:
    """With the rights that the documentation names."""
    _keep(database, '{"CallForwardingAlways": {"status": true, "values": {"forwardTo": "201"}}}')
    page = (ROOT / "docs/reference/dfks-calls.md").read_text("utf-8")
    [rights] = re.findall(r"```sql\n(CREATE ROLE kamailio.*?)```", page, re.DOTALL)
    role = f"kamailio_{database.name}"
    connection = await nodes.raw()
    await connection.execute(rights.replace("kamailio", role))
    try:
        await connection.execute(f"SET ROLE {role}")
        assert await connection.fetchval(_ONE.format("cfa_uri")) == "sip:201@example.com"
        for statement in ("SELECT FROM dfks.subscription", "SELECT dfks.drain_1(1)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(statement)
    finally:
        await connection.execute("RESET ROLE")
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
