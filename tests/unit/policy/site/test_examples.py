"""Targets that are examples of their kind."""

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.examples import example_targets, number_with, numbers_with
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.site import make_site
from dfks_rules.policy.site.targets import CLASSES, KINDS, REACHES

_PLAN = NumberPlan(Dialling("DE"), {}, {"+35387": "often"})
_ALICE = Aor("alice", "a.example")


def test_every_kind_class_and_reach_has_an_example() -> None:
    """Also a class of the plan's own."""
    site = make_site(Directory(), _PLAN)
    found = [site.targets.analyse(one, _ALICE) for one in example_targets(_PLAN, "a.example")]
    assert {one.kind for one in found} == set(KINDS)
    assert {one.reach for one in found} == {*REACHES, None}
    assert {one.class_ for one in found} >= {*CLASSES, "often"}


def test_a_country_that_is_asked_for_has_examples() -> None:
    """Whatever a rule names."""
    site = make_site(Directory(), _PLAN)
    for country in ("EE", "JP", "DE"):
        texts = example_targets(_PLAN, "a.example", country)
        assert country in {site.targets.analyse(one, _ALICE).country for one in texts}


def test_examples_are_few_however_large_a_plan_is() -> None:
    """There may be thousands of prefixes."""
    plan = NumberPlan(Dialling("DE"), {}, {f"+49{n}": "c" for n in range(1000, 9000)})
    assert len(list(example_targets(plan, "a.example"))) < 120


@pytest.mark.parametrize(
    ("prefix", "number"), [("+331", "+33112345678"), ("+4930123456", "+4930123456")]
)
def test_a_beginning_becomes_a_number(prefix: str, number: str) -> None:
    """A valid one if that is easy."""
    assert number_with(prefix) == number


def test_numbers_with_a_beginning_have_all_next_digits() -> None:
    """A rule may ask for some of them only."""
    found = list(numbers_with("+331", 80))
    assert {one[4] for one in found} == set("0123456789")
    assert len(found) <= 80
    assert all(one.startswith("+331") and len(one) <= 17 for one in found)
