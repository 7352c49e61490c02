"""Who is worked on next."""

from collections import Counter

import pytest

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport.round_robin import (
    BUSY,
    IN_ALL,
    LITTLE,
    OVERHEAD,
    PER_SOURCE,
    Excess,
    RoundRobin,
)
from dfks_rules.transport.sources import TRUSTED_SHARE, Source, StreamTurn

_FLOW = Flow(Listener("udp", "192.0.2.1", 5060), ("192.0.2.7", 5062))
_NEW = b"SUBSCRIBE sip:a SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n"
_EXPECTED = b"SUBSCRIBE sip:a SIP/2.0\r\nTo: <sip:a@b>;tag=1\r\n\r\n"


def _fill(queues: RoundRobin, source: Source, data: bytes, many: int) -> Counter[Excess | None]:
    return Counter(queues.put(source, data, _FLOW) for _ in range(many))


def _taken(queues: RoundRobin, at_most: int = 10**6) -> list[bytes]:
    """The datagrams that are taken, in their order."""
    taken: list[bytes] = []
    while len(taken) < at_most and (job := queues.take()) is not None:
        assert isinstance(job, tuple)
        taken.append(job[0])
    return taken


def test_what_waits_of_one_source_keeps_its_order() -> None:
    """Nothing is gained by changing it."""
    queues, phone = RoundRobin(), Source("192.0.2.1")
    sent = [b"%d" % number for number in range(10)]
    for data in sent:
        queues.put(phone, data, _FLOW)
    assert _taken(queues) == sent
    assert queues.take() is None
    assert (queues.size, phone.size, phone.is_waiting) == (0, 0, False)


def test_a_message_waits_for_one_round_of_whoever_was_first() -> None:
    """A thousand of one source, then one of another."""
    queues, flooder, phone = RoundRobin(), Source("192.0.2.1"), Source("192.0.2.2")
    _fill(queues, flooder, b"flood", 1000)
    queues.put(phone, b"phone", _FLOW)
    assert b"phone" in _taken(queues, 6)


def test_a_source_is_paid_by_what_it_costs_not_by_how_much_it_sends_at_once() -> None:
    """64 KB of one source for each small message of another would be no fair share."""
    queues, big, small = RoundRobin(), Source("192.0.2.1"), Source("192.0.2.2")
    _fill(queues, big, b"x" * 60_000, 10)
    _fill(queues, small, b"y" * 500, 300)
    taken = _taken(queues, 200)
    assert taken.count(b"x" * 60_000) <= 200 * (500 + OVERHEAD) / 60_000 + 1


def test_a_trusted_peer_has_its_multiple() -> None:
    """A proxy with 1,000 phones beside one phone."""
    queues = RoundRobin()
    _fill(queues, Source("192.0.2.1", is_trusted=True), b"t" * 1000, 1000)
    _fill(queues, Source("192.0.2.2"), b"n" * 1000, 100)
    taken = Counter(_taken(queues, 340))
    assert taken[b"t" * 1000] == pytest.approx(taken[b"n" * 1000] * TRUSTED_SHARE, rel=0.1)


def test_dialogs_and_responses_go_first_where_much_waits() -> None:
    """Whoever has a subscription keeps it; within one source, and not before that."""
    queues, site = RoundRobin(), Source("192.0.2.1")
    few = LITTLE // (len(_NEW) + OVERHEAD) + 1
    _fill(queues, site, _NEW, few + 10)
    queues.put(site, _EXPECTED, _FLOW)
    queues.put(site, b"SIP/2.0 200 OK\r\n\r\n", _FLOW)
    taken = _taken(queues)
    assert taken[:2] == [_EXPECTED, b"SIP/2.0 200 OK\r\n\r\n"]
    assert len(taken) == few + 12


def test_a_source_has_a_bound_and_half_of_it_for_what_is_new() -> None:
    """A flood of new requests leaves the dialogs behind the same NAT their half."""
    queues, flooder, phone = RoundRobin(), Source("192.0.2.1"), Source("192.0.2.2")
    assert _fill(queues, flooder, _NEW, 10_000)[Excess.QUEUE] > 0
    assert flooder.size <= PER_SOURCE // 2
    assert _fill(queues, flooder, _EXPECTED, 10_000)[Excess.QUEUE] > 0
    assert PER_SOURCE // 2 < flooder.size <= PER_SOURCE
    assert _fill(queues, phone, _NEW, 10) == {None: 10}
    _taken(queues)
    assert _fill(queues, flooder, _NEW, 10) == {None: 10}


def test_where_many_flood_the_first_to_be_refused_are_those_with_the_most() -> None:
    """New requests of sources that have their part; a quiet phone is served."""
    queues, phone = RoundRobin(), Source("192.0.2.2")
    flooders = [Source(str(number)) for number in range(20)]
    refused = Counter[Excess | None]()
    for _ in range(1000):
        for one in flooders:
            refused[queues.put(one, _NEW, _FLOW)] += 1
    assert refused[Excess.OVERLOAD] > 0
    assert queues.size <= BUSY + 20 * (OVERHEAD + 1000)
    assert queues.put(phone, _NEW, _FLOW) is None
    assert queues.put(flooders[0], _EXPECTED, _FLOW) is None


@pytest.mark.parametrize("data", [_NEW, _EXPECTED])
def test_all_together_have_a_bound(data: bytes) -> None:
    """Whoever makes up addresses must not fill the memory."""
    queues = RoundRobin()
    for number in range(70_000):
        queues.put(Source(str(number)), data, _FLOW)
    assert queues.size <= IN_ALL
    assert queues.put(Source("192.0.2.2"), data, _FLOW) is Excess.OVERLOAD


def test_a_connection_waits_with_the_datagrams_of_its_source() -> None:
    """Over several ways a source has one share."""
    queues, both, other = RoundRobin(), Source("192.0.2.1"), Source("192.0.2.2")
    turn = StreamTurn(both, lambda: False)
    for _ in range(20):
        queues.wait(turn)
        queues.put(both, b"x" * 1000, _FLOW)
        queues.put(other, b"y" * 1000, _FLOW)
    first = [queues.take() for _ in range(30)]
    assert sum(isinstance(job, tuple) and job[0] == b"y" * 1000 for job in first) >= 10
