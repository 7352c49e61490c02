"""SIPp leads hundreds of dialogs through their whole life, alone and behind Kamailio."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.ports import free_port
from tests.long.phones.phone import PASSWORD
from tests.long.phones.sites import USERS, Site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.sipp,
    pytest.mark.skipif(
        shutil.which("sipp") is None, reason="needs `sipp` (Debian package sip-tester)"
    ),
]
SCENARIO = Path(__file__).with_name("sipp.xml")
CALLS = len(USERS) - 1
SUBSCRIBES = 4
"""In a call, once it is challenged: it subscribes, sets, refreshes and unsubscribes."""
_MODES = {"udp": "u1", "tcp": "tn"}
"""One socket for all phones, and a connection for each; Debian's SIPp has no TLS."""


@pytest.mark.parametrize("transport", _MODES)
@pytest.mark.parametrize("site", ["md5", "kamailio"], indirect=True)
def test_hundreds_of_dialogs_live_and_end(site: Site, transport: str, tmp_path: Path) -> None:
    """SIPp exits with 0 only if each message of each call is what its scenario expects."""
    command = ["sipp", f"127.0.0.1:{site.ports[transport]}", "-sf", str(SCENARIO)]
    command += ["-t", _MODES[transport], "-max_socket", "500", "-i", "127.0.0.1", "-p"]
    command += [str(free_port()), "-inf", str(_credentials(tmp_path))]
    command += ["-m", str(CALLS), "-r", "60", "-nostdin", "-timeout", "45", "-timeout_error"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout[-2000:].decode(errors="replace")

    counts = site.once_all_have_ended()
    assert counts["presence:subscriptions_made"] == counts["presence:ended_timeout"] == CALLS
    assert counts["features:sets"] == CALLS
    # Behind Kamailio, which challenges them itself, everybody is trusted.
    if not site.pbx:
        assert counts["auth:challenged"] == CALLS
        assert counts["auth:authenticated"] == CALLS * SUBSCRIBES
    # How many were answered is not certain: behind Kamailio's many processes, a SUBSCRIBE may
    # overtake the answer to the NOTIFY before it, which then is no longer waited for.
    assert counts["presence:notify_sent"] == CALLS * SUBSCRIBES
    assert counts["presence:notify_refused"] == counts["presence:notify_timed_out"] == 0


def _credentials(folder: Path) -> Path:
    """What SIPp answers challenges with, in its own words, by the number of the call."""
    file = folder / "credentials.csv"
    lines = [f"[authentication username={user} password={PASSWORD}]" for user in USERS[1:]]
    file.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    return file
