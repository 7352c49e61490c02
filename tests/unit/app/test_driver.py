"""Time and messages, given to the rooms; the loop's time is a number."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.driver import BREATH, GRAIN, PORTION, Driver
from dfks_rules.app.lateness import Lateness
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.client_transaction import ClientTransaction, Outgoing
from dfks_rules.sip.endpoint import Ending, Endpoint, Finished
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.timers import T1, TIMEOUT
from dfks_rules.transport.round_robin import Excess
from tests.helpers.clock import ClockLoop
from tests.helpers.playbook import FLOW, Playbook, default_policies, message


class _Driven:
    """A notifier on an endpoint, driven by a loop of the test's."""

    def __init__(self) -> None:
        self.loop = ClockLoop()
        self.book = Playbook(default_policies())
        self.driver = Driver(self.loop, self.book.endpoint, self.book.notifier)

    def receive(self, data: bytes) -> list[bytes]:
        """Give it one message; start lines of what it sends."""
        self.driver.receive(data, FLOW)
        return [sent.start for sent in self.book.sent()]


def test_server_that_nobody_talks_to_is_never_woken() -> None:
    """A laptop that demonstrates it, or a spare node, sleeps."""
    driven = _Driven()
    assert driven.loop.due == []


def test_notify_that_nobody_answers_is_sent_again_when_it_is_due() -> None:
    """Timer E (RFC 3261 §17.1.2.2): at 0.5, 1.5, 3.5 s, and so on, neither sooner nor later."""
    driven = _Driven()
    assert len(driven.receive(message())) == 2
    made = driven.loop.run_until(4.0)
    assert made == [0.5, 1.5, 3.5]
    assert [sent.start for sent in driven.book.sent()] == [
        b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"
    ] * 3


def test_quiet_subscription_costs_no_turn_until_it_expires() -> None:
    """What a confirmed NOTIFY leaves behind is looked at once, and then at its own deadlines."""
    driven = _Driven()
    driven.driver.receive(message(), FLOW)
    _, notify = driven.book.sent()
    driven.book.answer(notify)
    made = driven.loop.run_until(599.0)
    assert made == [T1, TIMEOUT]
    assert driven.loop.run_until(600.2) == [600.0]
    (last,) = driven.book.sent()
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"


def test_whoever_looks_how_late_the_loop_is_looks_while_phones_send() -> None:
    """From each message on, and no longer than something is due soon."""
    driven = _Driven()
    lateness = Lateness(driven.loop, driven.driver.is_idle)
    driven.driver.stirred = lateness.wake
    driven.driver.receive(message(), FLOW)
    driven.book.answer(driven.book.sent()[1])
    assert driven.loop.run_until(0.35) == pytest.approx([0.1, 0.2, 0.3])
    driven.loop.run_until(31.0)
    looks = sum(lateness.late.counts)
    assert driven.driver.is_idle()
    assert looks < 10
    driven.receive(message(cseq=b"2 SUBSCRIBE", call_id=b"other", via=_VIA % 2))
    driven.loop.run_until(31.35)
    assert sum(lateness.late.counts) == looks + 3


def test_message_that_comes_while_the_next_deadline_is_far_is_in_time() -> None:
    """The turn was due in ten minutes; a NOTIFY of now is sent again in half a second."""
    driven = _Driven()
    driven.driver.receive(message(), FLOW)
    driven.book.answer(driven.book.sent()[1])
    driven.loop.run_until(100.0)
    driven.receive(message(cseq=b"2 SUBSCRIBE", call_id=b"other", via=_VIA % 2))
    assert driven.loop.run_until(101.0) == [100.5]


def test_message_of_ours_that_no_message_led_to_is_repeated_in_time() -> None:
    """An operator's set, or a commit that took its time, starts a NOTIFY outside of `receive`."""
    driven = _Driven()
    driven.loop.now = 50.0
    driven.driver.was_sent()
    assert driven.loop.due == [50.0 + T1]
    driven.driver.was_sent()
    assert driven.loop.due == [50.0 + T1]


