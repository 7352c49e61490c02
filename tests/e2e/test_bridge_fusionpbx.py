"""`dfks bridge fusionpbx`: a real server, a real PostgreSQL, a scripted event socket."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.bridges import Http, bridge, until
from tests.helpers.esl import PASSWORD, ScriptedFreeSwitch, scripted_freeswitch
from tests.helpers.ports import free_port
from tests.helpers.postgres import Postgres, needs_postgres, postgres, trigger
from tests.helpers.server import serve, write_policy

pytestmark = [pytest.mark.e2e, needs_postgres]
DND, CFA, CFNA = "DoNotDisturb", "CallForwardingAlways", "CallForwardingNoAnswer"
_ALL = "forward_all_enabled, forward_all_destination"
_RULES = """
- id: no-premium
  when: {op: set, feature: CallForwardingAlways, request.forwardTo: {prefix: "900"}}
  then: {deny: {reason: premium-number}}
"""


@pytest.fixture
def database() -> Iterator[Postgres]:
    """With the trigger of the page."""
    with postgres() as one:
        one.run(trigger())
        yield one


def _settings(folder: Path, database: Postgres, port: int) -> dict[str, Any]:
    conninfo = database.conninfo.replace("user=postgres", "user=dfks")
    (folder / "database").write_text(conninfo + "\n")
    (folder / "password").write_text(PASSWORD + "\n")
    files = {"database_file": "database", "password_file": "password"}
    return {"fusionpbx": {**files, "port": port, "cache": "memcache"}}


async def test_both_are_kept_in_step_through_kills(tmp_path: Path, database: Postgres) -> None:
    """Both ways, with a refusal, a kill of each process, and a restart of the event socket."""
    async with scripted_freeswitch() as freeswitch:
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(_play, tmp_path, database, freeswitch, loop)
    assert "api memcache delete directory:201@example.com" in freeswitch.asked


def _play(
    folder: Path,
    database: Postgres,
    freeswitch: ScriptedFreeSwitch,
    loop: asyncio.AbstractEventLoop,
) -> None:
    port = free_port()
    api = Http(port)
    config = {"http": {"listen": f"127.0.0.1:{port}"}, "store": f"sqlite:{folder / 'dfks.db'}"}
    config |= write_policy(folder, _RULES)
    settings = _settings(folder, database, freeswitch.port)
    with serve(folder, config) as server:
        with bridge(folder, "fusionpbx", api, settings) as running:
            api.set("201", CFNA, status="on", forwardTo="sip:202@example.com", ringCount=4)
            wanted = ("true", "202", 24)
            columns = "forward_no_answer_enabled, forward_no_answer_destination, call_timeout"
            until(lambda: database.row(columns) == wanted)
            database.set("do_not_disturb = 'true'")
            until(lambda: api.feature("201", DND)["status"] == "on")
            database.set("forward_all_enabled = 'true', forward_all_destination = '9001'")
            until(lambda: database.row(_ALL)[0] == "false")
            assert api.feature("201", CFA)["status"] == "off"
            running.kill()
        database.set("forward_all_enabled = 'true', forward_all_destination = '203'")
        api.set("201", DND, status="off")
        with bridge(folder, "fusionpbx", api, settings) as running:
            until(lambda: database.row("do_not_disturb") == ("false",))
            until(lambda: api.feature("201", CFA) == {"status": "on", "forwardTo": "203"})
            server.kill()
            database.set("forward_all_enabled = 'false'")
            loop.call_soon_threadsafe(freeswitch.hang_up)
            until(lambda: "bridge_server_away" in running.log)
            with serve(folder, config):
                until(lambda: api.feature("201", CFA)["status"] == "off")
                api.set("202", DND, status="on")
                until(lambda: database.row("do_not_disturb", "202") == ("true",))
                revision = api.show("201")["revision"]
                api.set("202", DND, status="off")
                until(lambda: database.row("do_not_disturb", "202") == ("false",))
                assert api.show("201")["revision"] == revision
                assert running.stop() == 0
