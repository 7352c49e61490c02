"""Formulas: equal ones are one object, and they mean what they say."""

from itertools import product
from random import Random

from dfks_rules.policy.proof.formulas import Formula, Formulas


def _random(formulas: Formulas, random: Random, depth: int) -> Formula:
    if depth == 0 or random.random() < 0.3:
        variable = random.randrange(len(formulas.full))
        return formulas.literal(variable, random.randrange(formulas.full[variable] + 1))
    parts = [_random(formulas, random, depth - 1) for _ in range(random.randrange(1, 4))]
    join = random.choice([formulas.all_of, formulas.any_of, formulas.none_of])
    return join(parts)


def _some() -> tuple[Formulas, Random]:
    formulas = Formulas()
    for points in (2, 3, 4):
        formulas.variable(points)
    return formulas, Random(7)


def test_the_same_formula_is_the_same_object() -> None:
    """Whoever compares two policies compares their formulas first."""
    formulas, _ = _some()
    one, other = formulas.literal(0, 1), formulas.literal(1, 0b110)
    assert formulas.all_of((one, other)) is formulas.all_of((other, one, formulas.true))
    assert formulas.negation(formulas.negation(one)) is one


def test_literals_of_one_variable_join() -> None:
    """What covers all points is true, what leaves none is false."""
    formulas, _ = _some()
    low, high = formulas.literal(2, 0b0011), formulas.literal(2, 0b1100)
    assert formulas.any_of((low, high)) is formulas.true
    assert formulas.all_of((low, high)) is formulas.false


def test_a_formula_and_its_negation_never_hold_together() -> None:
    """At no point of any."""
    formulas, random = _some()
    for _ in range(200):
        one = _random(formulas, random, 3)
        other = formulas.negation(one)
        for point in product(range(2), range(3), range(4)):
            assert formulas.holds(one, point) is not formulas.holds(other, point)


def test_unlike_is_true_where_exactly_one_holds() -> None:
    """And alike everywhere else."""
    formulas, random = _some()
    for _ in range(100):
        one, other = (_random(formulas, random, 2) for _ in range(2))
        unlike, alike = formulas.unlike(one, other), formulas.alike(one, other)
        for point in product(range(2), range(3), range(4)):
            differs = formulas.holds(one, point) is not formulas.holds(other, point)
            assert formulas.holds(unlike, point) is differs
            assert formulas.holds(alike, point) is not differs


def test_a_restricted_formula_says_the_same_within_its_box() -> None:
    """Otherwise the search would lose points."""
    formulas, random = _some()
    for _ in range(200):
        one = _random(formulas, random, 3)
        box = [random.randrange(1, mask + 1) for mask in formulas.full]
        less = formulas.restricted(one, box, 0b111, {})
        for point in product(range(2), range(3), range(4)):
            if all(mask >> place & 1 for mask, place in zip(box, point, strict=True)):
                assert formulas.holds(one, point) is formulas.holds(less, point)
