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
    definitions = {key: opened(one, _VARIABLE) for key, one in schema["$defs"].items()}
    properties = {
        key: opened(one, _VARIABLE) if key in USERS else one
        for key, one in schema["properties"].items()
    }
    return {
        **schema,
        "properties": properties,
        "$defs": {**definitions, "variable": variable},
    }


def opened(schema: Any, stand_in: Schema) -> Any:
    """The schema of a value, or of what may stand in its place, at any depth."""
    if "$ref" in schema:
        return schema
    if schema.get("type") == "object":
        several = ("properties", "patternProperties")
        inner = {
            name: {key: opened(one, stand_in) for key, one in schema[name].items()}
            for name in several
            if name in schema
        }
        return {**schema, **inner}
    if "anyOf" in schema:
        branches = [
            branch
            for one in schema["anyOf"]
            for branch in _branches(opened(one, stand_in), stand_in)
        ]
        return {**schema, "anyOf": [*branches, stand_in]}
    if "items" in schema:
        schema = {**schema, "items": opened(schema["items"], stand_in)}
    described = {"description": schema["description"]} if "description" in schema else {}
    value = {key: one for key, one in schema.items() if key != "description"}
    return {**described, "anyOf": [value, stand_in]}


def _branches(schema: Schema, stand_in: Schema) -> list[Schema]:
    """The alternatives that a schema allows for a value, other than the stand-in."""
    if schema.get("anyOf", [])[-1:] == [stand_in]:
        return [one for one in schema["anyOf"] if one != stand_in]
    return [schema]
