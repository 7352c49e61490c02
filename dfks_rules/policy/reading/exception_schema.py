"""The JSON Schema of files of kind Exception, made of the pieces of the schema of policies."""

from dfks_rules.policy.reading.schema import definitions, schedules_schema
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    DATE_PATTERN,
    IDENTIFIER,
    RULE,
    TEXT,
    Schema,
    metadata_schema,
    object_schema,
)
from dfks_rules.policy.reading.variables import variables_schema

MAX_RULES_NAMED = 100
"""Most rules that one Exception names."""


def exception_schema() -> Schema:
    """The schema of a file of kind Exception."""
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "Exception", "description": "This file lifts denials of rules."},
        "metadata": metadata_schema("What the Exception is called."),
        "band": {
            "enum": ["mandatory", "normal"],
            "description": "Only a mandatory Exception lifts denials of mandatory policies.",
        },
        "for": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_RULES_NAMED,
            "items": {"type": "string", "pattern": RULE},
            "description": "The rules whose denials it lifts, as `policy/rule`.",
        },
        "when": {
            "description": "It lifts them if this is true; if omitted, always.",
            "$ref": "#/$defs/condition",
        },
        "unless": {
            "description": "It does not lift them if this is true.",
            "$ref": "#/$defs/condition",
        },
        "until": {
            "type": "string",
            "pattern": DATE_PATTERN,
            "description": "The last day on which it holds; if omitted, for ever.",
        },
        "by": {**TEXT, "description": "Who granted it, for people."},
        "why": {**TEXT, "description": "Why it was granted, for people."},
        "vars": variables_schema(IDENTIFIER),
        "schedules": schedules_schema(),
    }
    required = ["apiVersion", "kind", "metadata", "for", "why"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks exception",
        **object_schema("An exception to rules that deny.", required, properties),
        "$defs": definitions(),
    }
