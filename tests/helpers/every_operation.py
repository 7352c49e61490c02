"""One request for each operation of the table, made of what its schemas say."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from dfks_rules.web.schemas import COMPONENTS
from dfks_rules.web.table import JSON, Operation, Schema, Where


class Asking(NamedTuple):
    """A request."""

    operation: str
    method: str
    path: str
    body: Any


def asking(operation: Operation, known: Mapping[str, str], bodies: Mapping[str, Any]) -> Asking:
    """A request for an operation.

    Args:
        operation: the operation.
        known: name of a path parameter → a value of something that is there.
        bodies: name of an operation → a body that makes it work; others get the least that fits.
    """
    path = operation.path
    for parameter in operation.parameters:
        if parameter.where is Where.PATH:
            value = known.get(parameter.name) or str(least(parameter.schema))
            path = path.replace(f"{{{parameter.name}}}", quote(value, safe=""))
    body = bodies.get(operation.name)
    if body is None and operation.body is not None and JSON in operation.body.types:
        body = least(operation.body.schema or {})
    return Asking(operation.name, operation.method, path, body)


def least(schema: Schema) -> Any:  # noqa: PLR0911 - one for each kind
    """A small value that fits a schema, as far as schemas of the table go."""
    if "$ref" in schema:
        return least(COMPONENTS[schema["$ref"].rpartition("/")[2]])
    if "examples" in schema:
        return schema["examples"][0]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return least(schema[several][0])
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    match kinds if isinstance(kinds, str) else kinds[0]:
        case "object":
            return _least_object(schema)
        case "array":
            return [least(schema.get("items", {}))] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case _:
            return "x" * max(1, schema.get("minLength", 1))


def _least_object(schema: Schema) -> dict[str, Any]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    names: Sequence[str] = schema.get("required", ())
    if not names and schema.get("minProperties", 0):
        names = list(properties)[: schema["minProperties"]]
    return {name: least(properties[name]) for name in names}
