"""Conditions → alternatives."""

from itertools import product

import pytest

from dfks_rules.model.features import FEATURES
from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.alternatives import (
    MAX_ALTERNATIVES,
    MAX_LITERALS,
    QUESTIONS,
    SignedAtom,
    TooManyAlternativesError,
    alternatives,
)
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom

A, B, C = (Atom("user", "eq", name) for name in "abc")
EVERY = frozenset(range(len(QUESTIONS)))


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
            Not(Atom("feature", "in", frozenset({FEATURES[0].value, FEATURES[2].value}))),
        )
    )
    (way,) = alternatives(condition)
    assert {QUESTIONS[question] for question in way.questions} == {
        (Operation.SET, feature) for feature in (FEATURES[1], *FEATURES[3:])
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
    assert way.literals == {
        SignedAtom(Atom("domain", "eq", "a.example"), False),
        SignedAtom(A, True),
    }
    (anywhere,) = alternatives(not_a)
    assert anywhere.domains is None


def test_alternatives_are_bounded() -> None:
    """As many as allowed, and one more."""
    fits = AnyOf(tuple(user(str(n)) for n in range(MAX_ALTERNATIVES)))
    assert len(alternatives(fits)) == MAX_ALTERNATIVES
    with pytest.raises(TooManyAlternativesError, match="more than 64 alternatives"):
        alternatives(AnyOf((*fits.parts, user("more"))))


def test_pairs_that_are_excluded_multiply() -> None:
    """Six of two tests fit. A rule cannot be split by what it is not about."""
    pairs = [AllOf((user(str(n)), Atom("param", "eq", str(n)))) for n in range(7)]
    assert len(alternatives(Not(AnyOf(tuple(pairs[:6]))))) == 64
    with pytest.raises(TooManyAlternativesError, match="does not help: say them by a list"):
        alternatives(Not(AnyOf(tuple(pairs))))


def test_literals_are_bounded() -> None:
    """Each of them is asked for every request."""
    fits = AllOf(tuple(Not(user(str(n))) for n in range(MAX_LITERALS)))
    assert len(alternatives(fits)) == 1
    with pytest.raises(TooManyAlternativesError, match="more than 1000 tests"):
        alternatives(AllOf((*fits.parts, Not(user("more")))))


def test_questions_are_every_operation_with_every_feature_it_has() -> None:
    """Nine of them."""
    both = product((Operation.GET, Operation.SET), FEATURES)
    assert set(QUESTIONS) == {*both, (Operation.SUBSCRIBE, None)}
