"""The JSON Schema of cases."""

from jsonschema import Draft202012Validator

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.studying.case_schema import DECIDED_FIELDS, case_editor_schema, case_schema


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


def test_editors_know_values_of_rows() -> None:
    """Where the server sees the values themselves."""
    case = {
        "name": "c",
        "table": [{"who": "bob", "groups": ["sales"], "is": 1}],
        "skip": {"row": "why"},
        "given": {
            "op": "get",
            "feature": "DoNotDisturb",
            "user": {"row": "who"},
            "groups": {"row": "groups"},
            "user.voicemail": {"row": "who"},
        },
        "expect": {"status": {"row": "is"}, "matched": [{"row": "who"}]},
    }
    file = {"apiVersion": "dfks/v1", "kind": "PolicyTest", "policies": ["."], "tests": [case]}
    schema = case_editor_schema()
    Draft202012Validator.check_schema(schema)
    assert not list(Draft202012Validator(schema).iter_errors(file))
    case["given"] = {"op": "get", "user": {"raw": "who"}}
    assert list(Draft202012Validator(schema).iter_errors(file))
    assert list(Draft202012Validator(case_schema()).iter_errors(file))
