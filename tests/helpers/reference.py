"""What is made from the table of operations: `python -m tests.helpers.reference` writes it anew.

`schemas/openapi.json` is the document that the server gives; `docs/reference/http-api.md` ends with
a description of each operation, below an introduction that people wrote.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from dfks_rules.web.api import TABLE
from dfks_rules.web.caller import Scope
from dfks_rules.web.openapi import document, problems_of
from dfks_rules.web.problem import KINDS
from dfks_rules.web.table import Operation, Parameter, Where
from tests.helpers.published import ROOT

DOCUMENT = ROOT / "schemas" / "openapi.json"
PAGE = ROOT / "docs" / "reference" / "http-api.md"
MARK = "<!-- What follows is made from the table of operations by `make fix`. -->\n"
_PLACES = {Where.PATH: "path", Where.QUERY: "query", Where.HEADER: "header"}


def document_text() -> str:
    """The OpenAPI document, as it is published."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document(TABLE), option=options).decode()


def page_text(page: str) -> str:
    """The page with its introduction as it is, and the rest made anew."""
    introduction = page.partition(MARK)[0]
    return introduction + MARK + "".join(_lines())


def _lines() -> Iterator[str]:
    yield "\n## Operations\n"
    tag = ""
    for operation in sorted(TABLE, key=lambda one: one.tag == "server"):
        if operation.tag != tag:
            tag = operation.tag
            yield f"\n### {tag.capitalize()}\n"
        yield from _operation(operation)
    yield "\n## Kinds of problems\n\n| status | `type` | title |\n|---|---|---|\n"
    for name, kind in sorted(KINDS.items(), key=lambda one: (one[1].status, one[0])):
        yield f"| {kind.status} | `urn:dfks:problem:{name}` | {kind.title} |\n"
    yield "\n## Scopes\n\n| scope | what it allows |\n|---|---|\n"
    for scope in Scope:
        names = [f"`{one.name}`" for one in TABLE if one.scope is scope]
        yield f"| `{scope.value}` | {', '.join(names) or 'nothing yet'} |\n"


def _operation(operation: Operation) -> Iterator[str]:
    yield f"\n#### `{operation.method} {operation.path}`\n\n"
    scope = "no token" if operation.scope is None else f"scope `{operation.scope.value}`"
    yield f"{operation.summary} `{operation.name}`, {scope}.\n"
    if operation.description:
        yield f"\n{operation.description}\n"
    if operation.parameters:
        yield "\n| parameter | in | |\n|---|---|---|\n"
        for parameter in operation.parameters:
            where = _PLACES[parameter.where]
            yield f"| `{parameter.name}` | {where} | {_described(parameter)} |\n"
    if operation.body is not None:
        types = " or ".join(f"`{kind}`" for kind in operation.body.types)
        schema = operation.body.schema
        named = "" if schema is None else _schema(schema)
        yield f"\nBody: {named} ({types}).\n" if named else f"\nBody: {types}.\n"
    yield "\n"
    for reply in operation.replies:
        what = "" if reply.schema is None else _schema(reply.schema)
        yield f"- {reply.status}{f' ({what})' if what else ''}: {reply.description}\n"
    kinds = ", ".join(f"`{kind}`" for kind in problems_of(operation))
    yield f"- Problems: {kinds}\n"


def _described(parameter: Parameter) -> str:
    schema: Any = parameter.schema
    values = schema.get("enum", [])
    said = [parameter.description]
    if values and not all(f"`{value}`" in parameter.description for value in values):
        said.append(", ".join(f"`{value}`" for value in values) + ".")
    if "default" in schema:
        said.append(f"Default: {schema['default']}.")
    return " ".join(said).replace("|", "\\|")


def _schema(schema: Any) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    items = schema.get("properties", {}).get("items", {}).get("items", {})
    if "$ref" in items:
        return f"a page of `{items['$ref'].rpartition('/')[2]}`"
    return ", ".join(f"`{name}`" for name in schema.get("properties", {}))


if __name__ == "__main__":
    DOCUMENT.write_text(document_text(), "utf-8")
    PAGE.write_text(page_text(PAGE.read_text("utf-8")), "utf-8")
