"""`dfks top` on a real server: in a terminal, and in a pipe."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.helpers.server import Server, serve, write_policy
from tests.helpers.terminals import terminal

pytestmark = pytest.mark.e2e

_DFKS = str(Path(sys.executable).with_name("dfks"))
_RULES = """
- id: no-dnd-for-bob
  when: {op: set, user: bob}
  then: {deny: busy-office}
"""


def _url(server: Server) -> str:
    [url] = re.findall(r"^  api (\S+)$", server.banner, re.MULTILINE)
    return str(url)


def _press(server: Server, user: str, status: int) -> None:
    server.mi(
        "dfks:set_feature",
        presentity=f"sip:{user}@example.com",
        feature="DoNotDisturb",
        status=status,
    )


def _config(folder: Path) -> dict[str, object]:
    rules = write_policy(folder, _RULES)
    return {**rules, "store": f"sqlite:{folder / 's.db'}", "http": {"listen": "127.0.0.1:0"}}


def test_the_screen_follows_the_server_the_keys_and_the_size(tmp_path: Path) -> None:
    """As a night shift uses it, over ssh."""
    with (
        serve(tmp_path, _config(tmp_path)) as server,
        terminal([_DFKS, "top", "--url", _url(server), "--interval", "0.3"]) as top,
    ):
        top.until(lambda lines: "UTC" in lines[0] and "Refused" in "\n".join(lines))
        top.look(0.5)  # The stream of events is open.
        number = 0

        def shows(lines: list[str]) -> bool:
            nonlocal number
            number += 1
            _press(server, "alice", number % 2)
            _press(server, "bob", 1)
            text = "\n".join(lines)
            return "sip:alice@example.com" in text and "p/no-dnd-for-bob" in text

        top.until(shows)
        wide = top.until(lambda lines: any(re.search(r"set +\d", line) for line in lines))
        assert sum("Rates" in line and "Latencies" in line for line in wide) == 1
        top.press("p")
        top.until(lambda lines: "paused" in lines[0])
        still = [line for line in top.lines if "alice" in line]
        for _ in range(4):
            _press(server, "alice", 0)
            _press(server, "alice", 1)
        top.look(1.0)
        assert [line for line in top.lines if "alice" in line] == still
        top.press("p")
        top.until(lambda lines: "UTC" in lines[0])
        top.until(lambda lines: [line for line in lines if "alice" in line] != still)
        top.resize(80, 50)
        top.until(lambda lines: any(line.startswith("╭─ Latencies") for line in lines))
        assert max(map(len, top.lines)) <= 80
        top.press("q")
        assert top.wait() == 0


def test_in_a_pipe_there_is_a_line_each_second_also_over_a_restart(tmp_path: Path) -> None:
    """What cannot be known is null; a reader that has gone ends it quietly."""
    config = _config(tmp_path)
    with serve(tmp_path, config) as server:
        url = _url(server)
        command = [_DFKS, "top", "--url", url, "--interval", "0.3"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as top:
            assert top.stdout is not None
            assert top.stderr is not None
            first = json.loads(top.stdout.readline())
            assert first["store"]["ready"] is True
            assert first["policies"]["revision"]
            assert first["problems"] == {}
            deadline = time.monotonic() + 30
            seen: list[str] = []
            while "sip:bob@example.com" not in seen:
                assert time.monotonic() < deadline
                _press(server, "bob", 1)
                told = json.loads(top.stdout.readline())
                seen = [one["presentity"] for one in told["loudest"]]
            assert told["refusals"][0]["rule"] == "p/no-dnd-for-bob"
            server.kill()
            while True:
                told = json.loads(top.stdout.readline())
                if "metrics" in told["problems"]:
                    break
            port = int(url.rpartition(":")[2])
            config["http"] = {"listen": f"127.0.0.1:{port}"}
            with serve(tmp_path, config):
                while json.loads(top.stdout.readline())["problems"]:
                    assert time.monotonic() < deadline + 30
                top.stdout.close()
                assert top.wait(30) == 0
                assert top.stderr.read() == b""


def test_metrics_name_what_top_looks_for(tmp_path: Path) -> None:
    """The labels of a real server, of decisions that were made."""
    with serve(tmp_path, _config(tmp_path)) as server:
        _press(server, "bob", 1)
        _press(server, "alice", 1)
        with urllib.request.urlopen(f"{_url(server)}/metrics", timeout=10) as got:  # noqa: S310
            text = got.read().decode()
    for wanted in ('effect="deny"', 'effect="allow"', 'op="set"', 'limit="rate"'):
        assert wanted in text
