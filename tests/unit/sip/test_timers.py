"""Deadlines."""

from dfks_rules.sip.timers import TimerQueues


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
