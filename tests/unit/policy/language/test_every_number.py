"""What a rule that denies asks of a target that can be read as several numbers."""

from typing import Any

import pytest

from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.every_number import of_every_number
from dfks_rules.policy.language.matchers import MATCHERS, Atom

_BARRED = Atom("target.number", "prefix", ("+88216",))
_EVERY = Atom("target.numbers", "prefix", ("+88216",))
_USER = Atom("user", "eq", "alice")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        (_BARRED, _EVERY),
        (AllOf((_USER, _BARRED)), AllOf((_USER, _EVERY))),
        (AnyOf((_BARRED, _USER)), AnyOf((_EVERY, _USER))),
        (Not(Not(_BARRED)), Not(Not(_EVERY))),
        (AllOf((_BARRED, Not(_BARRED))), AllOf((_EVERY, Not(_BARRED)))),
    ],
)
def test_what_is_denied_by_one_number_is_denied_by_every_one(
    written: Condition, asked: Condition
) -> None:
    """However deep the test is; what is against the denial asks the riskiest reading alone."""
    assert of_every_number(written) == asked


@pytest.mark.parametrize(
    "written",
    [
        AllOf((_USER,)),
        Not(_BARRED),
        AllOf((_USER, Not(AnyOf((_BARRED, _USER))))),
        Atom("target.number", "exists", None),
        Atom("target.number", "sameAs", "user.mobile"),
    ],
)
def test_what_does_not_ask_for_numbers_stays_the_same_object(written: Condition) -> None:
    """Lists of numbers that are allowed are about the riskiest reading."""
    assert of_every_number(written) is written


_SAID: dict[str, Any] = {"eq": "+49", "in": ["+49"], "has": "4", "prefix": "+4"}


@pytest.mark.parametrize("name", sorted(_SAID))
def test_one_number_that_passes_is_enough(name: str) -> None:
    """And none passes where there is none."""
    atom = Atom("target.numbers", name, MATCHERS[name].prepare(_SAID[name]))
    assert atom.holds(lambda _fact: ("+390", "+49"))
    assert not atom.holds(lambda _fact: ("+390",))
    assert not atom.holds(lambda _fact: None)
