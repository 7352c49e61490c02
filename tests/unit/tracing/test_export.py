"""Packets go to a collector, or are lost: over real sockets."""

import asyncio
import socket
from collections.abc import Callable

from structlog.testing import capture_logs

from dfks_rules.tracing.asks import Ask
from dfks_rules.tracing.entries import Decided
from dfks_rules.tracing.export import HepExport, HepTarget
from dfks_rules.tracing.hep import Agent
from tests.helpers.hep import Packet, decode
from tests.helpers.playbook import FLOW
from tests.helpers.traced import BEGAN, message_at

_AGENT = Agent(7, b"key")
_DECIDED = Decided(BEGAN, "call-1", "sip:a@h", None, "operator", ())


def _collector() -> tuple[socket.socket, int]:
    collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    collector.bind(("127.0.0.1", 0))
    collector.settimeout(5)
    return collector, collector.getsockname()[1]


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - it is not an event
            await asyncio.sleep(0.001)


async def _opened(port: int, host: str = "127.0.0.1") -> HepExport:
    export = HepExport(HepTarget(host, port, _AGENT), asyncio.get_running_loop())
    export.open()
    await _until(lambda: export.is_connected)
    return export


async def test_messages_and_decisions_arrive() -> None:
    """A decision comes the way of the request that led to it."""
    collector, port = _collector()
    with collector:
        export = await _opened(port, "localhost")
        export.message(message_at(data=b"OPTIONS x"))
        export.decided(_DECIDED, Ask("call-1", FLOW, ""))
        export.decided(_DECIDED, None)
        packets: list[Packet] = [decode(collector.recv(65_535)) for _ in range(3)]
        await export.close()
    assert [(one.kind, one.agent, one.key) for one in packets] == [
        (1, 7, b"key"),
        (100, 7, b"key"),
        (100, 7, b"key"),
    ]
    assert packets[0].payload == b"OPTIONS x"
    assert packets[1].source == packets[0].source == ("192.0.2.7", 5062)
    assert packets[1].target == packets[0].target
    assert packets[2].source == ("127.0.0.1", 0)
    assert export.counts == {"hep_sent": 3, "hep_dropped": 0, "hep_connected": 0}


async def test_what_comes_before_the_collector_is_found_is_counted_as_dropped() -> None:
    """It is looked up in the background."""
    export = HepExport(HepTarget("127.0.0.1", 9, _AGENT), asyncio.get_running_loop())
    export.message(message_at())
    assert export.counts == {"hep_sent": 0, "hep_dropped": 1, "hep_connected": 0}
    await export.close()


async def test_a_collector_that_is_not_there_is_looked_for_again() -> None:
    """The log says so once, not for each packet; the server goes on."""
    with capture_logs() as logs:
        export = HepExport(
            HepTarget("no.such.host.invalid", 9, _AGENT), asyncio.get_running_loop(), every=0.01
        )
        export.open()
        await _until(lambda: export.looked_up >= 3)
        await export.close()
    assert [(one["event"], one["collector"]) for one in logs] == [
        ("hep_unreachable", "no.such.host.invalid:9")
    ]


async def test_a_collector_that_has_gone_costs_packets_and_nothing_else() -> None:
    """The kernel tells of it with a later packet; then the name is looked up again."""
    collector, port = _collector()
    export = HepExport(HepTarget("127.0.0.1", port, _AGENT), asyncio.get_running_loop(), every=0.01)
    export.open()
    await _until(lambda: export.is_connected)
    collector.close()
    looked_up = export.looked_up

    def drops() -> bool:
        export.message(message_at())
        return export.counts["hep_dropped"] > 2

    await _until(drops)
    await _until(lambda: export.looked_up > looked_up)
    await export.close()


async def test_a_packet_too_long_for_a_datagram_is_dropped() -> None:
    """A head has at most 16 KB, so only a key or an id could do it; the kernel would refuse it."""
    collector, port = _collector()
    with collector:
        export = await _opened(port)
        export.message(message_at(data=b"x" * 65_500))
        assert export.counts == {"hep_sent": 0, "hep_dropped": 1, "hep_connected": 1}
        await export.close()


async def test_a_full_buffer_drops_and_does_not_wait() -> None:
    """A collector by a Unix socket of the test's, which nobody reads."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    export = HepExport(HepTarget("127.0.0.1", 9, _AGENT), asyncio.get_running_loop())
    export.use(ours)
    with theirs:
        for _ in range(2_000):
            export.message(message_at(data=b"x" * 1_000))
        assert export.counts["hep_sent"] > 0
        assert export.counts["hep_sent"] + export.counts["hep_dropped"] == 2_000
        assert export.counts["hep_dropped"] > 0
        await export.close()
