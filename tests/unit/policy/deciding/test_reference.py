"""The obvious evaluator."""

import pytest

from dfks_rules.policy.deciding.reference import ReferenceEvaluator, holds
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Effects, Not, Rule
from dfks_rules.policy.language.matchers import Atom

YES, NO = Atom("user", "eq", "alice"), Atom("user", "eq", "bob")
ABSENT = Atom("param", "eq", "x")


def lookup(name: str) -> str | None:
    """Alice, and nothing else."""
    return {"user": "alice"}.get(name)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (YES, True),
        (NO, False),
        (AllOf(()), True),
        (AnyOf(()), False),
        (AllOf((YES, NO)), False),
        (AllOf((YES, YES)), True),
        (AnyOf((NO, YES)), True),
        (AnyOf((NO, NO)), False),
        (Not(YES), False),
        (Not(NO), True),
        (Not(ABSENT), True),
        (Not(AllOf((YES, AnyOf((NO, Not(ABSENT)))))), False),
    ],
)
def test_conditions_mean_what_logic_says(condition: Condition, *, expected: bool) -> None:
    """The oracle must be beyond doubt."""
    assert holds(condition, lookup) is expected


def test_rules_that_match_are_told_in_order() -> None:
    """Order is precedence."""
    rules = [Rule(f"p/{n}", condition, Effects()) for n, condition in enumerate([YES, NO, YES])]
    assert ReferenceEvaluator(rules).matching(lookup) == [0, 2]
