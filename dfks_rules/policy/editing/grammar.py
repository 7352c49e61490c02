"""What the language allows at a place of a file: the branches of its schema that lead there."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from dfks_rules.policy.editing.outline import Token, value_at
from dfks_rules.policy.reading.directory_schema import directory_schema
from dfks_rules.policy.reading.editor_schema import editor_schema
from dfks_rules.policy.reading.exception_schema import exception_schema
from dfks_rules.policy.reading.read_list import list_file_schema
from dfks_rules.policy.reading.read_number_plan import number_plan_schema
from dfks_rules.policy.reading.read_vars import vars_schema
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.schema_pieces import Schema
from dfks_rules.policy.studying.case_schema import case_schema
from dfks_rules.policy.studying.proof_schema import proof_editor_schema
from dfks_rules.yaml.tree import Path

_SCHEMAS = {
    "Policy": lambda: editor_schema(policy_schema()),
    "Exception": lambda: editor_schema(exception_schema()),
    "PolicyTest": case_schema,
    "PolicyProof": proof_editor_schema,
    "Directory": directory_schema,
    "NumberPlan": number_plan_schema,
    "List": list_file_schema,
    "Vars": vars_schema,
}
KINDS = tuple(_SCHEMAS)
"""The kinds of files in YAML, as `kind` names them."""
_UNKNOWN: Schema = {
    "type": "object",
    "properties": {
        "apiVersion": {"const": "dfks/v1", "description": "The language: dfks/v1."},
        "kind": {"enum": list(KINDS), "description": "What this file holds."},
    },
}


class Offer(NamedTuple):
    """A key or a value that may stand at a place."""

    text: str
    """As authors write it, without quotes."""
    description: str
    """One sentence for authors; empty if there is none."""


def kind_of_file(tokens: list[Token]) -> str:
    """The kind that a file says it is of, which need not exist; empty if it says nothing."""
    return value_at(tokens, ("kind",)) or ""


@cache
def schema_of(kind: str) -> Schema:
    """The schema of files of a kind; of another kind, one that knows the first two keys."""
    make = _SCHEMAS.get(kind)
    return make() if make else _UNKNOWN


def keys_at(kind: str, path: Path) -> list[Offer]:
    """The keys that a mapping at this path may have."""
    schema = schema_of(kind)
    found: dict[str, Offer] = {}
    for branch in _branches_at(schema, path):
        for name, one in branch.get("properties", {}).items():
            found.setdefault(name, Offer(name, _described(one, schema)))
    return list(found.values())


def values_at(kind: str, path: Path) -> list[Offer]:
    """The constants that may stand at this path, where the language knows them all."""
    found: dict[str, Offer] = {}
    for branch in _branches_at(schema_of(kind), path):
        words = branch.get("enum", [branch["const"]] if "const" in branch else [])
        words = words or ([True, False] if branch.get("type") == "boolean" else [])
        for word in words:
            text = str(word).lower() if isinstance(word, bool) else str(word)
            found.setdefault(text, Offer(text, ""))
    return list(found.values())


def description_at(kind: str, path: Path) -> str:
    """What the language says about the key at the end of a path; empty if it says nothing."""
    schema = schema_of(kind)
    if not path:
        return str(schema.get("description", ""))
    for branch in _branches_at(schema, path[:-1]):
        for one in _below(branch, path[-1]):
            if text := _described(one, schema):
                return text
    return ""


def _branches_at(schema: Schema, path: Path) -> list[Schema]:
    """Every alternative that a schema has for the value at a path."""
    found = list(_alternatives(schema, schema))
    for part in path:
        below = (one for branch in found for one in _below(branch, part))
        found = [branch for one in below for branch in _alternatives(one, schema)]
    return found


def _below(branch: Schema, part: str | int) -> Iterator[Schema]:
    """What a mapping or list has for a key or position."""
    if isinstance(part, int):
        if isinstance(branch.get("items"), dict):
            yield branch["items"]
        return
    if part in branch.get("properties", ()):
        yield branch["properties"][part]
        return
    for pattern, one in branch.get("patternProperties", {}).items():
        if re.search(pattern, part):
            yield one
            return
    if isinstance(branch.get("additionalProperties"), dict):
        yield branch["additionalProperties"]


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The schema without references and choices."""
    if "$ref" in schema:
        yield from _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
        return
    for one in schema.get("anyOf", ()):
        yield from _alternatives(one, root)
    if "anyOf" not in schema:
        yield schema


def _described(schema: Schema, root: Schema) -> str:
    own = schema.get("description")
    if own is None and "$ref" in schema:
        own = root["$defs"][schema["$ref"].rpartition("/")[2]].get("description")
    return str(own or "")
