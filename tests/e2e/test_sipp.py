"""SIPp, a user agent that others wrote, gets on with the server."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.helpers.server import serve

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.sipp,
    pytest.mark.skipif(
        shutil.which("sipp") is None, reason="needs `sipp` (Debian package sip-tester)"
    ),
]
SCENARIO = Path(__file__).parent / "sipp/subscribe.xml"
CALLS = 50


def test_sipp_subscribes_and_is_notified(tmp_path: Path) -> None:
    """SIPp checks each message by its own parser and exits with 0 only if every call went well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serve(tmp_path) as server:
        command = ["sipp", f"127.0.0.1:{server.ports['udp']}", "-sf", str(SCENARIO)]
        command += ["-i", "127.0.0.1", "-p", str(port), "-m", str(CALLS), "-r", "50"]
        command += ["-nostdin", "-timeout", "30", "-timeout_error"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout[-2000:].decode(errors="replace")
