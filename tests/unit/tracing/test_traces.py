"""Who is traced, and until when; the clock is a number."""

import asyncio

from dfks_rules.model.identity import Aor
from dfks_rules.operations.traces import MAX_TRACES, MAX_TRACES_OF_TOKEN
from dfks_rules.tracing.ring import MAX_AGE
from dfks_rules.tracing.traces import MAX_SECONDS, Traces
from tests.helpers.clock import ClockLoop
from tests.helpers.policy import ALICE, BOB
from tests.helpers.traced import message_at


class _Traced:
    """Traces, and when they were switched on and off."""

    def __init__(self) -> None:
        self.loop = ClockLoop()
        self.switched: list[tuple[float, bool]] = []
        self.traces = Traces(self.loop, self._switch)

    def _switch(self) -> None:
        self.switched.append((self.loop.now, bool(self.traces.running)))


def test_a_trace_ends_by_itself_and_messages_are_left_alone_again() -> None:
    """Nobody has to remember to switch it off."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    assert traced.traces.running == (trace,)
    traced.loop.run_until(100)
    assert not traced.traces.running
    assert traced.switched == [(0, True), (60, False)]


def test_two_who_trace_one_user_share_a_trace() -> None:
    """It runs for as long as the longer one asked; a third user does not switch it on again."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    assert traced.traces.begin(ALICE, 10) is trace
    assert traced.traces.begin(BOB, 90) is not trace
    traced.loop.run_until(200)
    assert traced.switched == [(0, True), (90, False)]
    assert traced.traces.counts["traces"] == 2


def test_no_trace_runs_longer_than_ten_minutes() -> None:
    """Whatever was asked for."""
    traced = _Traced()
    traced.traces.begin(ALICE, 1e9)
    traced.loop.run_until(MAX_SECONDS + 1)
    assert traced.switched[-1] == (MAX_SECONDS, False)


def test_an_ended_trace_can_be_read_for_ten_minutes() -> None:
    """The file is fetched after the ladder was looked at."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    assert trace is not None
    traced.traces.add(trace, message_at())
    traced.loop.run_until(60 + MAX_AGE - 1)
    assert traced.traces.begin(ALICE, 0) is trace
    assert not traced.traces.running
    traced.loop.run_until(60 + MAX_AGE - 1 + MAX_AGE + 1)
    again = traced.traces.begin(ALICE, 0)
    assert again is not None
    assert again is not trace
    traced.loop.run_until(1e5)
    assert traced.loop.due == []


def test_a_trace_that_everybody_has_left_ends() -> None:
    """Ctrl-C stops the cost, too."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    assert trace is not None
    first, second = asyncio.Event(), asyncio.Event()
    trace.viewers |= {first, second}
    traced.traces.left(trace, first)
    assert traced.traces.running == (trace,)
    traced.loop.run_until(5)
    traced.traces.left(trace, second)
    assert not traced.traces.running
    assert traced.switched == [(0, True), (5, False)]


def test_viewers_are_told_of_news_and_of_the_end() -> None:
    """They sleep in between."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    assert trace is not None
    viewer = asyncio.Event()
    trace.viewers.add(viewer)
    traced.traces.add(trace, message_at())
    assert viewer.is_set()
    viewer.clear()
    traced.loop.run_until(60)
    assert viewer.is_set()


def test_too_many_traces_are_refused_until_one_has_ended() -> None:
    """The one that ended first makes room."""
    traced = _Traced()
    users = [Aor(f"u{number}", "h") for number in range(MAX_TRACES)]
    made = [traced.traces.begin(user, 60 + place) for place, user in enumerate(users)]
    assert traced.traces.begin(ALICE, 60) is None
    assert traced.traces.begin(users[3], 60) is made[3]
    assert traced.traces.counts["traces_refused"] == 1
    traced.loop.run_until(62)
    assert traced.traces.begin(ALICE, 60) is not None
    assert traced.traces.begin(users[1], 0) is made[1]
    assert traced.traces.begin(users[0], 0) is not made[0]


def test_one_token_leaves_traces_for_others() -> None:
    """A user whom it traces already is no further one; what has ended is not its own any more."""
    traced = _Traced()
    users = [Aor(f"u{number}", "h") for number in range(MAX_TRACES_OF_TOKEN)]
    for user in users:
        assert traced.traces.begin(user, 60, "tenant") is not None
    assert traced.traces.begin(ALICE, 60, "tenant") is None
    assert traced.traces.begin(users[0], 60, "tenant") is not None
    assert traced.traces.begin(ALICE, 60, "operator") is not None
    traced.loop.run_until(61)
    assert traced.traces.begin(BOB, 60, "tenant") is not None


def test_a_trace_that_runs_again_is_of_the_token_that_had_it_do_so() -> None:
    """Else a tenant could use up the share of an operator, and have more than its own."""
    traced = _Traced()
    users = [Aor(f"u{number}", "h") for number in range(MAX_TRACES_OF_TOKEN)]
    for user in users:
        assert traced.traces.begin(user, 1, "operator") is not None
    traced.loop.run_until(2)
    for user in users:
        assert traced.traces.begin(user, 60, "tenant") is not None
    assert traced.traces.begin(BOB, 60, "tenant") is None
    assert traced.traces.begin(ALICE, 60, "operator") is not None


def test_only_running_traces_are_given_messages() -> None:
    """An ended one is kept as it was."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    traced.traces.begin(BOB, 0)
    assert list(traced.traces.about([BOB, ALICE])) == [trace]


def test_what_a_full_ring_loses_is_counted() -> None:
    """An operator sees that a trace has holes."""
    traced = _Traced()
    trace = traced.traces.begin(ALICE, 60)
    assert trace is not None
    for _ in range(60):
        traced.traces.add(trace, message_at(data=b"x" * 20_000))
    counts = traced.traces.counts
    assert (counts["messages"], counts["decisions"]) == (60, 0)
    assert counts["lost"] == trace.ring.lost > 0


def test_closing_ends_all_of_them() -> None:
    """No timer outlives the server."""
    traced = _Traced()
    traced.traces.begin(ALICE, 60)
    traced.traces.close()
    assert not traced.traces.running
    assert traced.loop.due == []
