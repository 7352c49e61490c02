"""When a statement is reached."""

import pytest

from dfks_rules.policy.migrating.conditions import Condition
from dfks_rules.policy.migrating.paths import EVERYWHERE, Ends, Path

A, B, C = {"user": "a"}, {"user": "b"}, {"user": "c"}
ON = {"request.status": 1}
FROM = {"watcher.user": {"prefix": "1"}}


@pytest.mark.parametrize(
    ("path", "when", "unless"),
    [
        (EVERYWHERE, {}, {}),
        (EVERYWHERE.when(A).when(A), A, {}),
        (EVERYWHERE.but(A).but(B), {}, {"user": ["a", "b"]}),
        (EVERYWHERE.but(A).but(B).when(C), C, {}),
        (EVERYWHERE.but(A).when({"user": ["a", "b", "c"]}), {"user": ["b", "c"]}, {}),
        (EVERYWHERE.when({"user": ["a", "b"]}).but(A), B, {}),
        (EVERYWHERE.when({"user": ["a", "b"]}).when(A).when(ON), {**A, **ON}, {}),
        (EVERYWHERE.when(A).but({**A, **ON}), A, ON),
        (EVERYWHERE.but({**A, **ON}), {}, {**A, **ON}),
        (EVERYWHERE.but({**A, **ON}).when(B), B, {}),
        (EVERYWHERE.but(FROM).but(A), {}, {"any": [A, FROM]}),
        (EVERYWHERE.but({"any": [FROM, A]}), {}, {"any": [A, FROM]}),
        (EVERYWHERE.but({"user": {"ne": "a"}}), A, {}),
        (EVERYWHERE.but({"not": {"user": ["a", "b"]}}), {"user": ["a", "b"]}, {}),
        (EVERYWHERE.when({"not": A}), {}, A),
    ],
)
def test_a_rule_says_no_more_than_is_needed(path: Path, when: Condition, unless: Condition) -> None:
    """What goes without saying is left out."""
    assert path.conditions() == (when, unless)
    assert not path.is_dead


@pytest.mark.parametrize(
    "path",
    [
        EVERYWHERE.when(A).when(B),
        EVERYWHERE.when(A).but(A),
        EVERYWHERE.but(A).when(A),
        EVERYWHERE.but(FROM).but({"not": FROM}).when(FROM),
        EVERYWHERE.when({"user": ["a", "b"]}).but(A).but(B),
        EVERYWHERE.but({}),
    ],
)
def test_a_path_to_nowhere_is_known_as_one_where_that_is_plain(path: Path) -> None:
    """What is never reached makes no rule."""
    assert path.is_dead or path.excludes(path)


def test_paths_that_part_do_not_know_of_one_another() -> None:
    """They share what they have in common, and only that."""
    both = EVERYWHERE.but(A)
    one, other = both.but(B), both.but(C)
    assert one.conditions()[1] == {"user": ["a", "b"]}
    assert other.conditions()[1] == {"user": ["a", "c"]}
    assert (both.conditions()[1], one == other, one == EVERYWHERE.but(A).but(B)) == (A, False, True)


def test_what_a_path_says_besides_is_what_came_since() -> None:
    """Also where both have left out some of the same fact."""
    start = EVERYWHERE.when(ON).but(A)
    assert start.but(B).beyond(start) == [{"not": B}]
    assert start.when(C).but(FROM).beyond(start) == [C, {"not": FROM}]
    assert start.beyond(start) == []
    assert start.beyond(EVERYWHERE) == [ON, {"not": A}]


def test_what_is_left_is_what_comes_past_the_ends() -> None:
    """A thousand ends that differ in one constant are one condition."""
    start, ends = EVERYWHERE.when(FROM), Ends()
    for number in range(1_000):
        ends.route.append(start.when(ON).when({"user": f"u{number}"}))
    past = ends.past(start)
    assert past.size == 2
    ends.script.append(start)
    assert ends.past(start).is_dead


@pytest.mark.parametrize(
    ("one", "other", "exclusive"),
    [
        (EVERYWHERE.when(A), EVERYWHERE.when(B), True),
        (EVERYWHERE.when(A), EVERYWHERE.but(A), True),
        (EVERYWHERE.when({"user": ["a", "b"]}), EVERYWHERE.but(A), False),
        (EVERYWHERE.when(A).when(ON), EVERYWHERE.but({**A, **ON}), True),
        (EVERYWHERE.when(A), EVERYWHERE.but({**A, **ON}), False),
        (EVERYWHERE, EVERYWHERE, False),
    ],
)
def test_it_is_seen_where_nothing_comes_to_both(one: Path, other: Path, exclusive: bool) -> None:
    """Where in doubt, something does."""
    assert one.excludes(other) is exclusive
    assert other.excludes(one) is exclusive


def test_lists_are_as_long_as_rules_may_have_them() -> None:
    """Of 1,200 users, 500 at a time."""
    path = EVERYWHERE
    for number in range(1_200):
        path = path.but({"user": f"u{number}"})
    assert [len(one["user"]) for one in path.conditions()[1]["any"]] == [500, 500, 200]
    some = EVERYWHERE.when({"user": [f"u{number}" for number in range(600)]})
    assert [len(one["user"]) for one in some.conditions()[0]["any"]] == [500, 100]