def test_notify_that_a_transport_cannot_deliver_is_over_at_once() -> None:
    """RFC 3261 §17.1.4: a host that is not there is not tried for half a minute."""
    driven = _Driven()
    driven.driver.receive(message(), FLOW)
    _, notify = driven.book.raw()
    driven.driver.undelivered(notify)
    assert driven.book.notifier.counts["notify_unreachable"] == 1
    driven.loop.run_until(40.0)
    assert driven.book.sent() == []


def test_notify_waits_for_its_hop_and_is_over_where_that_leads_nowhere() -> None:
    """As for a host that is not there; one that is found late still has its timers."""
    driven = _Driven()
    driven.driver.receive(message(contact=b"<sip:alice@phone.example>"), FLOW)
    (transaction,) = driven.book.endpoint.clients._by_branch.values()
    assert driven.book.sent()[1:] == []
    driven.loop.now = 3.0
    driven.driver.located(transaction.branch, (FLOW,))
    (notify,) = driven.book.sent()
    assert notify.flow == FLOW
    driven.loop.run_until(3.0 + T1 + GRAIN)
    assert len(driven.book.sent()) == 1
    again = message(call_id=b"2", contact=b"<sip:alice@phone.example>", via=_VIA % 2)
    driven.driver.receive(again, FLOW)
    (_, other) = driven.book.endpoint.clients._by_branch.values()
    driven.driver.located(other.branch, ())
    assert driven.book.notifier.counts["notify_unreachable"] == 1


def test_notify_that_nobody_took_goes_on() -> None:
    """To its next target, if it has one."""
    driven = _Driven()
    driven.driver.receive(message(contact=b"<sip:alice@phone.example>"), FLOW)
    (transaction,) = driven.book.endpoint.clients._by_branch.values()
    other = FLOW._replace(remote=("192.0.2.8", 5060))
    driven.driver.located(transaction.branch, (FLOW, other))
    driven.book.sent()
    driven.driver.bounced(transaction.message[:300])
    (notify,) = driven.book.sent()
    assert notify.flow == other


def test_what_an_undeliverable_message_leads_to_is_in_time() -> None:
    """A connection attempt may fail long after the message that it was for."""
    driven = _Driven()
    driven.loop.now = 5.0
    driven.driver.undelivered(b"")
    assert driven.loop.due == [5.0 + T1]


def test_deadlines_in_a_row_are_served_together() -> None:
    """Ten thousand phones that subscribed one after the other need no ten thousand turns."""
    driven = _Driven()
    for number in range(100):
        driven.loop.now = number / 1000
        driven.driver.receive(message(call_id=b"call-%d" % number, via=_VIA % number), FLOW)
    made = driven.loop.run_until(1.0)
    assert len(made) <= 0.1 / GRAIN + 2
    assert min(b - a for a, b in pairwise(made)) >= GRAIN - 1e-9


_VIA = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK-%d"


def test_what_ends_a_transaction_goes_to_whom_it_belongs_and_the_rest_to_nobody() -> None:
    """A NOTIFY that is answered, a keep-alive, and an answer to nothing of ours."""
    driven = _Driven()
    driven.driver.receive(message(), FLOW)
    _, notify = driven.book.sent()
    lines = b"".join(
        b"%b: %b\r\n" % (name, notify.headers[name])
        for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    )
    for data in (b"SIP/2.0 200 OK\r\n" + lines + b"\r\n", b"\r\n\r\n"):
        driven.driver.receive(data, FLOW)
        driven.driver.receive(data, FLOW)
    assert driven.book.notifier.counts["notify_answered"] == 1
    assert driven.driver.counts["failures"] == 0


