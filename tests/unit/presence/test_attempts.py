"""Whoever guesses passwords waits; whose password is guessed does not."""

import pytest

from dfks_rules.presence import attempts
from dfks_rules.presence.attempts import (
    OF_SOURCE,
    OF_USER,
    PER_SOURCE,
    PER_USER,
    Attempts,
    Points,
)


def test_a_user_may_be_tried_so_often_and_then_seldom() -> None:
    """From whatever addresses: 2,880 passwords a day."""
    tries = Attempts()
    for number in range(OF_USER):
        assert tries.may_try("alice", f"192.0.2.{number}", 5.0)
        tries.failed("alice", f"192.0.2.{number}", 5.0)
    assert not tries.may_try("alice", "198.51.100.1", 5.0)
    assert tries.may_try("bob", "198.51.100.1", 5.0)
    assert not tries.may_try("alice", "198.51.100.1", 4.9 + PER_USER)
    assert tries.may_try("alice", "198.51.100.1", 5.0 + PER_USER)


def test_an_address_may_try_so_often_and_then_seldom() -> None:
    """Whatever names it tries, and whether they exist."""
    tries = Attempts()
    for number in range(OF_SOURCE):
        assert tries.may_try(f"u{number}", "192.0.2.1", 5.0)
        tries.failed(f"u{number}", "192.0.2.1", 5.0)
    assert not tries.may_try("alice", "192.0.2.1", 5.0)
    assert tries.may_try("alice", "192.0.2.2", 5.0)
    assert tries.may_try("alice", "192.0.2.1", 5.0 + PER_SOURCE)


def test_who_has_authenticated_from_an_address_is_not_kept_out_by_strangers() -> None:
    """Else whoever knows a name could lock its phone out; its own mistakes count."""
    tries = Attempts()
    tries.succeeded("alice", "192.0.2.1")
    tries.succeeded("alice", "192.0.2.1")
    for _ in range(OF_SOURCE):
        tries.failed("alice", "198.51.100.1", 5.0)
        tries.failed("mallory", "192.0.2.1", 5.0)
    assert tries.may_try("alice", "192.0.2.1", 5.0)
    for _ in range(OF_USER):
        tries.failed("alice", "192.0.2.1", 5.0)
    assert not tries.may_try("alice", "192.0.2.1", 5.0)
    assert tries.may_try("alice", "192.0.2.1", 5.0 + PER_USER)


def test_points_that_are_not_there_are_not_taken() -> None:
    """Phones at home that fail all day do not keep their neighbours waiting for longer."""
    points = Points(2, 10.0)
    for _ in range(50):
        points.take("a", 5.0)
    assert [points.has("a", now) for now in (14.9, 15.0)] == [False, True]


def test_what_strangers_may_do_does_not_tell_who_is_at_home() -> None:
    """A failure costs the same points in both cases."""
    tries = Attempts()
    tries.succeeded("alice", "192.0.2.1")
    for name in ("alice", "nobody"):
        allowed = []
        for _ in range(OF_USER + 2):
            allowed.append(tries.may_stranger_try(name, "198.51.100.1", 5.0))
            tries.failed(name, "192.0.2.1", 5.0)
        assert allowed == [True] * OF_USER + [False] * 2
        assert not tries.may_try(name, "192.0.2.1", 5.0)


def test_tables_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not changed for longest is forgotten."""
    monkeypatch.setattr(attempts, "AT_MOST", 3)
    points = Points(1, 10.0)
    for key in ("a", "b", "c", "a", "d"):
        points.take(key, 0.0)
    assert len(points) == 3
    assert [points.has(key, 0.0) for key in "abcd"] == [False, True, False, False]
    tries = Attempts()
    for number in range(5):
        tries.succeeded("alice", f"192.0.2.{number}")
    for _ in range(OF_USER):
        tries.failed("alice", "198.51.100.1", 0.0)
    homes = [tries.may_try("alice", f"192.0.2.{number}", 0.0) for number in range(5)]
    assert homes == [False, False, True, True, True]


@pytest.mark.parametrize("rate", [3, 5, 6, 10, 20, 200])
@pytest.mark.parametrize("now", [0.1, 1234.567, 98765.4321, 1e6 + 0.3])
def test_there_are_exactly_as_many_points_as_were_given(rate: int, now: float) -> None:
    """The intervals did not add up, so that 10/s was sometimes 9."""
    points = Points(rate, 1 / rate)
    taken = 0
    while points.has("alice", now) and taken <= rate:
        points.take("alice", now)
        taken += 1
    assert taken == rate
