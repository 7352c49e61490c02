"""The JSON Schema of case files, generated from the same tables as the policy schema."""

from dfks_rules.model.values import VALUES
from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.families import FAMILIES
from dfks_rules.policy.language.expiry import DURATION_PATTERN
from dfks_rules.policy.reading.editor_schema import opened
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    COLUMN,
    IDENTIFIER,
    MAX_LIST,
    RULE,
    TEXT,
    Schema,
    constant_schema,
    list_schema,
    object_schema,
    value_schema,
)
from dfks_rules.policy.studying.tables import MAX_CASES, table_schema

DECIDED_FIELDS = (
    *("status", "assigned", "notify"),
    *(value.value for value in VALUES),
    *("deny", "allow", "expire"),
)
"""Fields that `by` may name; see `Decision.decided_by`."""


_VALUES: Schema = {
    value.value: {**value_schema(value.kind), "description": f"{value.description}."}
    for value in VALUES
}


def _value(fact: Fact) -> Schema:
    constant = constant_schema(fact)
    return list_schema(constant) if fact.kind in (Kind.NAMES, Kind.NUMBERS) else constant


def _facts(description: str) -> Schema:
    properties = {
        name: {"description": fact.description, **_value(fact)} for name, fact in FACTS.items()
    }
    families = {
        family.pattern: {"description": family.description, **_value(family.example)}
        for family in FAMILIES
    }
    facts = object_schema(description, [], properties)
    return {**facts, "patternProperties": families, "title": "facts"}


def _also() -> Schema:
    return object_schema(
        "A set that follows.",
        ["presentity", "feature", "status"],
        {
            "presentity": {**constant_schema(FACTS["presentity"]), "description": "Whose feature."},
            "feature": {**constant_schema(FACTS["feature"]), "description": "Which feature."},
            "status": {"type": "integer", "enum": [0, 1], "description": "Off or on."},
            **_VALUES,
        },
    )


def _expect() -> Schema:
    properties: Schema = {
        "decision": {"enum": ["allow", "deny"], "description": "Whether the request is refused."},
        "reason": {"type": "string", "pattern": IDENTIFIER, "description": "Why it is refused."},
        "status": {"type": "integer", "enum": [0, 1], "description": "Status told or stored."},
        "assigned": {"type": "boolean", "description": "Whether the phone has the feature."},
        "notify": {
            "enum": [True, False, "requester", "others"],
            "description": "Who is told: everyone (true), nobody (false), or one side only.",
        },
        "values": object_schema(
            "Values told or stored.",
            [],
            _VALUES,
        ),
        "by": object_schema(
            "Which rule, as `policy/rule`, decided each of these fields.",
            [],
            {
                field: {**TEXT, "description": f"The rule that decided `{field}`."}
                for field in DECIDED_FIELDS
            },
        ),
        "matched": {
            "type": "array",
            "maxItems": MAX_LIST,
            "items": TEXT,
            "description": "All rules that match, as `policy/rule`, in order of precedence.",
        },
        "lifted": {
            "type": "object",
            "propertyNames": {"pattern": RULE},
            "additionalProperties": {"type": "string", "pattern": RULE},
            "description": "Rule → the Exception that lifts its denial, both as `policy/rule`.",
        },
        "log": {
            "type": "array",
            "maxItems": MAX_LIST,
            "items": TEXT,
            "description": "The lines that are logged.",
        },
        "also": {
            "type": "array",
            "maxItems": MAX_LIST,
            "items": _also(),
            "description": "All sets that follow, in order, each complete.",
        },
        "expires": {
            "description": "When what is switched on is switched off: so long after `now`, at a "
            "moment, or not by itself (false).",
            "anyOf": [
                {"type": "string", "pattern": DURATION_PATTERN},
                constant_schema(FACTS["now"]),
                {"const": False},
            ],
        },
    }
    expect = object_schema("The expected result; what is omitted is not compared.", [], properties)
    return {**expect, "minProperties": 1}


def case_schema() -> Schema:
    """The schema of a file of kind PolicyTest."""
    case = object_schema(
        "One case.",
        ["name", "given", "expect"],
        {
            "name": {**TEXT, "description": "What the case shows, as a sentence."},
            "skip": {**TEXT, "description": "Why the case is not run for now."},
            "table": table_schema(),
            "given": _facts("The facts of the request, and what is stored."),
            "expect": _expect(),
        },
    )
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "PolicyTest", "description": "This file holds cases."},
        "policies": {
            "description": "The policy files under test, relative to this file, in their order.",
            **list_schema(TEXT),
        },
        "defaults": _facts("Facts for every case that does not give its own."),
        "tests": {
            "description": "The cases.",
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_CASES,
            "items": case,
        },
    }
    required = ["apiVersion", "kind", "policies", "tests"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks policy cases",
        **object_schema("Test cases for dfks-rules policies.", required, properties),
    }


def case_editor_schema() -> Schema:
    """The schema before tables are expanded, for editors."""
    schema = case_schema()
    tests = schema["properties"]["tests"]
    name = {"type": "string", "pattern": COLUMN, "description": "A name in the rows of `table`."}
    row = object_schema("The value in the row.", ["row"], {"row": name})
    case = tests["items"]["properties"]
    used = {key: opened(case[key], {"$ref": "#/$defs/row"}) for key in ("skip", "given", "expect")}
    items = {**tests["items"], "properties": {**case, **used}}
    properties = {**schema["properties"], "tests": {**tests, "items": items}}
    return {**schema, "properties": properties, "$defs": {"row": row}}
