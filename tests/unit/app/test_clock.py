"""Deadlines, whatever becomes of the clocks."""

from typing import Any

import pytest

from dfks_rules.app.clock import Reading, Scale, scale_of
from dfks_rules.store.life import Beat

HOUR = 3600.0
START = Reading(wall=1_800_000_000.0, monotonic=500.0, boot=600.0, boot_id="one")


def _later(seconds: float, step: float = 0.0, **others: Any) -> Reading:
    """The clocks so much later, when somebody has set the wall clock meanwhile."""
    later = START._replace(
        wall=START.wall + seconds + step,
        monotonic=START.monotonic + seconds,
        boot=START.boot + seconds,
    )
    return later._replace(**others)


def _lived(seconds: float, step: float = 0.0) -> Beat:
    """The last heartbeat of a process that began at `START`."""
    return scale_of(START, None).beat(_later(seconds, step))


def test_first_process_goes_by_the_wall_clock() -> None:
    """There is nothing else."""
    assert scale_of(START, None).at(START.monotonic) == START.wall
    assert scale_of(START, None).at(START.monotonic + 7) == START.wall + 7


@pytest.mark.parametrize("step", [-HOUR, 0.0, HOUR])
def test_step_while_a_process_lives_moves_nothing(step: float) -> None:
    """Its heartbeats go on as the time does."""
    assert _lived(100, step) == Beat(START.wall + 100, START.boot + 100, "one", is_clean=False)


@pytest.mark.parametrize("step", [-HOUR, 0.0, HOUR])
def test_step_moves_no_deadline_of_the_next_process(step: float) -> None:
    """Two seconds after the last heartbeat, whatever the wall clock says."""
    again = _later(102, step)
    deadline = START.wall + 1800
    scale = scale_of(again, _lived(100))
    assert deadline - scale.at(again.monotonic) == 1800 - 102


def test_monotonic_time_may_begin_anew() -> None:
    """Only CLOCK_BOOTTIME is the same for two processes: a container may have its own clock."""
    again = _later(102, monotonic=3.0)
    assert scale_of(again, _lived(100)).at(3.0) == START.wall + 102


def test_sleep_of_the_machine_counts_for_the_next_process() -> None:
    """CLOCK_BOOTTIME has gone on while it slept."""
    again = _later(102, boot=START.boot + 102 + HOUR)
    assert scale_of(again, _lived(100)).at(again.monotonic) == START.wall + 102 + HOUR


@pytest.mark.parametrize(("step", "expected"), [(0.0, 300.0), (HOUR, 300.0 + HOUR), (-HOUR, 100.0)])
def test_after_a_start_of_the_machine_the_wall_clock_counts(step: float, expected: float) -> None:
    """But the scale never goes back: what was stored is not younger than now."""
    again = _later(300, step, monotonic=20.0, boot=20.0, boot_id="two")
    assert scale_of(again, _lived(100)).at(20.0) == START.wall + expected


@pytest.mark.parametrize("others", [{"boot_id": ""}, {"boot": 1.0}])
def test_heartbeat_that_cannot_be_compared_counts_as_of_another_boot(
    others: dict[str, Any],
) -> None:
    """No /proc, or another time namespace."""
    again = _later(300, **others)
    assert scale_of(again, _lived(100)).at(again.monotonic) == START.wall + 300


def test_end_of_a_planned_stop_is_told() -> None:
    """The next process has nobody to tell anything."""
    assert Scale(0.0).beat(START, is_clean=True).is_clean