def test_what_is_due_in_portions_is_done_with_time_for_others_in_between() -> None:
    """Thousands that expire in one second end soon, yet not in one go."""
    driven = _Driven()
    for number in range(1_000):
        driven.driver.receive(message(call_id=b"call-%d" % number, via=_VIA % number), FLOW)
        driven.book.answer(driven.book.sent()[1])
    driven.loop.run_until(599.9)
    made = driven.loop.run_until(601.0)
    assert len(driven.book.notifier.subscriptions) == 0
    assert len(made) >= 1_000 / 64
    assert min(b - a for a, b in pairwise(made)) >= BREATH - 1e-9


class _Broken:
    """Rooms of which each call raises; the next deadline has passed already."""

    def __init__(self, subscriptions: int = 0) -> None:
        self.calls: list[str] = []
        self.subscriptions = subscriptions

    def _fail(self, name: str) -> None:
        self.calls.append(name)
        raise ValueError("a bug")

    def receive(self, *_: object) -> None:
        """Raises."""
        self._fail("receive")

    def expire(self, _at: datetime, _now: float) -> None:
        """Raises."""
        self._fail("expire")

    def finished(self, _finished: Finished[Subscription], _now: float) -> None:
        """Raises."""
        self._fail("finished")

    def deactivate(self, _now: float, _at_most: int) -> int:
        """Raises."""
        self._fail("deactivate")
        return 1

    def rest(self, _now: float) -> None:
        """Raises."""
        self._fail("rest")

    def next_deadline(self) -> float | None:
        """Long ago."""
        return 0.0


class _Timers:
    """An endpoint that has two transactions time out at each turn."""

    def __init__(self, endpoint: Endpoint[Subscription]) -> None:
        self._endpoint = endpoint

    def receive(
        self, data: bytes, flow: Flow, now: float
    ) -> Incoming | Finished[Subscription] | None:
        """As the endpoint."""
        return self._endpoint.receive(data, flow, now)

    def refuse(self, data: bytes, flow: Flow, status: int, reason: bytes, headers: bytes) -> None:
        """As the endpoint."""
        self._endpoint.refuse(data, flow, status, reason, headers)

    def undelivered(self, message: bytes, now: float) -> Finished[Subscription] | None:
        """As the endpoint."""
        return self._endpoint.undelivered(message, now)

    def located(
        self, branch: bytes, targets: Sequence[Flow], now: float
    ) -> Finished[Subscription] | None:
        """As the endpoint."""
        return self._endpoint.located(branch, targets, now)

    def bounced(self, beginning: bytes, now: float) -> None:
        """As the endpoint."""
        self._endpoint.bounced(beginning, now)

    def expire(self, now: float) -> Iterable[Finished[Subscription]]:
        """Both."""
        nobody: Any = None
        transaction = ClientTransaction(Outgoing(b"z9hG4bKx", b"", FLOW), nobody, now)
        return [Finished(transaction, None, Ending.TIMED_OUT)] * 2

    def next_deadline(self) -> float | None:
        """At once."""
        return 0.0


def test_exception_in_one_turn_does_not_end_the_timers() -> None:
    """One bug must not leave all other phones without retransmissions, for good."""
    loop, broken = ClockLoop(), _Broken()
    driver = Driver(loop, _Timers(Playbook(default_policies()).endpoint), broken)
    with capture_logs() as lines:
        driver.was_sent()
        made = loop.run_until(T1 + 2 * GRAIN + 0.001)
    assert broken.calls == ["finished", "finished", "expire"] * len(made)
    assert len(made) == 3
    assert driver.counts["failures"] == 9
    (line,) = lines
    assert (line["event"], line["doing"]) == ("driver_failed", "timers")


def test_exception_at_one_message_costs_that_message_only() -> None:
    """Others were read with it."""
    loop, broken = ClockLoop(), _Broken()
    driver = Driver(loop, Playbook(default_policies()).endpoint, broken)
    with capture_logs() as lines:
        for number in range(3):
            driver.receive(message(via=_VIA % number), FLOW)
    assert broken.calls == ["receive"] * 3
    assert driver.counts["failures"] == 3
    assert [line["doing"] for line in lines] == ["message"]


