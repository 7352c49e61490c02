"""`dfks bridge asterisk` between a real server and a scripted Asterisk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.ami import ScriptedAsterisk, scripted_asterisk
from tests.helpers.bridges import Http, RunningBridge, ami_settings, bridge, until
from tests.helpers.ports import free_port
from tests.helpers.server import Server, serve, write_policy

pytestmark = pytest.mark.e2e
DND, CFA, CFB = "DoNotDisturb", "CallForwardingAlways", "CallForwardingBusy"
CFNA = "CallForwardingNoAnswer"
_RULES = """
- id: no-premium
  when: {op: set, feature: CallForwardingAlways, request.forwardTo: {prefix: "900"}}
  then: {deny: {reason: premium-number}}
"""


@contextmanager
def _asterisk() -> Iterator[ScriptedAsterisk]:
    with scripted_asterisk() as asterisk:
        asterisk.add("201", "201&201m")
        asterisk.add("202")
        asterisk.add("250")
        yield asterisk


@contextmanager
def _server(folder: Path, port: int, rules: dict[str, Any] | None = None) -> Iterator[Server]:
    config: dict[str, Any] = {"http": {"listen": f"127.0.0.1:{port}"}}
    config["store"] = f"sqlite:{folder / 'dfks.db'}"
    with serve(folder, config | (rules or {})) as server:
        yield server


@contextmanager
def _bridge(
    folder: Path, api: Http, asterisk: ScriptedAsterisk, sweep: int = 3600
) -> Iterator[RunningBridge]:
    settings = ami_settings(folder, asterisk.port)
    with bridge(folder, "asterisk", api, settings, sweep=sweep) as running:
        yield running


def _is_quiet(running: RunningBridge, api: Http, asterisk: ScriptedAsterisk) -> None:
    """Nothing goes round in a circle: a later change is dealt with, and nothing else."""

    def deal_with_250() -> None:
        api.set("250", DND, status="on")
        until(lambda: asterisk.lamps.get("Custom:DEVDND250") == "BUSY")
        api.set("250", DND, status="off")
        until(lambda: asterisk.lamps.get("Custom:DEVDND250") == "NOT_INUSE")

    # One thing after the other: what came before is done then.
    deal_with_250()
    before, revision = len(asterisk.actions), api.show("201")["revision"]
    deal_with_250()
    written = [one for one in asterisk.actions[before:] if "250" not in one]
    assert written == []
    assert api.show("201")["revision"] == revision
    assert running.counts()["to_server"] + running.counts()["to_switch"] > 0


def test_what_is_set_here_is_kept_there_with_its_lamps(tmp_path: Path) -> None:
    """Each feature; off, Asterisk forgets the target, and the server does not."""
    api = Http(free_port())
    port = int(api.url.rpartition(":")[2])
    with (
        _server(tmp_path, port),
        _asterisk() as asterisk,
        _bridge(tmp_path, api, asterisk) as running,
    ):
        api.set("201", DND, status="on")
        until(lambda: asterisk.lamps.get("Custom:DEVDND201m") == "BUSY")
        assert asterisk.get("DND", "201") == "YES"
        assert asterisk.lamps["Custom:DND201"] == asterisk.lamps["Custom:DEVDND201"] == "BUSY"
        api.set("201", DND, status="off")
        until(lambda: asterisk.lamps["Custom:DEVDND201m"] == "NOT_INUSE")
        assert asterisk.get("DND", "201") is None
        api.set("201", CFA, status="on", forwardTo="sip:202@example.com")
        api.set("201", CFB, status="on", forwardTo="+4930123456")
        api.set("201", CFNA, status="on", forwardTo="tel:+49-30-1", ringCount=5)
        until(lambda: asterisk.get("CFU", "201") == "+49301")
        assert (asterisk.get("CF", "201"), asterisk.get("CFB", "201")) == ("202", "+4930123456")
        assert asterisk.lamps["Custom:CF201"] == "BUSY"
        api.set("201", CFA, status="off")
        until(lambda: asterisk.get("CF", "201") is None)
        assert api.feature("201", CFA) == {"status": "off", "forwardTo": "sip:202@example.com"}
        _is_quiet(running, api, asterisk)
        assert running.counts()["to_server"] == 0
        assert running.stop() == 0


def test_what_users_dial_there_is_stored_here(tmp_path: Path) -> None:
    """DND and CF by their lamps, at once; CFB and CFU have none: by the sweep."""
    api = Http(free_port())
    port = int(api.url.rpartition(":")[2])
    with (
        _server(tmp_path, port),
        _asterisk() as asterisk,
        _bridge(tmp_path, api, asterisk, sweep=1) as running,
    ):
        asterisk.dial("DND", "201", "YES")
        until(lambda: api.feature("201", DND)["status"] == "on")
        asterisk.dial("CF", "201", "202")
        until(lambda: api.feature("201", CFA) == {"status": "on", "forwardTo": "202"})
        asterisk.dial("CFU", "201", "203")
        until(lambda: api.feature("201", CFNA) == {"status": "on", "forwardTo": "203"})
        asterisk.dial("CF", "201", None)
        until(lambda: api.feature("201", CFA) == {"status": "off", "forwardTo": "202"})
        assert asterisk.actions == []
        _is_quiet(running, api, asterisk)


def test_what_a_policy_refuses_is_taken_back_there(tmp_path: Path) -> None:
    """The switch shows what holds."""
    api = Http(free_port())
    port = int(api.url.rpartition(":")[2])
    with (
        _server(tmp_path, port, write_policy(tmp_path, _RULES)),
        _asterisk() as asterisk,
        _bridge(tmp_path, api, asterisk) as running,
    ):
        api.set("201", CFA, status="on", forwardTo="202")
        until(lambda: asterisk.get("CF", "201") == "202")
        asterisk.dial("CF", "201", "9001234")
        until(lambda: asterisk.get("CF", "201") == "202")
        assert api.feature("201", CFA) == {"status": "on", "forwardTo": "202"}
        asterisk.dial("CF", "202", "9001234")
        until(lambda: asterisk.lamps.get("Custom:CF202") == "NOT_INUSE")
        assert asterisk.get("CF", "202") is None
        assert running.counts()["refused"] == 2
        assert "premium-number" in running.log


def test_kills_in_between_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Of the bridge while both sides change, then of the server, then Asterisk goes away."""
    api = Http(free_port())
    port = int(api.url.rpartition(":")[2])
    with _asterisk() as asterisk, _server(tmp_path, port) as server:
        with _bridge(tmp_path, api, asterisk) as running:
            api.set("201", CFA, status="on", forwardTo="202")
            until(lambda: asterisk.get("CF", "201") == "202")
            running.kill()
        # Nobody looks: each side changes another feature, and CFB is only in the database.
        api.set("201", CFA, status="on", forwardTo="203")
        asterisk.dial("DND", "201", "YES")
        asterisk.dial("CFB", "202", "201")
        with _bridge(tmp_path, api, asterisk) as running:
            until(lambda: asterisk.get("CF", "201") == "203")
            until(lambda: api.feature("201", DND)["status"] == "on")
            until(lambda: api.feature("202", CFB) == {"status": "on", "forwardTo": "201"})
            server.kill()
            asterisk.dial("DND", "201", None)
            until(lambda: "bridge_server_away" in running.log)
            with _server(tmp_path, port):
                until(lambda: api.feature("201", DND)["status"] == "off")
                api.set("202", CFA, status="on", forwardTo="201")
                until(lambda: asterisk.get("CF", "202") == "201")
                asterisk.stop()
                api.set("202", CFA, status="on", forwardTo="203")
                until(lambda: "bridge_switch_away" in running.log)
                asterisk.dial("CF", "201", "209")
                asterisk.start()
                until(lambda: asterisk.get("CF", "202") == "203")
                until(lambda: api.feature("201", CFA)["forwardTo"] == "209")
                _is_quiet(running, api, asterisk)
                assert running.stop() == 0


