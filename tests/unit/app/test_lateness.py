"""How late the event loop is."""

from dfks_rules.app.lateness import EVERY, MOST_MISSED, Lateness
from tests.helpers.clock import ClockLoop


class _Busy(ClockLoop):
    """A loop that calls late, of a server that is never idle unless it says so."""

    is_idle = False

    def hold(self, seconds: float) -> None:
        """Do nothing else for a while, then whatever is due."""
        self.now += seconds
        self.run_until(self.now)


def _woken(loop: _Busy) -> Lateness:
    lateness = Lateness(loop, lambda: loop.is_idle)
    lateness.wake()
    return lateness


def test_loop_that_has_nothing_else_to_do_is_not_late() -> None:
    """Ten looks a second, however often it is woken."""
    loop = _Busy()
    lateness = _woken(loop)
    lateness.wake()
    loop.run_until(1.0)
    assert lateness.late.counts[0] == sum(lateness.late.counts) == round(1 / EVERY)


def test_every_look_that_was_missed_counts() -> None:
    """A second of standstill is worse than one late tick among many: phones waited all along."""
    loop = _Busy()
    lateness = _woken(loop)
    loop.hold(1.05)
    late = lateness.late
    assert sum(late.counts) == 10
    assert round(late.total, 6) == round(sum(0.95 - one * EVERY for one in range(10)), 6)


def test_sleep_of_the_machine_is_made_up_for_within_limits() -> None:
    """To count a weekend would hold the loop in its turn."""
    loop = _Busy()
    lateness = _woken(loop)
    loop.hold(200_000.0)
    assert sum(lateness.late.counts) == MOST_MISSED + 1


def test_idle_server_is_not_woken() -> None:
    """It would be what such a server did most; nobody waits for anything."""
    loop = _Busy()
    lateness = _woken(loop)
    loop.is_idle = True
    loop.run_until(0.15)
    assert loop.due == []
    assert sum(lateness.late.counts) == 1
    loop.is_idle = False
    lateness.wake()
    loop.run_until(0.3)
    assert sum(lateness.late.counts) == 2


def test_nothing_is_looked_at_after_the_end() -> None:
    """A server that has stopped leaves no timer behind."""
    loop = _Busy()
    lateness = _woken(loop)
    lateness.end()
    lateness.end()
    lateness.wake()
    assert loop.due == []
