"""What a fact is."""

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS


def test_words_are_all_the_values_that_there_are() -> None:
    """A constant that is not among them is refused as a mistake."""
    assert set(FACTS["op"].words) == {one.value for one in Operation}
    assert set(FACTS["feature"].words) == {one.value for one in Feature}
    assert set(FACTS["origin"].words) == {one.value for one in Origin}
    assert all(bool(fact.words) == (fact.kind is Kind.WORD) for fact in FACTS.values())
