"""Where hops lead."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from dfks_rules.sip.flow import Flow, Hop, Listener, TransportName
from dfks_rules.sip.target import Question, RecordType
from dfks_rules.transport import locator as module
from dfks_rules.transport.dns import Dns
from dfks_rules.transport.hosts_file import HostsFile
from dfks_rules.transport.locator import MAX_OF_HOST, Locator
from dfks_rules.transport.resolver import Answer
from tests.helpers.transports import WITHIN

_NEAR = Listener("udp", "192.0.2.1", 5060)
_NAME = Hop("p.example", 5060, None)


class _Located:
    """A locator with two addresses for each name, and what it told."""

    def __init__(self, hosts: Path) -> None:
        self.told: asyncio.Queue[tuple[bytes, list[Flow]]] = asyncio.Queue()
        self.asked: list[Question] = []
        self.locator = Locator(
            Dns(self._ask, HostsFile(hosts)),
            lambda near: {TransportName.UDP: [RecordType.A]},
            lambda transport, host, near: near if host != "192.0.2.66" else None,
            self._tell,
        )

    async def _ask(self, question: Question) -> Answer:
        self.asked.append(question)
        if "dead" in question.name:
            await asyncio.Event().wait()
        return Answer(("192.0.2.7", "192.0.2.66", "192.0.2.8"), 60.0)

    def _tell(self, branch: bytes, flows: Sequence[Flow]) -> None:
        self.told.put_nowait((branch, list(flows)))

    async def next(self) -> tuple[bytes, list[Flow]]:
        """What was told next."""
        async with asyncio.timeout(WITHIN):
            return await self.told.get()


@pytest.fixture
async def located(tmp_path: Path) -> AsyncIterator[_Located]:
    """One, closed at the end."""
    one = _Located(tmp_path / "none")
    yield one
    await one.locator.close()


_FLOWS = [Flow(_NEAR, ("192.0.2.7", 5060)), Flow(_NEAR, ("192.0.2.8", 5060))]


async def test_requests_that_wait_for_one_hop_are_told_together(located: _Located) -> None:
    """One proxy stands before all the phones of a site; never from within the call."""
    for branch in (b"1", b"2", b"3"):
        located.locator.locate(branch, _NAME, _NEAR)
    assert located.told.empty()
    assert [await located.next() for _ in range(3)] == [(b"%d" % n, _FLOWS) for n in (1, 2, 3)]
    assert located.asked == [("p.example", RecordType.A)]
    located.locator.locate(b"4", _NAME, _NEAR)
    assert await located.next() == (b"4", _FLOWS)


async def test_target_that_failed_comes_last(located: _Located) -> None:
    """For as long as it is to be avoided."""
    located.locator.avoid(_FLOWS[0], math.inf)
    located.locator.locate(b"1", _NAME, _NEAR)
    assert await located.next() == (b"1", _FLOWS[::-1])


async def test_hop_that_leads_nowhere_is_told_so(located: _Located) -> None:
    """Here `sips` without TLS."""
    located.locator.locate(b"1", Hop("p.example", None, TransportName.TLS), _NEAR)
    assert await located.next() == (b"1", [])


async def test_lookups_of_one_host_are_bounded(located: _Located) -> None:
    """65,535 ports of one dead name; others are looked up all the same."""
    for port in range(1, MAX_OF_HOST + 2):
        located.locator.locate(b"%d" % port, Hop("a.dead.example", port, None), _NEAR)
    assert await located.next() == (b"%d" % (MAX_OF_HOST + 1), [])
    assert located.locator.counts["hops_refused"] == 1
    located.locator.locate(b"live", _NAME, _NEAR)
    assert await located.next() == (b"live", _FLOWS)


async def test_lookups_and_those_who_wait_for_them_are_bounded(
    located: _Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes memory."""
    monkeypatch.setattr(module, "MAX_HOPS", 2)
    monkeypatch.setattr(module, "MAX_REQUESTS", 1)
    for number in range(3):
        located.locator.locate(b"%d" % number, Hop(f"a{number}.dead.example", 1, None), _NEAR)
    assert await located.next() == (b"2", [])
    located.locator.locate(b"again", Hop("a0.dead.example", 1, None), _NEAR)
    assert await located.next() == (b"again", [])
    assert located.locator.counts["hops_refused"] == 2


async def test_close_waits_for_what_is_about_to_be_found(located: _Located) -> None:
    """A phone with a name in its Contact is told that its subscription ends, too."""
    located.locator.locate(b"1", _NAME, _NEAR)
    await located.locator.close()
    assert await located.next() == (b"1", _FLOWS)
