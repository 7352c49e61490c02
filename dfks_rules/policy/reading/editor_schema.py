"""The policy schema for editors: `{var: NAME}` may stand for any value.

The server substitutes variables before it checks a file, so its own schema does not allow them.
"""

from typing import Any

from dfks_rules.policy.reading.schema_pieces import IDENTIFIER, Schema, object_schema
from dfks_rules.policy.reading.variables import USERS

_VARIABLE: Schema = {"$ref": "#/$defs/variable"}


def editor_schema(schema: Schema) -> Schema:
    """The schema of a file with conditions, before variables are substituted."""
    name = {"type": "string", "pattern": IDENTIFIER, "description": "A name under `vars`."}
    variable = object_schema("The value of a variable.", ["var"], {"var": name})
    definitions = {key: _opened(one) for key, one in schema["$defs"].items()}
    properties = {
        key: _opened(one) if key in USERS else one for key, one in schema["properties"].items()
    }
    return {
        **schema,
        "properties": properties,
        "$defs": {**definitions, "variable": variable},
    }


def _opened(schema: Any) -> Any:
    """The schema of a value, or of a variable in its place."""
    if "$ref" in schema:
        return schema
    if schema.get("type") == "object":
        properties = {key: _opened(one) for key, one in schema["properties"].items()}
        return {**schema, "properties": properties}
    if "anyOf" in schema:
        branches = [branch for one in schema["anyOf"] for branch in _branches(_opened(one))]
        return {**schema, "anyOf": [*branches, _VARIABLE]}
    if "items" in schema:
        schema = {**schema, "items": _opened(schema["items"])}
    described = {"description": schema["description"]} if "description" in schema else {}
    value = {key: one for key, one in schema.items() if key != "description"}
    return {**described, "anyOf": [value, _VARIABLE]}


def _branches(schema: Schema) -> list[Schema]:
    """The alternatives that a schema allows for a value, other than a variable."""
    if schema.get("anyOf", [])[-1:] == [_VARIABLE]:
        return [one for one in schema["anyOf"] if one != _VARIABLE]
    return [schema]
