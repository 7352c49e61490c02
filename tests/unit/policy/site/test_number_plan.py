"""The number plan as a value."""

from dfks_rules.policy.site.number_plan import Dialling, NumberPlan


def test_a_domain_that_no_file_names_has_the_default() -> None:
    """A country said once holds everywhere."""
    plan = NumberPlan(Dialling("DE"), {"a.example": Dialling("GB")})
    assert [plan.dialling(name).country for name in ("a.example", "b.example")] == ["GB", "DE"]


def test_the_longest_prefix_gives_the_class() -> None:
    """`1` blocked, `1800` allowed is how authors think."""
    plan = NumberPlan(prefixes={"+1": "blocked", "+1800": "free"})
    numbers = ("+18005550100", "+19005550100", "+4930")
    assert [plan.class_of(number) for number in numbers] == ["free", "blocked", None]
