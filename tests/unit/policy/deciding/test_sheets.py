"""Alternatives → what the engine is given."""

import json

import pytest

from dfks_rules.policy.deciding.sheets import RULESET_ALTERNATIVES, Sheet, Together, chunks, sheet
from dfks_rules.policy.language.alternatives import (
    MAX_LITERALS,
    QUESTIONS,
    Literals,
    SignedAtom,
)
from dfks_rules.policy.language.matchers import Atom

A, B, C = (Atom("user", "eq", name) for name in "abc")
EVERY = frozenset(range(len(QUESTIONS)))


def user(name: str) -> Atom:
    """A test of the user."""
    return Atom("user", "eq", name)


def sheets(ranked: list[tuple[int, Literals]]) -> list[Sheet]:
    """As many rulesets as it takes."""
    return [sheet(chunk) for chunk in chunks(ranked)]


def test_definitions_keep_to_the_closed_set_of_forms() -> None:
    """Single-key conditions on integers, the guard first, the catch-all last."""
    prefix = Atom("device", "prefix", ("x",))
    (one,) = sheets(
        [
            (3, frozenset({SignedAtom(A, True), SignedAtom(prefix, True)})),
            (3, frozenset({SignedAtom(B, True)})),
            (9, frozenset({SignedAtom(A, False)})),
            (12, frozenset()),
        ]
    )
    definition = json.loads(one.definition)
    assert list(definition) == ["3_1", "3_2", "9_3", "12_4", "z"]
    assert [rule["pri"] for rule in definition.values()] == [1, 2, 3, 4, 60_000]
    conditions = {name: rule["all"][0]["m"] for name, rule in definition.items()}
    assert conditions["3_2"] == {"$and": [{"k": 1}, {"a0": 2}]}
    assert conditions["9_3"] == {"$and": [{"k": 1}, {"f1": 0}]}
    assert conditions["12_4"] == conditions["z"] == {"k": 1}
    first = conditions["3_1"]["$and"]
    assert first[0] == {"k": 1}
    assert sorted(first[1:], key=str) == [{"a0": 1}, {"f0": 1}]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a", '{"id":"r","k":1,"a0":1,"f0":1}'),
        ("b", '{"id":"r","k":1,"a0":0,"f0":0}'),
        ('","f0":1,"x":"', '{"id":"r","k":1,"a0":0,"f0":0}'),
        (None, '{"id":"r","k":1,"a0":0,"f0":0}'),
    ],
)
def test_messages_hold_integers_only(name: str | None, message: str) -> None:
    """Whatever a peer writes, the engine sees the position of a constant, or 0."""
    starts = Atom("user", "prefix", ("a",))
    (one,) = sheets([(0, frozenset({SignedAtom(A, True), SignedAtom(starts, True)}))])
    assert one.message({"user": name}.get) == message


def test_one_flag_serves_all_rules_that_test_the_same() -> None:
    """Each test is done once in a decision."""
    prefix = Atom("user", "prefix", ("a",))
    (one,) = sheets([(n, frozenset({SignedAtom(prefix, n == 0)})) for n in range(2)])
    assert one.flags == (prefix,)


def test_rulesets_are_bounded_in_alternatives() -> None:
    """More than 64 matches for one message corrupt the engine's memory."""
    ranked = [(n, frozenset({SignedAtom(A, True)})) for n in range(2 * RULESET_ALTERNATIVES + 1)]
    sizes = [len(json.loads(one.definition)) - 1 for one in sheets(ranked)]
    assert sizes == [RULESET_ALTERNATIVES, RULESET_ALTERNATIVES, 1]


def test_rulesets_are_bounded_in_attributes() -> None:
    """252 are the most that the engine takes."""
    some = [frozenset(SignedAtom(user(f"{n} {m}"), False) for m in range(99)) for n in range(5)]
    made = sheets(list(enumerate(some)))
    assert [len(one.flags) for one in made] == [198, 198, 99]


def test_more_tests_of_one_alternative_than_the_engine_takes_are_one_flag() -> None:
    """It is up if all of them hold, and so few that the others keep their own."""
    every = frozenset(SignedAtom(user(str(n)), False) for n in range(MAX_LITERALS))
    (one,) = sheets([(0, every), (1, every)])
    assert len(one.flags) == 100
    (together,) = [flag for flag in one.flags if isinstance(flag, Together)]
    rest = [str(literal.atom.operand) for literal in together.literals]
    assert len(rest) == MAX_LITERALS - 99
    assert together.facts == ("user",)
    assert (together.holds({"user": "x"}.get), together.holds({"user": rest[0]}.get)) == (1, 0)


def test_no_two_attribute_names_share_the_hash_by_which_the_engine_knows_them() -> None:
    """All names that can occur, in one message of the largest size."""
    names = [Atom(fact, "eq", "x") for fact in map(str, range(100))]
    flags = [Atom("user", "prefix", (str(n),)) for n in range(100)]
    chunks = [
        frozenset(SignedAtom(atom, True) for atom in (*names[n::10], *flags[n::10]))
        for n in range(10)
    ]
    (one,) = sheets(list(enumerate(chunks)))
    assert (len(one.attributes), len(one.flags)) == (100, 100)
