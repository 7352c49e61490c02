"""Authentication, by a real server on loopback."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.cli.phone_auth import Answerer
from tests.helpers.ports import free_port
from tests.helpers.server import START_WITHIN, Server, serve
from tests.helpers.ua import Message, Ua, dnd

pytestmark = pytest.mark.e2e
DFKS = str(Path(sys.executable).with_name("dfks"))
SIPP = pytest.mark.skipif(
    shutil.which("sipp") is None, reason="needs `sipp` (Debian package sip-tester)"
)


def _settings(**more: Any) -> dict[str, Any]:
    return {"auth": {"mode": "digest", "realm": "example.com", "users": "users.yaml", **more}}


def _add(folder: Path, user: str, password: str) -> None:
    """As an operator adds a user."""
    command = [DFKS, "auth", "add", user, "--password-stdin", "--realm", "example.com"]
    given = password.encode() + b"\n"
    subprocess.run(command, cwd=folder, input=given, capture_output=True, check=True)


def _phone(server: Server, user: str, password: str, *arguments: str) -> tuple[int, str]:
    """Alice is watched with `dfks phone`; exit status and output."""
    where = f"127.0.0.1:{server.ports['udp']}"
    command = [DFKS, "phone", "sip:alice@example.com", "--server", where, "--password-stdin"]
    run = subprocess.run(
        [*command, "--user", user, *arguments],
        input=password + "\n",
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize("algorithms", [["SHA-256", "MD5"], ["MD5"]])
def test_a_phone_with_a_password_sets_its_keys(tmp_path: Path, algorithms: list[str]) -> None:
    """And nobody else does, whatever From says."""
    _add(tmp_path, "alice@example.com", "wonderland")
    _add(tmp_path, "bob@example.com", "builder")
    with serve(tmp_path, _settings(algorithms=algorithms)) as server:
        status, output = _phone(server, "alice", "wonderland", "--set", "DoNotDisturb=on")
        assert (status, "DoNotDisturb           on" in output) == (0, True), output
        status, output = _phone(server, "bob", "builder", "--set", "DoNotDisturb=off")
        assert (status, "403" in output) == (1, True), output
        status, output = _phone(server, "alice", "guess")
        told = "phone: the server refused the name or the password (401 Unauthorized)" in output
        assert (status, told) == (1, True), output
        features = server.mi("dfks:get_features", presentity="sip:alice@example.com")["result"]
        assert features["features"][0]["stored"]["status"] == 1, features
        counted = server.mi("get_statistics", statistics=["auth:"])["result"]
        assert counted["auth:failed"] == 1, counted
    log = (tmp_path / "server.log").read_text()
    assert "wonderland" not in log
    assert "nonce" not in log


def test_users_are_read_again_at_a_hangup(tmp_path: Path) -> None:
    """Of a broken file the old users go on."""
    _add(tmp_path, "alice@example.com", "old")
    with serve(tmp_path, _settings()) as server:
        assert _phone(server, "alice", "old")[0] == 0
        _add(tmp_path, "alice@example.com", "new")
        server.hang_up()
        _logged(tmp_path, "users_read", 2)
        assert _phone(server, "alice", "new")[0] == 0
        (tmp_path / "users.yaml").write_text("users: [")
        server.hang_up()
        _logged(tmp_path, "users_reload_failed", 1)
        assert _phone(server, "alice", "new")[0] == 0
        assert _phone(server, "alice", "old")[0] == 1


def _logged(folder: Path, event: str, times: int) -> None:
    """Wait until the server has logged something so often."""
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        lines = (folder / "server.log").read_text().splitlines()
        entries = [json.loads(line) for line in lines if line.endswith("}")]
        if sum(entry["event"] == event for entry in entries) >= times:
            return
        time.sleep(0.02)
    raise AssertionError(event)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_was_seen_on_the_wire_is_not_accepted_again(tmp_path: Path, transport: str) -> None:
    """A copy of an authenticated SUBSCRIBE with a new branch is a replay."""
    _add(tmp_path, "alice@example.com", "wonderland")
    with (
        serve(tmp_path, _settings()) as server,
        Ua(server.ports[transport], "sip:alice@example.com", transport) as phone,
    ):
        answerer = Answerer("alice", "wonderland")
        challenged = phone.exchange()
        assert challenged.status == 401
        assert answerer.take(challenged.headers["www-authenticate"].encode())
        line = answerer.authorization(b"SUBSCRIBE", b"sip:alice@example.com")
        value = line[15:].decode().rstrip()
        assert phone.exchange(Authorization=value).status == 200
        assert phone.notify().told["DoNotDisturb"] == "off"
        replayed: Message = phone.exchange(body=dnd(True), Authorization=value)
        assert replayed.status == 401
        assert "stale=true" in replayed.headers["www-authenticate"]


@pytest.mark.parametrize("what", ["serve", "check"])
def test_nobody_serves_a_network_without_authentication_by_mistake(
    tmp_path: Path, what: str
) -> None:
    """The message says what to write."""
    file = tmp_path / "dfks.yaml"
    file.write_text("sip: {listen: ['udp:0.0.0.0:0']}\n")
    command = {"serve": ["serve", "--config", str(file)], "check": ["config", "check", str(file)]}
    run = subprocess.run(
        [DFKS, *command[what]], capture_output=True, text=True, timeout=180, check=False
    )
    assert run.returncode == 3
    assert "auth: {mode: digest, realm: example.com, users: users.yaml}" in run.stderr
    assert "auth: {insecure: true}" in run.stderr


def test_a_start_without_users_says_what_is_missing(tmp_path: Path) -> None:
    """Exit code 3, as for other settings; no traceback."""
    file = tmp_path / "dfks.yaml"
    file.write_text(json.dumps(_settings() | {"sip": {"listen": ["udp:127.0.0.1:0"]}}))
    run = subprocess.run(
        [DFKS, "serve", "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 3
    assert "cannot read the users: No such file or directory" in run.stderr
    assert "Traceback" not in run.stderr


@SIPP
@pytest.mark.sipp
def test_sipp_authenticates_by_md5(tmp_path: Path) -> None:
    """Its digest was written by others; it knows MD5 only."""
    _add(tmp_path, "sipp@example.com", "pipe")
    scenario = Path(__file__).parent / "sipp/authenticated.xml"
    with serve(tmp_path, _settings(algorithms=["MD5"])) as server:
        command = ["sipp", f"127.0.0.1:{server.ports['udp']}", "-sf", str(scenario)]
        command += ["-i", "127.0.0.1", "-p", str(free_port()), "-m", "50", "-r", "50"]
        command += ["-au", "sipp", "-ap", "pipe", "-nostdin", "-timeout", "30", "-timeout_error"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=180, check=False)
        counted = server.mi("get_statistics", statistics=["auth:"])["result"]
    assert run.returncode == 0, run.stdout[-2000:].decode(errors="replace")
    assert (counted["auth:challenged"], counted["auth:authenticated"]) == (50, 50)
