"""Conditions → alternatives → what the engine is given."""

import json
from itertools import product

import pytest

from dfks_rules.model.features import FEATURES
from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.alternatives import (
    MAX_ALTERNATIVES,
    MAX_LITERALS,
    QUESTIONS,
    RULESET_ALTERNATIVES,
    Literal,
    Literals,
    Sheet,
    TooManyAlternativesError,
    alternatives,
    chunks,
    sheet,
)
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom

A, B, C = (Atom("user", "eq", name) for name in "abc")
EVERY = frozenset(range(len(QUESTIONS)))


def sheets(ranked: list[tuple[int, Literals]]) -> list[Sheet]:
    """As many rulesets as it takes."""
    return [sheet(chunk) for chunk in chunks(ranked)]


def user(name: str) -> Atom:
    """A test of the user."""
    return Atom("user", "eq", name)


def ways(condition: Condition) -> set[frozenset[tuple[Atom, bool]]]:
    """The literals of each alternative."""
    return {frozenset(map(tuple, way.literals)) for way in alternatives(condition)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (A, [[(A, True)]]),
        (Not(A), [[(A, False)]]),
        (Not(Not(A)), [[(A, True)]]),
        (AllOf(()), [[]]),
        (AnyOf(()), []),
        (AllOf((A, B)), [[(A, True), (B, True)]]),
        (AnyOf((A, B)), [[(A, True)], [(B, True)]]),
        (Not(AllOf((A, B))), [[(A, False)], [(B, False)]]),
        (Not(AnyOf((A, B))), [[(A, False), (B, False)]]),
        (AllOf((A, AnyOf((B, C)))), [[(A, True), (B, True)], [(A, True), (C, True)]]),
        (AllOf((A, Not(A))), []),
        (AllOf((A, AnyOf((Not(A), B)))), [[(A, True), (B, True)]]),
    ],
)
def test_conditions_become_alternatives_of_literals(
    condition: Condition, expected: list[list[tuple[Atom, bool]]]
) -> None:
    """De Morgan and distribution; contradictions go."""
    assert ways(condition) == {frozenset(one) for one in expected}


def test_op_and_feature_choose_questions() -> None:
    """Neither is ever tested by the engine."""
    condition = AllOf(
        (
            Atom("op", "eq", "set"),
            Not(Atom("feature", "in", frozenset({"DoNotDisturb", "CallForwardingBusy"}))),
        )
    )
    (way,) = alternatives(condition)
    assert {QUESTIONS[question] for question in way.questions} == {
        (Operation.SET, FEATURES[1]),
        (Operation.SET, FEATURES[3]),
    }
    assert way.literals == frozenset()


def test_leave_to_subscribe_has_no_feature() -> None:
    """`not: {feature: …}` holds there, `feature: …` does not."""
    subscribe = QUESTIONS.index((Operation.SUBSCRIBE, None))
    (without,) = alternatives(Not(Atom("feature", "eq", "DoNotDisturb")))
    (with_,) = alternatives(Atom("feature", "in", frozenset(one.value for one in FEATURES)))
    assert subscribe in without.questions
    assert with_.questions == EVERY - {subscribe}


def test_domains_choose_the_ruleset_unless_negated() -> None:
    """A list of domains is one alternative, in the ruleset of each."""
    in_two = Atom("domain", "in", frozenset({"a.example", "b.example"}))
    not_a = Not(Atom("domain", "eq", "a.example"))
    (way,) = alternatives(AllOf((in_two, not_a, A)))
    assert way.domains == frozenset({"a.example", "b.example"})
    assert way.literals == {Literal(Atom("domain", "eq", "a.example"), False), Literal(A, True)}
    (anywhere,) = alternatives(not_a)
    assert anywhere.domains is None


def test_alternatives_are_bounded() -> None:
    """As many as allowed, and one more."""
    fits = AnyOf(tuple(user(str(n)) for n in range(MAX_ALTERNATIVES)))
    assert len(alternatives(fits)) == MAX_ALTERNATIVES
    with pytest.raises(TooManyAlternativesError, match="more than 64 alternatives"):
        alternatives(AnyOf((*fits.parts, user("more"))))


def test_literals_are_bounded() -> None:
    """One message holds 200 attributes."""
    fits = AllOf(tuple(Not(user(str(n))) for n in range(MAX_LITERALS)))
    assert len(alternatives(fits)) == 1
    with pytest.raises(TooManyAlternativesError, match="more than 100 tests"):
        alternatives(AllOf((*fits.parts, Not(user("more")))))


def test_definitions_keep_to_the_closed_set_of_forms() -> None:
    """Single-key conditions on integers, the guard first, the catch-all last."""
    prefix = Atom("device", "prefix", ("x",))
    (one,) = sheets(
        [
            (3, frozenset({Literal(A, True), Literal(prefix, True)})),
            (3, frozenset({Literal(B, True)})),
            (9, frozenset({Literal(A, False)})),
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
    (one,) = sheets([(0, frozenset({Literal(A, True), Literal(starts, True)}))])
    assert one.message({"user": name}.get) == message


def test_one_flag_serves_all_rules_that_test_the_same() -> None:
    """Each test is done once in a decision."""
    prefix = Atom("user", "prefix", ("a",))
    (one,) = sheets([(n, frozenset({Literal(prefix, n == 0)})) for n in range(2)])
    assert one.flags == (prefix,)


def test_rulesets_are_bounded_in_alternatives() -> None:
    """More than 64 matches for one message corrupt the engine's memory."""
    ranked = [(n, frozenset({Literal(A, True)})) for n in range(2 * RULESET_ALTERNATIVES + 1)]
    sizes = [len(json.loads(one.definition)) - 1 for one in sheets(ranked)]
    assert sizes == [RULESET_ALTERNATIVES, RULESET_ALTERNATIVES, 1]


def test_rulesets_are_bounded_in_attributes() -> None:
    """252 are the most that the engine takes."""
    some = [
        frozenset(Literal(user(f"{n} {m}"), False) for m in range(MAX_LITERALS)) for n in range(5)
    ]
    made = sheets(list(enumerate(some)))
    assert [len(one.flags) for one in made] == [200, 200, 100]


def test_no_two_attribute_names_share_the_hash_by_which_the_engine_knows_them() -> None:
    """All names that can occur, in one message of the largest size."""
    names = [Atom(fact, "eq", "x") for fact in map(str, range(100))]
    flags = [Atom("user", "prefix", (str(n),)) for n in range(100)]
    chunks = [
        frozenset(Literal(atom, True) for atom in (*names[n::10], *flags[n::10])) for n in range(10)
    ]
    (one,) = sheets(list(enumerate(chunks)))
    assert (len(one.attributes), len(one.flags)) == (100, 100)


def test_questions_are_every_operation_with_every_feature_it_has() -> None:
    """Nine of them."""
    both = product((Operation.GET, Operation.SET), FEATURES)
    assert set(QUESTIONS) == {*both, (Operation.SUBSCRIBE, None)}
