"""Which classes numbers that begin in one way can have."""

import re
from random import Random

import phonenumbers
import pytest

from dfks_rules.policy.site.examples import example_targets
from dfks_rules.policy.site.number_classes import classes_by_metadata, may_begin
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.numbering import read_numbers, riskier

_PLAN = NumberPlan(Dialling("DE"))


@pytest.mark.parametrize(
    ("prefix", "classes"),
    [
        ("+4930123456", {"national", "international", "unknown"}),
        ("+49900123456", None),
        ("+499001234567", {"national", "international", "unknown", "premium"}),
        ("+97912345678", None),
        ("+979123456789", {"premium"}),
        ("+4930", None),
        ("+49", None),
        ("+999123", None),
        ("+13101234", None),
    ],
)
def test_only_of_whole_numbers_classes_are_known(prefix: str, classes: set[str] | None) -> None:
    """Of eight digits that begin as the last one does, none is found to be whole."""
    assert classes_by_metadata(prefix) == classes


def test_whatever_is_dialled_after_a_whole_number_is_trusted_and_of_a_known_class() -> None:
    """Tried with examples of countries, and what may follow them."""
    chance = Random(13)
    regions = chance.sample(sorted(phonenumbers.SUPPORTED_REGIONS), 12)
    numbers = {one for region in regions for one in example_targets(_PLAN, "a.example", region)}
    tried = 0
    for number in sorted(numbers):
        classes = classes_by_metadata(number) if number.startswith("+") else None
        for _ in range(4 if classes else 0):
            more = "".join(chance.choices("0123456789", k=chance.randint(0, 6)))
            reading = riskier(read_numbers(number + more, "", "a.example", _PLAN))
            if reading is not None and reading.e164.startswith(number):
                tried += 1
                assert reading.trust, reading
                assert reading.class_ in (classes or ()), reading
    assert tried > 300


def test_a_pattern_may_begin_with_what_it_matches() -> None:
    """And with no other digit; what is hard to tell, it may."""
    pattern = r"(?:30|4[0-8]|9(?:00)?)\d{2,4}[15]"
    for number in range(100_000):
        if re.fullmatch(pattern, str(number)):
            assert all(may_begin(pattern, str(number)[:end]) for end in range(7))
    assert not any(may_begin(pattern, text) for text in ("31", "49", "5", "30123456", "30126666"))
    assert may_begin(r"(?=1)\d[^1]", "25")
