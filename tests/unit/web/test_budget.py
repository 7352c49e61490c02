"""How much of the event loop HTTP may take."""

import time
from collections.abc import Generator
from typing import Any

import pytest

from dfks_rules.web.budget import LITTLE, MAX_CALLERS, SHARE, SHARE_OF_OTHERS, Budget, Timed


def test_a_caller_may_ask_twice_his_rate_at_once_and_then_his_rate() -> None:
    """Others are not held up by him."""
    budget = Budget(per_caller=2)
    assert [budget.admits("a", 0.0) for _ in range(5)] == [True] * 4 + [False]
    assert budget.admits("b", 0.0)
    assert [budget.admits("a", 1.0) for _ in range(3)] == [True, True, False]


def test_all_callers_together_may_take_a_share_of_each_second() -> None:
    """Phones come first; the next second is a new one."""
    budget = Budget(per_caller=1_000)
    assert budget.admits("a", 0.0)
    budget.spend("a", SHARE + SHARE_OF_OTHERS)
    assert not budget.admits("b", 0.5)
    assert budget.admits("b", 1.0)


def test_one_who_takes_the_whole_share_keeps_nobody_out() -> None:
    """An operator asks little; a tenant's program may ask for long lists, as fast as it may."""
    budget = Budget(per_caller=1_000)
    budget.spend("tenant", SHARE)
    assert not budget.admits("tenant", 0.5)
    assert budget.admits("operator", 0.5)
    budget.spend("operator", LITTLE)
    assert not budget.admits("operator", 0.6)
    assert budget.admits("other", 0.6)
    budget.spend("other", SHARE_OF_OTHERS)
    assert not budget.admits("fourth", 0.7)
    assert budget.admits("tenant", 1.0)


def test_only_so_many_callers_are_known() -> None:
    """The one heard of longest ago begins anew."""
    budget = Budget(per_caller=0.5)
    assert [budget.admits("first", 0.0) for _ in range(2)] == [True, False]
    for number in range(MAX_CALLERS):
        budget.admits(f"{number}", 1.0 + number)  # A second each: the share is never spent.
    assert budget.admits("first", 1.0 + MAX_CALLERS)


class _Works:
    """Holds the loop, waits, and holds it again."""

    def __await__(self) -> Generator[Any, Any, str]:
        _hold(0.01)
        got = yield "waits"
        _hold(0.01)
        return f"done: {got}"


def _hold(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_only_the_time_in_which_the_loop_is_held_is_charged() -> None:
    """Waiting for the store is nobody's expense."""
    spent: list[float] = []
    steps = Timed(_Works(), spent.append).__await__()
    assert steps.send(None) == "waits"
    with pytest.raises(StopIteration) as stopped:
        steps.send("x")
    assert stopped.value.value == "done: x"
    assert len(spent) == 2
    assert all(seconds >= 0.01 for seconds in spent)


def test_what_is_thrown_in_reaches_what_is_awaited() -> None:
    """A request whose client has gone is cancelled."""
    spent: list[float] = []
    steps = Timed(_Works(), spent.append).__await__()
    steps.send(None)
    with pytest.raises(RuntimeError, match="gone"):
        steps.throw(RuntimeError("gone"))
