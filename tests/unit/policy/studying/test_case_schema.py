"""The JSON Schema of cases."""

from jsonschema import Draft202012Validator

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.studying.case_schema import DECIDED_FIELDS, case_schema


def test_schema_is_one_of_its_draft() -> None:
    """Editors refuse a broken schema silently."""
    Draft202012Validator.check_schema(case_schema())


def test_every_fact_can_be_given() -> None:
    """A case is a complete input, the clock included."""
    properties = case_schema()["properties"]
    assert list(properties["defaults"]["properties"]) == list(FACTS)
    case = properties["tests"]["items"]["properties"]
    assert list(case["given"]["properties"]) == list(FACTS)
    assert tuple(case["expect"]["properties"]["by"]["properties"]) == DECIDED_FIELDS
