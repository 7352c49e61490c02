"""FusionPBX's tables in a real PostgreSQL."""

import asyncio
from collections.abc import Iterator

import pytest

from dfks_rules.bridges.fusionpbx.database import Database
from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError
from tests.helpers.postgres import Postgres, needs_postgres, postgres, trigger

pytestmark = needs_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One for all tests of this file."""
    with postgres() as one:
        one.run(trigger())
        yield one


async def test_extensions_of_the_domain_are_read_and_written(server: Postgres) -> None:
    """As the user that the page makes, who may do no more than that; other domains stay."""
    conninfo = server.conninfo.replace("user=postgres", "user=dfks")
    heard: asyncio.Queue[str] = asyncio.Queue()
    database = Database(conninfo, "example.com", heard.put_nowait, lambda: None)
    await database.connect()
    assert sorted(one.name for one in await database.extensions()) == ["201", "202"]
    await database.update("201", {"do_not_disturb": "true", "call_timeout": "24"})
    (found,) = await database.extensions("201")
    assert (found.row["do_not_disturb"], found.row["call_timeout"]) == ("true", "24")
    assert (found.context, found.changed_at) == ("example.com", 0.0)
    assert await asyncio.wait_for(heard.get(), 10) == "201"
    assert await database.extensions("201' OR true --") == []
    server.run("UPDATE v_extensions SET update_date = 'epoch'::timestamptz + '9 s'::interval")
    assert {await asyncio.wait_for(heard.get(), 10) for _ in range(2)} == {"201", "202"}
    assert (await database.extensions("201"))[0].changed_at == 9.0
    assert heard.empty()
    others = server.run("SELECT do_not_disturb FROM v_extensions WHERE user_context LIKE 'other%'")
    assert others == [(None,)]
    with pytest.raises(SwitchRefusedError):
        await database.update("201", {"call_timeout": "soon"})
    with pytest.raises(SwitchLostError, match="permission denied"):
        await database.update("201", {"extension": "999"})
    await database.close()


async def test_lost_connection_is_told(server: Postgres) -> None:
    """As when PostgreSQL is restarted."""
    lost = asyncio.Event()
    database = Database(server.conninfo, "example.com", lambda _: None, lost.set)
    with pytest.raises(SwitchLostError, match="not connected"):
        await database.extensions()
    await database.connect()
    await asyncio.to_thread(
        server.run,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    )
    await asyncio.wait_for(lost.wait(), 10)
    with pytest.raises(SwitchLostError):
        await database.extensions()
    await database.connect()
    assert await database.extensions("202")
    await database.close()
    with pytest.raises(SwitchLostError, match="PostgreSQL: "):
        await Database("host=/nowhere", "example.com", print, print).connect()