def test_a_storm_at_both_ends_ends_with_both_alike(tmp_path: Path) -> None:
    """Every set is answered at once; afterwards, whichever was later holds on both sides."""
    api = Http(free_port())
    port = int(api.url.rpartition(":")[2])
    with (
        _server(tmp_path, port),
        _asterisk() as asterisk,
        _bridge(tmp_path, api, asterisk) as running,
    ):
        for number in range(30):
            api.set("201", CFA, status="on", forwardTo=f"3{number:02}")
            asterisk.dial("CF", "201", f"4{number:02}")
            asterisk.dial("DND", "202", None if number % 2 else "YES")

        def alike() -> bool:
            forward, dnd = api.feature("201", CFA), api.feature("202", DND)
            is_dnd = asterisk.get("DND", "202") == "YES"
            same = str(forward["forwardTo"]) == asterisk.get("CF", "201")
            return same and is_dnd == (dnd["status"] == "on")

        until(alike, lambda: (api.feature("201", CFA), asterisk.database, running.log))
        _is_quiet(running, api, asterisk)
        assert alike()
        assert asterisk.get("DND", "202") is None


def test_a_bridge_that_may_not_ends_and_says_why(tmp_path: Path) -> None:
    """It would fail for ever; a service manager shows it."""
    port = free_port()
    api = Http(port)
    (tmp_path / "tokens.json").write_text('{"tokens": []}')
    http = {"http": {"listen": f"127.0.0.1:{port}", "tokens": str(tmp_path / "tokens.json")}}
    with (
        _server(tmp_path, port, http),
        _asterisk() as asterisk,
        _bridge(tmp_path, api, asterisk) as running,
    ):
        assert running.wait() == 1
        assert "401" in running.log
