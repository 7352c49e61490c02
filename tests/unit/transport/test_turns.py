"""Turns of those that have much to do."""

import asyncio

import pytest
from structlog.testing import capture_logs

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport import turns
from dfks_rules.transport.limits import SourceLimits
from dfks_rules.transport.rates import REFUSALS
from dfks_rules.transport.round_robin import Excess
from dfks_rules.transport.sources import Source
from dfks_rules.transport.turns import AT_ONCE, PORTION, Turns
from tests.helpers.transports import until

_LISTENER = Listener("udp", "192.0.2.1", 5060)
_REQUEST = b"OPTIONS sip:a SIP/2.0\r\n\r\n"


def _from(host: str) -> Flow:
    return Flow(_LISTENER, (host, 5060))


class _Turns:
    """Turns, and what they lead to."""

    def __init__(self, per_source: int | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.received: list[bytes] = []
        self.refused: list[Excess] = []
        self.turns = Turns(
            self.loop,
            lambda data, _: self.received.append(data),
            lambda _, __, excess: self.refused.append(excess),
            SourceLimits(per_source),
        )

    def put(self, host: str, data: bytes, many: int = 1) -> None:
        """Have datagrams wait."""
        for _ in range(many):
            self.turns.put(data, _from(host), self.loop.time())

    def source(self, host: str) -> Source:
        """A source."""
        return self.turns.sources.of(host)


async def test_connections_of_one_source_share_its_turn() -> None:
    """1,000 connections must not have 1,000 shares."""
    all_of, calls = _Turns(), list[str]()

    def work(name: str) -> bool:
        calls.append(name)
        return True

    for _ in range(100):
        all_of.turns.wait(all_of.source("192.0.2.1"), lambda: work("many"))
    all_of.turns.wait(all_of.source("192.0.2.2"), lambda: work("one"))
    assert calls == []
    for _ in range(4):
        await asyncio.sleep(0)
    assert calls.count("one") >= len(calls) // 3 - 4


async def test_work_is_done_in_slices_and_goes_on_by_itself() -> None:
    """Between two of them sockets are read, timers fire, and MI is answered."""
    one = _Turns()
    one.put("192.0.2.1", b"x", 3 * PORTION)
    one.turns.work()
    assert 0 < len(one.received) <= PORTION
    assert not one.turns.is_calm
    await until(lambda: one.turns.is_calm)
    assert len(one.received) == 3 * PORTION


async def test_work_that_is_done_is_not_called_again() -> None:
    """Nor is the loop woken for nothing."""
    one, left = _Turns(), [2, 1]

    def work() -> bool:
        return bool(left.pop() - 1)

    one.turns.wait(one.source("192.0.2.1"), work)
    for _ in range(3):
        await asyncio.sleep(0)
    assert left == [2]


async def test_work_that_raises_has_its_next_turn() -> None:
    """One message must not cost the others."""
    failures: list[dict[str, object]] = []
    one, outcomes = _Turns(), [False, True, None]
    one.loop.set_exception_handler(lambda _, what: failures.append(what))

    def work() -> bool:
        outcome = outcomes.pop()
        if outcome is None:
            raise ValueError
        return outcome

    one.turns.wait(one.source("192.0.2.1"), work)
    for _ in range(4):
        await asyncio.sleep(0)
    assert outcomes == []
    assert isinstance(failures[0]["exception"], ValueError)


async def test_a_flood_costs_others_nothing_and_its_drops_are_counted() -> None:
    """What was dropped is of the source that sent too much."""
    one = _Turns()
    one.put("192.0.2.66", _REQUEST, 20_000)
    for number in range(100):
        one.put("192.0.2.1", b"%d" % number)
    one.turns.work()
    await until(lambda: one.turns.is_calm)
    assert [data for data in one.received if data != _REQUEST] == [b"%d" % n for n in range(100)]
    counts = one.turns.counts
    lost = counts["queue_dropped"] + counts["queue_refused"]
    assert lost == 20_000 - (len(one.received) - 100) > 0
    assert one.refused == [Excess.QUEUE] * counts["queue_refused"]


async def test_what_is_over_the_rate_is_refused_a_few_times_and_then_dropped() -> None:
    """By datagrams; other sources are served."""
    one = _Turns(10)
    one.put("192.0.2.66", _REQUEST, 1000)
    one.turns.take(_REQUEST, _from("192.0.2.66"))
    one.turns.take(b"phone", _from("192.0.2.1"))
    one.turns.work()
    assert len(one.received) <= 10 + 1 + 2
    assert b"phone" in one.received
    assert one.refused == [Excess.RATE] * REFUSALS
    assert one.turns.counts["rate_refused"] == REFUSALS
    assert one.turns.counts["rate_dropped"] >= 980


async def test_a_response_that_was_asked_for_is_not_over_the_rate() -> None:
    """A site answers as many NOTIFYs as it is sent."""
    one = _Turns(10)
    for _ in range(300):
        one.turns.asked("192.0.2.1")
    for _ in range(300):
        one.turns.take(b"SIP/2.0 200 OK\r\n\r\n", _from("192.0.2.1"))
    assert len(one.received) == 300


async def test_one_log_line_names_the_source_that_sends_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The night shift sees who it is, and how much it was; not a line for each datagram."""
    monkeypatch.setattr(turns, "LOG_AFTER", 0.01)
    one = _Turns(10)
    with capture_logs() as lines:
        one.put("192.0.2.7", _REQUEST, 20)
        one.put("2001:db8::1", _REQUEST, 1000)
        one.put("192.0.2.8", _REQUEST, 20)
        assert lines == []
        await until(lambda: bool(lines))
        one.put("192.0.2.7", _REQUEST, 20)
        await asyncio.sleep(0.05)
        assert len(lines) == 1, "the next one is a minute later"
    assert (lines[0]["event"], lines[0]["limit"]) == ("source_limited", "rate")
    assert (lines[0]["source"], lines[0]["sources"]) == ("2001:db8::/64", 3)
    assert lines[0]["messages"] >= 980
    assert lines[0]["rate_dropped"] > 900


async def test_sources_that_are_noted_for_the_log_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Addresses can be made up."""
    monkeypatch.setattr(turns, "MAX_NOTED", 3)
    one = _Turns(1)
    for number in range(10):
        one.put(f"192.0.2.{number}", _REQUEST, 5)
    assert len(one.turns._excesses) == 3


async def test_streams_are_free_while_nobody_waits_and_few_come() -> None:
    """A lone message takes the short way; 1,000 connections at once do not."""
    one = _Turns()
    assert sum(one.turns.is_free() for _ in range(1000)) <= 2 * AT_ONCE
    one.put("192.0.2.1", b"x")
    assert not one.turns.is_free()


async def test_a_handshake_has_its_turn_where_others_wait() -> None:
    """It takes as much CPU as several requests."""
    one, begun = _Turns(), list[int]()

    def begin() -> bool:
        begun.append(1)
        return False

    source = one.source("192.0.2.66")
    assert one.turns.may_shake_hands(source, begin)
    one.put("192.0.2.1", b"x" * 100, 40)
    assert not one.turns.may_shake_hands(source, begin)
    assert one.turns.counts["handshakes_delayed"] == 1
    one.turns.work()
    await until(lambda: one.turns.is_calm)
    assert begun == [1]


async def test_handshakes_over_the_rate_wait_until_they_may() -> None:
    """They are not refused: TLS has no word for it."""
    one, begun = _Turns(20), list[int]()

    def begin() -> bool:
        begun.append(1)
        return False

    source = one.source("192.0.2.66")
    assert sum(one.turns.may_shake_hands(source, begin) for _ in range(5)) == 4
    async with asyncio.timeout(10):
        while not begun:  # noqa: ASYNC110 - it waits for a timer of the turns
            await asyncio.sleep(0.01)
    assert begun == [1]


async def test_between_two_slices_of_a_flood_others_are_served_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It sends more than is done with it anyway; nobody else waits for that."""
    monkeypatch.setattr(turns, "REST", 100.0)
    one = _Turns()
    one.put("192.0.2.66", _REQUEST, 20_000)
    one.turns.go()
    in_the_first_slice = len(one.received)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(one.received) == in_the_first_slice > 0
    one.put("192.0.2.66", _REQUEST, 100)
    one.turns.go()
    assert len(one.received) == in_the_first_slice
    one.put("192.0.2.1", b"phone")
    one.turns.go()
    assert b"phone" in one.received
    assert len(one.received) <= in_the_first_slice + 4
    one.turns._end_rest()
    assert len(one.received) > in_the_first_slice + 4


async def test_what_was_a_flood_is_served_without_a_rest_once_it_was_all_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A burst is forgiven."""
    monkeypatch.setattr(turns, "REST", 0.0)
    one = _Turns()
    one.put("192.0.2.66", _REQUEST, 20_000)
    one.turns.go()
    await until(lambda: one.turns.is_calm)
    monkeypatch.setattr(turns, "REST", 100.0)
    one.received.clear()
    one.put("192.0.2.66", _REQUEST, 3 * PORTION)
    one.turns.go()
    await until(lambda: one.turns.is_calm)
    assert len(one.received) == 3 * PORTION
