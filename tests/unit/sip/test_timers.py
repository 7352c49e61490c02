"""Deadlines."""

from dfks_rules.sip.timers import PORTION, TimerQueues


def test_items_come_back_at_their_deadline_and_once() -> None:
    """Retransmissions hang on it."""
    timers: TimerQueues[str] = TimerQueues()
    timers.add(0.0, 4.0, "late")
    timers.add(0.0, 0.5, "soon")
    timers.add(0.1, 0.5, "soon, too")
    assert timers.next_deadline() == 0.5
    assert timers.due(0.4) == []
    assert timers.due(4.0) == [(4.0, "late"), (0.5, "soon"), (0.6, "soon, too")]
    assert timers.due(4.0) == []
    assert timers.next_deadline() is None


def test_what_is_due_comes_in_portions() -> None:
    """Thousands of NOTIFYs that nobody answers must not be sent again in one go."""
    timers: TimerQueues[int] = TimerQueues()
    for number in range(PORTION + 1):
        timers.add(0.0, 0.5, number)
    timers.add(0.0, 4.0, -1)
    assert [item for _, item in timers.due(9.0)] == [*range(PORTION), -1]
    assert timers.next_deadline() == 0.5
    assert timers.due(9.0) == [(0.5, PORTION)]
