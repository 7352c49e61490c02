"""The search finds a point wherever there is one."""

from itertools import product
from random import Random

import pytest

from dfks_rules.policy.proof.formulas import Formula, Formulas
from dfks_rules.policy.proof.search import solve
from dfks_rules.policy.proof.undecided import Undecided


def _clauses(formulas: Formulas, random: Random, count: int) -> Formula:
    """Alternatives of three literals each, all of which must hold."""
    return formulas.all_of(
        formulas.any_of(
            formulas.literal(variable, random.randrange(1, formulas.full[variable]))
            for variable in random.sample(range(len(formulas.full)), 3)
        )
        for _ in range(count)
    )


def test_it_finds_a_point_exactly_where_there_is_one() -> None:
    """All points are tried here, which no search does."""
    random = Random(3)
    found = 0
    for number in range(150):
        formulas = Formulas()
        for _ in range(6):
            formulas.variable(3)
        goal = _clauses(formulas, random, 5 + number % 60)
        point = solve(formulas, goal)
        exists = any(formulas.holds(goal, one) for one in product(range(3), repeat=6))
        assert (point is not None) is exists
        if point is not None:
            assert formulas.holds(goal, point)
            found += 1
    assert 10 < found < 140


def test_a_formula_that_is_never_true_has_no_point() -> None:
    """Nor is one looked for."""
    formulas = Formulas()
    assert solve(formulas, formulas.false) is None
    assert solve(formulas, formulas.true) == ()


def test_what_takes_too_long_is_told_as_not_decided() -> None:
    """An answer that comes too late is none, but a wrong one is worse."""
    formulas, random = Formulas(), Random(1)
    for _ in range(40):
        formulas.variable(2)
    goal = _clauses(formulas, random, 170)
    with pytest.raises(Undecided, match="too many steps"):
        solve(formulas, goal, 500)
