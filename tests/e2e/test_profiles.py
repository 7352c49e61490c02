"""Device profiles, by a real server on loopback."""

import json
import time
from pathlib import Path

import pytest

from tests.helpers.server import START_WITHIN, serve
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e
FEATURES = ["DoNotDisturb", "CallForwardingAlways", "CallForwardingBusy", "CallForwardingNoAnswer"]


def _say(phone: Ua, user_agent: str, body: bytes = b"") -> None:
    """A SUBSCRIBE that is accepted, in the dialog if there is one."""
    phone.accepted(phone.exchange("SUBSCRIBE", body, **{"User-Agent": user_agent}))


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


def test_a_phone_is_told_as_its_profile_says_and_a_hangup_changes_that(tmp_path: Path) -> None:
    """Its subscription goes on; of a broken file the old profiles do."""
    file = tmp_path / "profiles.yaml"
    file.write_text("profiles: [{name: acme, match: [acme/*], body: single}]\n")
    with (
        serve(tmp_path, {"profiles": "profiles.yaml"}) as server,
        Ua(server.ports["udp"], "sip:alice@example.com") as phone,
        Ua(server.ports["udp"], "sip:bob@example.com") as other,
    ):
        _say(phone, "Acme/1")
        assert [list(phone.notify().told) for _ in FEATURES] == [[name] for name in FEATURES]
        _say(other, "Other/1")
        assert list(other.notify().told) == FEATURES
        file.write_text("profiles: []\n")
        server.hang_up()
        _logged(tmp_path, "profiles_read", 2)
        _say(phone, "Acme/1")
        assert list(phone.notify().told) == FEATURES
        file.write_text("profiles: [{name: acme, mach: [x]}]\n")
        server.hang_up()
        _logged(tmp_path, "profiles_reload_failed", 1)
        _say(phone, "Acme/1")
        assert list(phone.notify().told) == FEATURES


def test_an_echo_undoes_nothing(tmp_path: Path) -> None:
    """An operator sets a feature twice, and the phone sends back the first state."""
    with (
        serve(tmp_path) as server,
        Ua(server.ports["tcp"], "sip:alice@example.com", "tcp") as phone,
    ):
        _say(phone, "Yealink SIP-T46S 66.85.0.5")
        assert phone.notify().told["DoNotDisturb"] == "off"

        def operate(status: str) -> None:
            server.mi(
                "dfks_set_feature",
                presentity="sip:alice@example.com",
                feature="DoNotDisturb",
                status=status,
            )

        operate("1")
        assert phone.notify().told == {"DoNotDisturb": "on"}
        operate("0")
        _say(phone, "Yealink SIP-T46S 66.85.0.5", dnd(True))
        assert phone.notify().told == {}
        assert phone.notify().told == {"DoNotDisturb": "off"}
        counted = server.mi("get_statistics", statistics=["presence:"])["result"]
        assert counted["presence:sets_echoed"] == 1, counted
