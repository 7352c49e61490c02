"""FusionPBX as a switch: a real PostgreSQL, a scripted FreeSWITCH."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dfks_rules.bridges.fusionpbx.esl import EslSettings
from dfks_rules.bridges.fusionpbx.switch import Cache, FusionPbx, FusionSettings
from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError
from dfks_rules.bridges.states import FEATURES, OFF, CallState
from tests.helpers.esl import PASSWORD, scripted_freeswitch
from tests.helpers.postgres import Postgres, needs_postgres, postgres

pytestmark = needs_postgres
DND, CFA, CFB, CFNA = FEATURES


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One for all tests of this file."""
    with postgres() as one:
        yield one


def _switch(server: Postgres, folder: Path, port: int, cache: Cache) -> FusionPbx:
    esl = EslSettings("127.0.0.1", port, PASSWORD)
    settings = FusionSettings(server.conninfo, esl, cache, folder, 6)
    return FusionPbx(settings, "example.com", lambda _: None, lambda: None)


@pytest.mark.parametrize("cache", Cache)
async def test_what_was_written_is_read_and_the_cache_dropped(
    server: Postgres, tmp_path: Path, cache: Cache
) -> None:
    """As FusionPBX's pages do it."""
    cached = tmp_path / "directory.201@example.com"
    cached.write_text("<document/>")
    async with scripted_freeswitch() as freeswitch:
        switch = _switch(server, tmp_path, freeswitch.port, cache)
        await switch.connect()
        to_202 = CallState(True, "202", 4)
        await switch.write("201", CFNA, to_202)
        kept = await switch.read("201")
        assert kept is not None
        assert kept.states == dict.fromkeys(FEATURES, OFF) | {CFNA: to_202}
        assert (await switch.read_all())["201"] == kept
        assert await switch.read("999") is None
        with pytest.raises(SwitchRefusedError, match="999"):
            await switch.write("999", DND, OFF)
        assert server.row("forward_no_answer_destination, call_timeout") == ("202", 24)
        await switch.write("201", CFNA, OFF)
        await switch.close()
        match cache:
            case Cache.FILE:
                assert "fusion::file" in freeswitch.asked[0]
                assert freeswitch.asked[0].endswith("delete directory.201@example.com")
            case Cache.MEMCACHE:
                assert {*freeswitch.asked} == {"api memcache delete directory:201@example.com"}
            case Cache.NONE:
                assert freeswitch.asked == []
        assert cached.exists() is (cache is not Cache.FILE)


async def test_nothing_is_written_while_the_cache_cannot_be_dropped(
    server: Postgres, tmp_path: Path
) -> None:
    """Calls would go by the old copy."""
    (tmp_path / "directory.202@example.com").mkdir()
    async with scripted_freeswitch() as freeswitch:
        switch = _switch(server, tmp_path, freeswitch.port, Cache.FILE)
        await switch.connect()
        with pytest.raises(SwitchRefusedError, match="cannot be removed"):
            await switch.write("202", DND, CallState(is_on=True))
        await switch.close()
    assert server.row("do_not_disturb", "202") == (None,)


async def test_switch_without_its_event_socket_is_away(server: Postgres, tmp_path: Path) -> None:
    """A row that nobody reads is not what holds."""
    switch = _switch(server, tmp_path, 9, Cache.MEMCACHE)
    with pytest.raises(SwitchLostError, match="FreeSWITCH"):
        await switch.connect()
    await switch.close()
