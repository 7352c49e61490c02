"""The JSON Schema of proof files, generated from the same tables as the policy schema."""

from dfks_rules.policy.reading.editor_schema import editor_schema
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    TEXT,
    Schema,
    list_schema,
    object_schema,
)
from dfks_rules.policy.studying.case_schema import case_schema

MAX_PROOFS = 200
"""Most proofs in one file."""
_SHARED = ("decision", "status", "assigned", "notify", "values", "by")
"""What proofs expect in the words of cases."""


def _expected() -> Schema:
    case = case_schema()["properties"]["tests"]["items"]["properties"]["expect"]["properties"]
    reason = {"type": case["reason"]["type"], "pattern": case["reason"]["pattern"]}
    return {
        **{name: case[name] for name in _SHARED},
        "reason": {
            "description": "Why it is refused: a reason, or a list of possible ones.",
            "anyOf": [reason, list_schema(reason)],
        },
    }


def _expect(description: str, properties: Schema) -> Schema:
    return {**object_schema(description, [], properties), "minProperties": 1}


def proof_schema() -> Schema:
    """The schema of a file of kind PolicyProof."""
    policy = policy_schema()
    other = {**TEXT, "description": "Policies that decide alike; a path relative to this file."}
    condition: Schema = {"$ref": "#/$defs/condition"}
    proof = object_schema(
        "One proof.",
        ["name", "when"],
        {
            "name": {**TEXT, "description": "What is so, as a sentence."},
            "when": {"description": "The requests that it is about.", **condition},
            "unless": {"description": "Requests that it is not about.", **condition},
            "expect": _expect(
                "How each of them is decided; what is omitted is not compared.",
                {**_expected(), "as": other},
            ),
            "some": _expect("There is a request among them that is decided so.", _expected()),
        },
    )
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "PolicyProof", "description": "This file holds proofs."},
        "policies": {
            "description": "The policy files, or folders of them, relative to this file.",
            **list_schema(TEXT),
        },
        "vars": policy["properties"]["vars"],
        "schedules": policy["properties"]["schedules"],
        "proofs": {
            "description": "The proofs.",
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_PROOFS,
            "items": proof,
        },
    }
    required = ["apiVersion", "kind", "policies", "proofs"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks policy proofs",
        **object_schema("Proofs about dfks-rules policies.", required, properties),
        "$defs": policy["$defs"],
    }


def proof_editor_schema() -> Schema:
    """The schema before variables are substituted, for editors."""
    return editor_schema(proof_schema())