class _Many(_Broken):
    """A notifier with many subscriptions, each of which takes its time to end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, subscriptions: int, each: float) -> None:
        super().__init__(subscriptions)
        self._loop = loop
        self._each = each

    def deactivate(self, now: float, at_most: int) -> int:
        """Busy for as long as that takes."""
        ended = min(at_most, self.subscriptions)
        while self._loop.time() < now + ended * self._each:
            pass
        self.subscriptions -= ended
        return self.subscriptions


async def _longest_wait(driver: Driver, within: float) -> tuple[float, float]:
    """(How long the stop took, how long others waited for their turn at most), s."""
    loop = asyncio.get_running_loop()
    begin = last = loop.time()
    waits = []
    stopping = asyncio.create_task(driver.stop(within))
    while not stopping.done():
        await asyncio.sleep(0)
        waits.append(loop.time() - last)
        last = loop.time()
    return last - begin, max(waits)


async def test_stop_ends_all_subscriptions_with_room_for_phones_between() -> None:
    """Answers go on; no phone waits longer than a portion takes."""
    loop = asyncio.get_running_loop()
    many = _Many(loop, 20 * PORTION, 0.0001)
    driver = Driver(loop, Playbook(default_policies()).endpoint, many)
    with capture_logs() as lines:
        took, waited = await _longest_wait(driver, within=30)
    assert many.subscriptions == 0
    assert lines == []
    # A portion takes 1.6 ms; a busy machine may add to it.
    assert waited < took / 3


async def test_stop_takes_no_longer_than_it_may() -> None:
    """What is left then is not told, and the log says how many."""
    loop = asyncio.get_running_loop()
    many = _Many(loop, 1000 * PORTION, 0.0001)
    driver = Driver(loop, Playbook(default_policies()).endpoint, many)
    with capture_logs() as lines:
        took, _ = await _longest_wait(driver, within=0.1)
    assert 0.1 <= took < 1
    assert 0 < many.subscriptions < 1000 * PORTION
    (line,) = lines
    assert (line["event"], line["subscriptions"]) == ("stop_cut_short", many.subscriptions)


async def test_stop_within_no_time_tells_nobody() -> None:
    """For whoever wants to be gone at once."""
    many = _Many(asyncio.get_running_loop(), PORTION, 0.0)
    driver = Driver(asyncio.get_running_loop(), Playbook(default_policies()).endpoint, many)
    await driver.stop(0)
    assert many.subscriptions == PORTION


async def test_phones_that_subscribe_again_do_not_keep_the_server_from_stopping() -> None:
    """`deactivated` tells them to subscribe again, and some come back to the same server."""
    many = _Many(asyncio.get_running_loop(), 3 * PORTION, 0.0)
    driver = Driver(asyncio.get_running_loop(), Playbook(default_policies()).endpoint, many)
    end = many.deactivate

    def come_back(now: float, at_most: int) -> int:
        end(now, at_most)
        many.subscriptions += at_most
        return many.subscriptions

    many.deactivate = come_back  # type: ignore[method-assign]
    with capture_logs() as lines:
        await asyncio.wait_for(driver.stop(600), 5)
    assert [line["event"] for line in lines] == ["stop_cut_short"]


async def test_stopped_driver_has_no_timer() -> None:
    """What is sent while the sockets close arms none."""
    driven = _Driven()
    driven.driver.receive(message(), FLOW)
    await driven.driver.stop(1)
    driven.driver.was_sent()
    assert driven.loop.due == []
    states = [one.headers.get(b"Subscription-State") for one in driven.book.sent()]
    assert states[-1] == b"terminated;reason=deactivated"


def test_driver_at_rest_has_no_timer_and_has_written_what_is_kept() -> None:
    """A bug in that does not keep the server from closing its store."""
    driven = _Driven()
    driven.driver.was_sent()
    driven.driver.rest()
    assert driven.loop.due == []
    broken = _Broken()
    driver = Driver(ClockLoop(), driven.book.endpoint, broken)
    driver.rest()
    assert (broken.calls, driver.counts) == (["rest"], {"failures": 1})


def test_driver_at_rest_answers_nothing() -> None:
    """Its store is closed; phones repeat what they asked, and somebody else answers."""
    driven = _Driven()
    late = message()
    driven.driver.rest()
    assert driven.receive(late) == []
    driven.driver.refuse(late, FLOW, Excess.RATE)
    driven.driver.undelivered(late)
    driven.driver.located(b"branch", ())
    driven.driver.bounced(late)
    assert driven.book.sent() == []
    assert driven.driver.counts == {"failures": 0}


def test_local_time_is_read_once_a_second() -> None:
    """It is as exact as schedules are, and reading it costs as much as a decision."""
    driven = _Driven()
    first = driven.driver.at()
    assert first.tzinfo is not None
    assert abs((datetime.now().astimezone() - first).total_seconds()) < 2  # noqa: TID251
    assert driven.driver.at() is first
    driven.loop.now += 1
    assert driven.driver.at() is not first


def test_what_is_too_much_is_refused_with_a_reason_and_a_time_to_come_again() -> None:
    """Phones that are refused together do not come back together."""
    driven = _Driven()
    for excess in (*Excess, Excess.RATE):
        driven.driver.refuse(message(), FLOW, excess)
    sent = driven.book.sent()
    assert [one.start for one in sent[:3]] == [
        b"SIP/2.0 503 Too many requests from this address",
        b"SIP/2.0 503 Too many requests of this address are waiting",
        b"SIP/2.0 503 Server overloaded",
    ]
    assert len({one.headers[b"Retry-After"] for one in sent}) == 4


def test_whoever_counts_is_told_when_a_request_was_read_and_worked_on() -> None:
    """Rooms have the time of the reading only, so that nothing would seem to take any."""
    loop, told = ClockLoop(), []
    book = Playbook(default_policies())
    driver = Driver(loop, book.endpoint, book.notifier, lambda *times: told.append(times))
    loop.run_until(3.0)
    driver.receive(message(), FLOW)
    driver.receive(b"noise", FLOW)
    assert told == [(3.0, 3.0)]


def test_the_time_of_the_loop_may_come_another_way() -> None:
    """A shorter one; timers are armed by it, too."""
    loop, book = ClockLoop(), Playbook(default_policies())
    driver = Driver(loop, book.endpoint, book.notifier, clock=lambda: 7.0)
    driver.receive(message(), FLOW)
    assert loop.due == [7.0 + T1]


def test_who_wants_to_know_of_failures_is_told_while_they_are_handled() -> None:
    """A simulation ends at the first one."""
    loop, broken = ClockLoop(), _Broken()
    driver = Driver(loop, Playbook(default_policies()).endpoint, broken)
    told = []
    driver.failed = lambda doing: told.append((doing, sys.exception()))
    driver.receive(message(), FLOW)
    [(doing, error)] = told
    assert doing == "message"
    assert error is not None


class _Tap:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []

    def received(self, data: bytes, flow: Flow) -> None:
        assert flow is FLOW
        self.seen.append(("received", data))

    def sent(self, data: bytes, flow: Flow) -> None:
        raise AssertionError("the server shows it what is sent")


def test_messages_are_shown_before_anybody_looks_at_them() -> None:
    """Also malformed ones, and those that there is no time for; none once nobody traces."""
    driven, tap = _Driven(), _Tap()
    driven.receive(message(call_id=b"before"))
    driven.driver.observe(tap)
    wanted = [message(), message(via=None), b"noise"]
    for data in wanted:
        driven.receive(data)
    driven.driver.refuse(wanted[0], FLOW, Excess.RATE)
    assert tap.seen == [("received", data) for data in (*wanted, wanted[0])]
    driven.driver.observe(None)
    driven.receive(message(call_id=b"after"))
    assert len(tap.seen) == 4
