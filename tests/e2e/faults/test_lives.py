"""Settings that somebody changes between two lives of a server: nothing turns back by itself."""

from pathlib import Path

import pytest

from tests.helpers.ports import listen
from tests.helpers.server import serve
from tests.helpers.site import ALICE, press
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e


def test_a_life_in_memory_between_two_on_disk_takes_nothing(tmp_path: Path) -> None:
    """What was set meanwhile is gone; phones subscribe anew, and are told what holds."""
    stored, sip = {"store": f"sqlite:{tmp_path / 'dfks.db'}"}, {"sip": {"listen": listen()}}
    with serve(tmp_path, stored | sip) as server:
        phone = Ua(server.ports["udp"], ALICE)
        assert press(phone, 1).status == 200
        assert server.stop() == 0
    with phone:
        with serve(tmp_path, {"store": "memory:"} | sip) as server:
            assert phone.exchange().status == 481
            phone.to_tag, phone.target = "", phone.aor
            assert phone.subscribe(dnd(True)).told["CallForwardingAlways"] == "off"
            assert server.stop() == 0
            assert phone.notify(None).state == "terminated;reason=deactivated"
        with serve(tmp_path, stored | sip) as server:
            assert phone.exchange().status == 481
            phone.to_tag, phone.target = "", phone.aor
            told = phone.subscribe().told
            assert (told["CallForwardingAlways"], told["DoNotDisturb"]) == ("on 1", "off")
            assert press(phone, 2).status == 200
            server.kill()
        with serve(tmp_path, stored | sip):
            assert phone.subscribe().told["CallForwardingAlways"] == "on 2"
