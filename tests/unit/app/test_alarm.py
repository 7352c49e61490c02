"""Work within a time."""

import contextlib
import signal
import time

import pytest

from dfks_rules.app.alarm import OverError, at_most


def test_work_that_takes_longer_is_interrupted() -> None:
    """Wherever it is; afterwards, nothing rings."""
    before = signal.getsignal(signal.SIGALRM)
    started = time.monotonic()
    with pytest.raises(OverError):
        _work_until(started + 60, 0.05)
    assert time.monotonic() < started + 30
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_alarm_that_nobody_heard_rings_again() -> None:
    """Code that catches everything keeps nobody waiting."""
    with pytest.raises(OverError), at_most(0.01):
        _wait_deaf_and_wait()


def _work_until(end: float, seconds: float) -> None:
    with at_most(seconds):
        while time.monotonic() < end:
            pass


def _wait_deaf_and_wait() -> None:
    with contextlib.suppress(OverError):
        signal.pause()
    signal.pause()


def test_work_that_is_done_is_left_alone() -> None:
    """The alarm that was set is off."""
    with at_most(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
