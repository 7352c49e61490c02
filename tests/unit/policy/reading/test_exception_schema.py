"""The schema of Exceptions, which is made of the pieces of the one of policies."""

from jsonschema import Draft202012Validator

from dfks_rules.policy.reading.editor_schema import editor_schema
from dfks_rules.policy.reading.exception_schema import exception_schema
from dfks_rules.policy.reading.schema import policy_schema


def test_it_is_a_schema_of_its_draft() -> None:
    """As editors are given it, too."""
    Draft202012Validator.check_schema(exception_schema())
    Draft202012Validator.check_schema(editor_schema(exception_schema()))


def test_conditions_are_those_of_policies() -> None:
    """Who can write a rule can write an Exception."""
    assert exception_schema()["$defs"] == policy_schema()["$defs"]


def test_a_reason_is_required() -> None:
    """Next year somebody asks."""
    assert "why" in exception_schema()["required"]
