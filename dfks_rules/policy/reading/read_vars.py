"""`kind: Vars` files → variables that every policy file may use."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    IDENTIFIER,
    Schema,
    metadata_schema,
    object_schema,
)
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.reading.variables import find_wrong_variables, variables_schema


def read_vars(source: Source) -> tuple[dict[str, Any], list[Finding]]:
    """The variables of one file by their names; none if there are findings."""
    tree, findings = parse(source)
    if tree is not None:
        findings = find_wrong_variables(tree)
        findings = findings or [finding for _, finding in validate(tree, _validator())]
    return ({}, findings) if tree is None or findings else (dict(tree.value["vars"]), [])


@cache
def _validator() -> Draft202012Validator:
    return validator(vars_schema())


def vars_schema() -> Schema:
    """The schema of a file of kind Vars."""
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "Vars", "description": "This file holds variables for all policies."},
        "metadata": metadata_schema("What the file is called."),
        "vars": variables_schema(IDENTIFIER),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks vars",
        **object_schema(
            "Variables that all dfks-rules policies share.",
            ["apiVersion", "kind", "metadata", "vars"],
            properties,
        ),
    }
