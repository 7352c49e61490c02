"""The collector of reference cycles, while a server runs."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from dfks_rules.app.collector import AT_ONCE, EVERY, REST, SOON, Collector
from tests.helpers.clock import ClockLoop


class _Cycle:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def loop() -> Iterator[ClockLoop]:
    """Of a server that has begun; what it passed over is looked at again in the end."""
    loop = ClockLoop()
    collector = Collector(loop)
    collector.begin()
    yield loop
    collector.end()
    gc.unfreeze()
    assert gc.isenabled()
    assert loop.due == []


def test_a_new_cycle_is_found(loop: ClockLoop) -> None:
    """Whatever raises may leave one."""
    found = weakref.ref(_Cycle())
    assert found() is not None
    loop.run_until(EVERY)
    assert found() is None
    # There may be more where it came from.
    found = weakref.ref(_Cycle())
    loop.run_until(EVERY + SOON)
    assert found() is None
    assert loop.run_until(EVERY + 0.99) == [pytest.approx(EVERY + 2 * SOON)]


def test_what_comes_in_great_numbers_is_passed_over(loop: ClockLoop) -> None:
    """When 100,000 phones subscribe, nobody waits for a look at what they leave."""
    collections: list[int] = []

    def collected(_phase: str, info: dict[str, int]) -> None:
        collections.append(info["generation"])

    gc.callbacks.append(collected)
    try:
        there = [[number] for number in range(100 * AT_ONCE)]
        loop.run_until(EVERY)
    finally:
        gc.callbacks.remove(collected)
    assert collections == []
    assert gc.get_freeze_count() >= len(there)


def test_a_sample_of_what_comes_in_great_numbers_is_looked_at(loop: ClockLoop) -> None:
    """Also of what goes again: fewer are counted then than there are."""
    old = [[number] for number in range(3 * AT_ONCE)]
    gc.freeze()
    there = [[number] for number in range(3 * AT_ONCE)]
    del old
    assert gc.get_count()[0] <= AT_ONCE < len(there)
    passed_over = weakref.ref(_Cycle())
    assert loop.run_until(EVERY) == [EVERY]
    assert passed_over() is not None
    found = weakref.ref(_Cycle())
    loop.run_until(EVERY + SOON)
    assert found() is None


def test_after_a_sample_that_was_too_large_nothing_is_counted_for_a_while(loop: ClockLoop) -> None:
    """The next one is of what comes once that is over."""
    there = [[number] for number in range(3 * AT_ONCE)]
    assert loop.run_until(EVERY) == [EVERY]
    there += [[number] for number in range(3 * AT_ONCE)]
    resting = EVERY + SOON + REST
    assert loop.run_until(EVERY + SOON + 0.99 * REST) == [pytest.approx(EVERY + SOON)]
    there += [[number] for number in range(3 * AT_ONCE)]
    passed_over = weakref.ref(_Cycle())
    assert loop.run_until(resting + 0.001) == [pytest.approx(resting)]
    found = weakref.ref(_Cycle())
    loop.run_until(resting + SOON + 0.001)
    assert (passed_over() is not None, found()) == (True, None)
    assert len(there) == 9 * AT_ONCE


def test_what_was_seen_is_not_looked_at_again(loop: ClockLoop) -> None:
    """Subscriptions stay for hours."""
    seen = _Cycle()
    loop.run_until(EVERY)
    old = weakref.ref(seen)
    del seen
    loop.run_until(2 * EVERY)
    assert old() is not None
