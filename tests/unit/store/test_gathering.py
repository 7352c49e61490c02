"""When the next transaction begins."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from dfks_rules.store.gathering import ALONE, APART, COMPANY, Gathering


class _Handle:
    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class _Bench:
    """A loop and a clock of which only the test knows, and what has begun."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, _Handle]] = []
        self.began = 0
        self.gathering = Gathering(
            cast(asyncio.AbstractEventLoop, self), lambda: self.now, self._begin
        )

    def call_later(self, after: float, run: Callable[[], None], *_: Any) -> _Handle:
        handle = _Handle(run)
        self.timers.append((after, handle))
        return handle

    def pass_by(self, asked: int) -> None:
        """Until the end of the wait, in which so many are there."""
        after, handle = self.timers.pop()
        assert not handle.is_cancelled
        self.now += after
        self.asked = asked
        handle.run()

    def _begin(self) -> None:
        self.began += 1
        self.gathering.begun(self.asked)


def test_who_comes_after_a_rest_does_not_wait() -> None:
    """A key that is pressed now and then is lit as soon as the disk has it."""
    bench = _Bench()
    assert not bench.gathering.waits(1)
    bench.gathering.begun(1)
    bench.now += APART
    assert not bench.gathering.waits(1)


def test_who_comes_just_after_a_transaction_waits_for_company() -> None:
    """Until that one began `APART` ago."""
    bench = _Bench()
    bench.gathering.begun(1)
    bench.now += APART / 4
    assert bench.gathering.waits(1)
    assert abs(bench.timers[0][0] - APART * 3 / 4) < 1e-9
    bench.pass_by(asked=3)
    assert bench.began == 1


def test_enough_company_ends_the_wait() -> None:
    """And its timer with it, so that no second transaction begins beside the first."""
    bench = _Bench()
    bench.gathering.begun(1)
    assert bench.gathering.waits(1)
    assert not bench.gathering.ends(COMPANY - 1)
    assert bench.gathering.ends(COMPANY)
    assert bench.timers[0][1].is_cancelled
    assert not bench.gathering.ends(COMPANY + 1)


def test_enough_company_does_not_wait() -> None:
    """They came while the disk was busy."""
    bench = _Bench()
    bench.gathering.begun(1)
    assert not bench.gathering.waits(COMPANY)


def test_a_peer_that_sends_one_after_the_other_waits_now_and_then() -> None:
    """Nobody else comes, so that the next ones begin at once; then it is tried again."""
    bench = _Bench()
    bench.gathering.begun(1)
    assert bench.gathering.waits(1)
    bench.pass_by(asked=1)
    for _ in range(ALONE):
        assert not bench.gathering.waits(1)
        bench.gathering.begun(1)
    assert bench.gathering.waits(1)
    bench.pass_by(asked=2)
    assert bench.gathering.waits(1)
