"""Imports into a real server, which is killed meanwhile."""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.clustered import serve_node
from tests.helpers.ports import free_port
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.server import serve, write_policy
from tests.helpers.ua import Ua
from tests.helpers.web import api_url

pytestmark = pytest.mark.e2e

_ROWS = 2_000
_REFUSED = 20
_DFKS = str(Path(sys.executable).with_name("dfks"))


def _ask(url: str, path: str) -> Any:
    with urllib.request.urlopen(f"{url}{path}", timeout=30) as response:  # noqa: S310
        return json.load(response)


def _file(folder: Path) -> Path:
    """Forwards of many users, some to a number that is refused; users of the first rows again."""
    rows = ["presentity,feature,status,forwardTo"]
    for number in range(_ROWS):
        target = "+49900666" if number % (_ROWS // _REFUSED) == 7 else f"+4930{number}"
        rows.append(f"sip:u{number}@acme.example,CallForwardingAlways,on,{target}")
    path = folder / "rows.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def _config(folder: Path, port: int, rate: str) -> dict[str, Any]:
    policy = write_policy(
        folder,
        """
        - id: no-premium
          when: {op: set, request.forwardTo: "+49900666", param: import}
          then: {deny: premium}
        """,
    )
    return {
        **policy,
        "store": f"sqlite:{folder / 's.db'}",
        "http": {"listen": f"127.0.0.1:{port}", "import_rate": rate},
    }


def test_an_import_survives_that_the_server_is_killed(tmp_path: Path) -> None:
    """At any moment; every row is done, and changes something once. The command just waits."""
    port, file = free_port(), _file(tmp_path)
    url = f"http://127.0.0.1:{port}"
    config = _config(tmp_path, port, "1000/s")
    command = [_DFKS, "import", str(file), "--url", url]
    importing: subprocess.Popen[str] | None = None
    seen = 0
    for kills in range(4):
        with serve(tmp_path, config) as server:
            if importing is None:
                pipe = subprocess.PIPE
                importing = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
            if kills == 3:
                out, err = importing.communicate(timeout=180)
                break
            wanted = seen + random.randint(50, 450)
            deadline = time.monotonic() + 60
            while seen < wanted:
                assert time.monotonic() < deadline
                time.sleep(0.02)
                jobs = _ask(url, "/v1/imports")["items"]
                rows = jobs[0]["rows"] if jobs else 0
                # What is known of it never goes back by more than what was under way.
                assert rows >= seen - 32
                seen = max(seen, rows)
            server.kill()
    assert importing is not None
    assert importing.returncode == 4, err
    assert f"done: {_ROWS} rows" in out
    assert f"{_REFUSED} refused, 0 unusable" in out
    assert "cannot reach" in err or "broke off" in err
    with sqlite3.connect(tmp_path / "s.db") as store:
        [(count,)] = store.execute("SELECT count(*) FROM feature_state WHERE status = 1")
        assert count == _ROWS - _REFUSED
        changes = store.execute("SELECT count(*), count(DISTINCT user), min(actor) FROM change")
        assert changes.fetchall() == [(count, count, "api")]
    store.close()
    assert not list((tmp_path / "s.db.imports").iterdir())


@pytest.mark.long
@needs_postgres
def test_an_import_goes_on_at_another_node(tmp_path: Path, database: Database) -> None:
    """Whose own is killed: every row is done, once. Any node shows it, and can end it."""
    file, policy = _file(tmp_path), _config(tmp_path, 0, "1000/s")
    http = {"listen": "127.0.0.1:0", "import_rate": "1000/s"}
    own = {"policies": policy["policies"], "http": http}
    with (
        serve_node(tmp_path, database, "node-1", own) as one,
        serve_node(tmp_path, database, "node-2", own) as other,
    ):
        urls = [api_url(one), api_url(other)]
        importing = subprocess.Popen(
            [_DFKS, "import", str(file), "--url", urls[0]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _until(lambda: any(job["rows"] > 200 for job in _ask(urls[1], "/v1/imports")["items"]))
        one.kill()
        importing.kill()
        importing.communicate()
        [job] = _ask(urls[1], "/v1/imports")["items"]
        again = subprocess.run(
            [_DFKS, "import", "--resume", job["id"], "--url", urls[1]],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert again.returncode == 4, again.stderr
        assert f"done: {_ROWS} rows" in again.stdout
        assert f"{_REFUSED} refused, 0 unusable" in again.stdout
        done = _ask(urls[1], f"/v1/imports/{job['id']}")
        # What was set before the kill and not noted is set again, and counts as unchanged.
        assert _ROWS - _REFUSED - 500 < done["changed"] <= _ROWS - _REFUSED
        refusals = _ask(urls[1], f"/v1/imports/{job['id']}/refusals?limit=100")["items"]
        assert len({one["row"] for one in refusals}) == len(refusals) == _REFUSED
        on = database.run(
            "SELECT count(*) FROM dfks.presentity"
            " WHERE (states #>> '{CallForwardingAlways,status}')::boolean"
        )
        assert on == [(_ROWS - _REFUSED,)]
        assert database.run("SELECT count(*) FROM dfks.change") == on
        assert database.run("SELECT count(*) FROM dfks.import_piece") == [(0,)]
        with serve_node(tmp_path, database, "node-3", own) as third:
            third_url = api_url(third)
            subprocess.Popen([_DFKS, "import", str(file), "--dry-run", "--url", third_url]).wait(90)
            cancelling = subprocess.Popen([_DFKS, "import", str(file), "--url", third_url])
            _until(lambda: _ask(urls[1], "/v1/imports")["items"][0]["status"] == "running")
            id_ = _ask(urls[1], "/v1/imports")["items"][0]["id"]
            ended = [_DFKS, "import", "--cancel", id_, "--url", urls[1]]
            told = subprocess.run(ended, capture_output=True, text=True, check=True, timeout=60)
            assert "cancelled" in told.stdout
            assert cancelling.wait(60) == 1
            assert _ask(third_url, f"/v1/imports/{id_}")["status"] == "cancelled"
            assert third.stop() == 0


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.long
def test_phones_are_served_while_an_import_runs(tmp_path: Path) -> None:
    """They are told of what it changes, and set what they like."""
    port, file = free_port(), _file(tmp_path)
    url = f"http://127.0.0.1:{port}"
    with (
        serve(tmp_path, _config(tmp_path, port, "500/s")) as server,
        Ua(server.ports["udp"], f"sip:u{_ROWS - 1}@acme.example") as phone,
    ):
        assert phone.subscribe().told["CallForwardingAlways"].startswith("off")
        run = subprocess.run(
            [_DFKS, "import", str(file), "--url", url], capture_output=True, text=True, check=False
        )
        assert run.returncode == 4, run.stderr
        assert phone.notify().told["CallForwardingAlways"] == f"on +4930{_ROWS - 1}"
        exported = subprocess.run(
            [_DFKS, "export", "--url", url], capture_output=True, text=True, check=True
        ).stdout
    (tmp_path / "again.csv").write_text(exported)
    with serve(tmp_path, _config(tmp_path, port, "9999/s") | {"store": f"sqlite:{tmp_path}/t.db"}):
        again = [_DFKS, "import", str(tmp_path / "again.csv"), "--url", url]
        assert subprocess.run(again, capture_output=True, check=False).returncode == 0
        copied = subprocess.run(
            [_DFKS, "export", "--url", url], capture_output=True, text=True, check=True
        ).stdout
    assert copied == exported


def test_an_import_goes_on_in_the_successor(tmp_path: Path) -> None:
    """A hand-over in the middle of it: no row is lost, and none is done by both."""
    port, file = free_port(), _file(tmp_path)
    url = f"http://127.0.0.1:{port}"
    command = [_DFKS, "import", str(file), "--url", url]
    successor = 0
    with serve(tmp_path, _config(tmp_path, port, "800/s")) as server:
        importing = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while not any(job["rows"] > 200 for job in _ask(url, "/v1/imports")["items"]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(server.pid, signal.SIGUSR2)
        try:
            while not (handed := re.search(r'"handed_over".*"successor":(\d+)', _log(tmp_path))):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            successor = int(handed[1])
            out, err = importing.communicate(timeout=180)
        finally:
            importing.kill()
            importing.wait()
            if successor:
                os.kill(successor, signal.SIGKILL)
    assert importing.returncode == 4, err
    assert f"done: {_ROWS} rows, {_ROWS - _REFUSED} changed" in out
    with sqlite3.connect(tmp_path / "s.db") as store:
        changes = store.execute("SELECT count(*), count(DISTINCT user) FROM change").fetchall()
    store.close()
    assert changes == [(_ROWS - _REFUSED, _ROWS - _REFUSED)]


def _log(folder: Path) -> str:
    return (folder / "server.log").read_text()
