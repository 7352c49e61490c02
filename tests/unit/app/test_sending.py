"""The way out, to real sockets."""

import asyncio

from dfks_rules.app.driver import Driver
from dfks_rules.app.sending import Sending
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.timers import T1
from tests.helpers.clock import ClockLoop
from tests.helpers.playbook import Playbook, default_policies
from tests.helpers.transports import REQUEST, served


class _Tap:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, Flow]] = []

    def received(self, data: bytes, flow: Flow) -> None:
        """Nothing comes."""
        raise AssertionError

    def sent(self, data: bytes, flow: Flow) -> None:
        """A message goes out."""
        self.seen.append((data, flow))


async def test_what_is_sent_goes_out_begins_timers_and_is_shown_to_who_looks() -> None:
    """Whoever looks is shown where it really goes."""
    book, loop = Playbook(default_policies()), ClockLoop()
    driver = Driver(loop, book.endpoint, book.notifier)
    async with served("udp:127.0.0.1") as server, served("udp:127.0.0.1") as phone:
        sending = Sending(server.transports)
        sending.driven_by(driver)
        flow = Flow(server.transports.listeners[0], ("127.0.0.1", phone.port))
        sending.send(flow, REQUEST)
        assert loop.due == [T1]
        tap = _Tap()
        driver.observe(tap)
        sending.send(flow, REQUEST)
        assert tap.seen == [(REQUEST, flow)]
        for _ in range(2):
            data, _ = await asyncio.wait_for(phone.next(), 5)
            assert data == REQUEST
