"""A wall clock that steps: subscriptions and states are as they were."""

from contextlib import ExitStack
from datetime import datetime
from time import monotonic, time

import pytest

from tests.helpers.ports import listen
from tests.helpers.site import ALICE, Site, press, target
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("hours", [1, -1])
def test_a_step_of_the_clock_changes_no_subscription(site: Site, hours: int) -> None:
    """Durations are measured, not computed from the wall clock."""
    site.config["presence"] = {"min_expires": 1}
    with site.server() as server, ExitStack() as stack:
        short, long = (stack.enter_context(Ua(server.ports["udp"])) for _ in range(2))
        long.subscribe()
        short.subscribe(expires=2)
        begun = monotonic()
        site.machine.step_clock(hours * 3_600)
        assert short.notify().state == "terminated;reason=timeout"
        assert 1.5 < monotonic() - begun < 5
        assert not long.has_arrived()
        state = press(long, 1) and long.subscribe().state
        assert 3_590 < int(state.removeprefix("active;expires=")) <= 3_600
        server.kill()
    with site.server() as server:
        assert target(server, long.aor) == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_wrong_clock_that_is_corrected_is_right_in_the_journal(site: Site, end: str) -> None:
    """People read it; and after a crash phones are told all the same."""
    site.config["sip"] = {"listen": listen()}
    site.machine.step_clock(3_600)
    with site.server() as server:
        phone = Ua(server.ports["udp"], ALICE)
        phone.subscribe()
        assert press(phone, 1).status == 200
        site.machine.step_clock(0)
        assert press(phone, 2).status == 200
        getattr(server, end)()
    with site.server() as server, phone:
        if end == "kill":
            assert phone.notify().told["CallForwardingAlways"] == "on 2"
        assert press(phone, 3).status == 200
        rows = server.mi("journal:list", presentity=ALICE)["result"]["changes"]
    off = [datetime.fromisoformat(row["at"]).timestamp() - time() for row in rows]
    assert 3_500 < off[0] < 3_600
    assert all(-60 < one <= 0 for one in off[1:])


@pytest.mark.parametrize(("end", "hours"), [("stop", 1), ("kill", -1)])
def test_a_step_of_the_clock_over_a_restart_changes_no_subscription(
    site: Site, end: str, hours: int
) -> None:
    """The clock that counts is that of the machine, which goes on while no server runs."""
    site.config["sip"] = {"listen": listen()}
    with site.server() as server:
        phone = Ua(server.ports["udp"], ALICE)
        phone.subscribe()
        assert press(phone, 1).status == 200
        cseq = phone.subscribe().cseq
        getattr(server, end)()
    site.machine.step_clock(hours * 3_600)
    with site.server(), phone:
        told = phone.subscribe()
        assert told.told["CallForwardingAlways"] == "on 1"
        assert told.cseq > cseq
        assert 3_590 < int(told.state.removeprefix("active;expires=")) <= 3_600
