"""The indexes: they may find too much, never too little of what their tests can tell."""

from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from dfks_rules.policy.language.implication import excludes, implied_by
from dfks_rules.policy.lint.index import Implied, Indexed, Overlapping
from dfks_rules.policy.lint.ranked import Way, ranked
from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source

CONDITIONS = [
    "{user: bob}",
    "{user: [alice, bob]}",
    "{user: {prefix: b}}",
    "{user: {prefix: [a, bo]}}",
    "{user: {prefix: bob, suffix: b}}",
    "{user: {glob: 'b*'}}",
    "{user: {glob: ['a*', '*b']}, weekday: mon}",
    "{user: {suffix: [ob, ce]}, weekday: mon}",
    "{user: {prefix: b}, weekday: [mon, sat]}",
    "{user: {prefix: bob}, weekday: mon}",
    "{user: {prefix: bo, glob: 'x*'}, weekday: tue}",
    "{user: {regex: 'b.b'}, weekday: mon}",
    "{user: {has: o}}",
    "{user: bob, weekday: mon}",
    "{weekday: mon}",
    "{weekday: [mon, tue], user: {prefix: bo}}",
    "{user: {ne: bob}}",
    "{user: {exists: true}}",
    "{time: {ge: '08:00'}}",
    "{time: {ge: '12:00'}, user: bob}",
    "{watcher: {sameAs: presentity}}",
    "{watcher: {sameAs: presentity}, weekday: mon}",
    "{request.status: 1, op: set}",
]


@pytest.fixture(scope="module")
def ways() -> list[Way]:
    """One way for each condition."""
    rules = "\n".join(
        f"- {{id: r{n}, when: {when}, then: {{log: x}}}}" for n, when in enumerate(CONDITIONS)
    )
    return [rule.ways[0] for rule in ranked(check([source(rules)])[0])]


def candidates(ways: list[Way], of: Way, index: Callable[[], Implied[int]]) -> set[int]:
    """What an index of all ways finds for one."""
    made = index()
    for number, way in enumerate(ways):
        made.add(way, number)
    found: Iterator[Indexed[int]] = made.candidates(of)
    return {entry.of for entry in found}


def test_whatever_a_way_implies_is_found(ways: list[Way]) -> None:
    """Else a shadowed rule is overlooked."""
    found = {id(way): candidates(ways, way, Implied) for way in ways}
    pairs = [
        (one, number)
        for one in ways
        for number, other in enumerate(ways)
        if implied_by(one.groups, other.literals)
    ]
    assert len(pairs) > 2 * len(ways)
    assert [pair for pair in pairs if pair[1] not in found[id(pair[0])]] == []


def test_most_ways_that_are_not_implied_are_not_found(ways: list[Way]) -> None:
    """That is what an index is for."""
    assert len(candidates(ways, ways[0], Implied)) < len(ways)
    assert candidates([ways[0]] * 3, ways[1], Implied) <= {0, 1, 2}


def test_whatever_overlaps_is_found(ways: list[Way]) -> None:
    """Else a conflict is overlooked."""
    index: Overlapping[int] = Overlapping()
    for number, way in enumerate(ways):
        index.add(way, number)
    for (_, one), (number, other) in permutations(enumerate(ways), 2):
        if not excludes(one.groups, other.groups):
            assert number in {entry.of for entry in index.candidates(one)}


def test_ways_for_other_constants_are_not_compared() -> None:
    """500 rules for 500 users are 500 comparisons, not 125,000."""
    rules = "\n".join(
        f"- {{id: r{n}, when: {{user: u{n}, op: set}}, then: {{log: x}}}}" for n in range(50)
    )
    ways = [rule.ways[0] for rule in ranked(check([source(rules)])[0])]
    implied, overlapping = Implied[int](), Overlapping[int]()
    for number, way in enumerate(ways):
        assert list(implied.candidates(way)) == []
        assert list(overlapping.candidates(way)) == []
        implied.add(way, number)
        overlapping.add(way, number)
