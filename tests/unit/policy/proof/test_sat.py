"""The solver says what the search says."""

from itertools import product
from random import Random

import pytest

from dfks_rules.policy.proof import sat
from dfks_rules.policy.proof.formulas import Formula, Formulas
from dfks_rules.policy.proof.sat import by_search_or_sat, is_there, solve_by_sat
from dfks_rules.policy.proof.search import solve
from tests.helpers.spaces import SET_DND, needing, space_of

pytestmark = pytest.mark.skipif(not is_there(), reason="python-sat is missing: extra `proof`")


def _random(formulas: Formulas, random: Random, depth: int) -> Formula:
    if depth == 0:
        variable = random.randrange(len(formulas.full))
        return formulas.literal(variable, random.randrange(1, formulas.full[variable]))
    parts = [_random(formulas, random, depth - 1) for _ in range(random.randrange(2, 5))]
    return random.choice([formulas.all_of, formulas.any_of])(parts)


def test_both_find_a_point_exactly_where_there_is_one() -> None:
    """And each is one."""
    random = Random(11)
    found = 0
    for _ in range(200):
        formulas = Formulas()
        for _ in range(4):
            formulas.variable(4)
        goal = formulas.all_of(_random(formulas, random, 2) for _ in range(6))
        exists = any(formulas.holds(goal, point) for point in product(range(4), repeat=4))
        for solver in (solve, solve_by_sat):
            point = solver(formulas, goal)
            assert (point is not None) is exists
            assert point is None or formulas.holds(goal, point)
        found += exists
    assert 20 < found < 180


def test_what_is_always_or_never_true_needs_no_variable() -> None:
    """Any point will do, or none."""
    formulas = Formulas()
    formulas.variable(3)
    assert solve_by_sat(formulas, formulas.true) == (0,)
    assert solve_by_sat(formulas, formulas.false) is None


def test_it_answers_where_the_search_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what it is for."""
    monkeypatch.setattr(sat, "FIRST_STEPS", 0)
    space = space_of(needing(SET_DND, "role"))
    assert by_search_or_sat(space, space.present("role")) is not None
