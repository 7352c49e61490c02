"""SIPp leads hundreds of dialogs through their whole life, alone and behind Kamailio."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.long.phones.sites import Site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.sipp,
    pytest.mark.skipif(
        shutil.which("sipp") is None, reason="needs `sipp` (Debian package sip-tester)"
    ),
]
SCENARIO = Path(__file__).with_name("sipp.xml")
CALLS = 300
SUBSCRIBES = 4
"""In a call: it subscribes, sets, refreshes and unsubscribes."""
_MODES = {"udp": "u1", "tcp": "tn"}
"""One socket for all phones, and a connection for each."""


def test_hundreds_of_dialogs_live_and_end(site: Site, transport: str, tmp_path: Path) -> None:
    """SIPp exits with 0 only if each message of each call is what its scenario expects."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["sipp", f"127.0.0.1:{site.ports[transport]}", "-sf", str(SCENARIO)]
    command += ["-t", _MODES[transport], "-max_socket", "500", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-m", str(CALLS), "-r", "60", "-nostdin", "-timeout", "45", "-timeout_error"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout[-2000:].decode(errors="replace")

    counts = site.once_all_have_ended()
    assert counts["presence:subscriptions_made"] == counts["presence:ended_timeout"] == CALLS
    assert counts["features:sets"] == CALLS
    # How many were answered is not certain: behind Kamailio's many processes, a SUBSCRIBE may
    # overtake the answer to the NOTIFY before it, which then is no longer waited for.
    assert counts["presence:notify_sent"] == CALLS * SUBSCRIBES
    assert counts["presence:notify_refused"] == counts["presence:notify_timed_out"] == 0
