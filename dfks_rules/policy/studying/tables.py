"""Tables of cases: a case with a `table` → one case for each row.

`{row: NAME}` in a case becomes the value that the row has under NAME; where the row has none, the
key that it is the value of is left out. `${row.NAME}` in a text becomes the value's text.
Expansion precedes the schema, which therefore checks each value where it is used.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.schema_pieces import COLUMN, Schema, list_schema
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.yaml.scalar import flow
from dfks_rules.yaml.tree import Path, Tree

MAX_CASES = 1000
"""Most cases in one file, each row of a table counted."""
MAX_COPIED = 200_000
"""Most values that tables may put into one file: a short file must not become a huge one."""
_IN_TEXT = re.compile(r"\$\{row\.([^}]*)\}")
_ABSENT = object()
"""Stands for a value that a row does not have."""


def table_schema() -> Schema:
    """The JSON Schema of `table`."""
    text: Schema = {"type": "string", "maxLength": MAX_TEXT}
    scalars: list[Schema] = [text, {"type": "integer"}, {"type": "boolean"}]
    row: Schema = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": COLUMN},
        "additionalProperties": {"anyOf": [*scalars, list_schema({"anyOf": scalars})]},
    }
    return {
        "description": "One case for each of these rows, names with values, which the case uses "
        "as `{row: NAME}` and, in texts, `${row.NAME}`.",
        **list_schema(row),
    }


def expanded(tree: Tree) -> tuple[Tree, list[Finding]]:
    """The tree of a file of cases, with each row of a table as a case of its own.

    Args:
        tree: as read.

    Returns:
        The tree, and findings about tables. If there are any, the tree is incomplete and must not
        be validated.
    """
    tests = tree.value.get("tests") if isinstance(tree.value, dict) else None
    if not isinstance(tests, list) or not any(map(_has_table, tests)):
        return tree, []
    findings = [finding for _, finding in validate(tree, _validator())]
    if findings:
        return tree, findings
    if sum(len(_rows(test)) or 1 for test in tests) > MAX_CASES:
        message = phrase("tables make more than {max_cases} cases", max_cases=MAX_CASES)
        return tree, [tree.finding(("tests",), "policy_limit", message)]
    expansion = _Expansion(tree)
    return expansion.tree(), expansion.findings


@cache
def _validator() -> Draft202012Validator:
    """Checks nothing but tables."""
    case = {"properties": {"table": table_schema()}}
    return validator({"properties": {"tests": {"items": case}}})


def _has_table(test: Any) -> bool:
    return isinstance(test, dict) and "table" in test


def _rows(test: Any) -> list[dict[str, Any]]:
    """The rows of a case; none if it has no table."""
    return test["table"] if _has_table(test) else []


class _Expansion:
    """Copies a tree, and collects `findings`."""

    def __init__(self, tree: Tree) -> None:
        self._old = tree
        self._places = {path: at for path, at in tree.places.items() if not _is_in_case(path)}
        self._keys = {path: at for path, at in tree.keys.items() if not _is_in_case(path)}
        self._copied = 0
        self._row: dict[str, Any] = {}
        self._row_path: Path = ()
        self._columns: dict[str, None] = {}
        self._used: set[str] = set()
        self._is_named = False
        self.findings: list[Finding] = []

    def tree(self) -> Tree:
        """The new tree."""
        tests: list[Any] = []
        for position, test in enumerate(self._old.value["tests"]):
            old: Path = ("tests", position)
            self._row, self._columns = {}, {}
            rows = _rows(test)
            if not rows:
                tests.append(self._copy(test, old, ("tests", len(tests))))
                continue
            case = {key: value for key, value in test.items() if key != "table"}
            self._is_named = bool(_IN_TEXT.search(str(test.get("name"))))
            self._columns = dict.fromkeys(name for row in rows for name in row)
            self._used = set()
            for number, row in enumerate(rows):
                self._row, self._row_path = row, (*old, "table", number)
                new: Path = ("tests", len(tests))
                tests.append(self._named(self._copy(case, old, new)))
                self._places[new] = self._old.places[self._row_path]
            self._find_unused(old)
            if self._copied > MAX_COPIED:
                message = phrase(
                    "tables put more than {max_copied} values into the file", max_copied=MAX_COPIED
                )
                self._report(old, "policy_limit", message)
                break
        value = {**self._old.value, "tests": tests}
        # What is wrong with a case is wrong with each of its rows.
        self.findings = list(dict.fromkeys(self.findings))
        return Tree(self._old.file, value, self._places, self._keys)

    def _named(self, case: dict[str, Any]) -> dict[str, Any]:
        """The case, with its row in its name."""
        if isinstance(case.get("name"), str) and not self._is_named:
            case["name"] = f"{case['name']} {flow(self._row)}"[:MAX_TEXT]
        return case

    def _find_unused(self, case: Path) -> None:
        for name in self._columns:
            if name not in self._used:
                message = phrase("column `{name}` of `table` is never used", name=name)
                self._report((*case, "table"), "policy_case", message)

    def _copy(self, value: Any, old: Path, new: Path) -> Any:
        """The value at a path of the old tree, copied for a path of the new one."""
        self._copied += 1
        self._places[new] = self._old.places[old]
        if old in self._old.keys:
            self._keys[new] = self._old.keys[old]
        if self._columns and _is_use(value):
            return self._insert(value["row"], (*old, "row"), new)
        if isinstance(value, dict):
            parts = ((key, self._copy(one, (*old, key), (*new, key))) for key, one in value.items())
            return {key: one for key, one in parts if one is not _ABSENT}
        if isinstance(value, list):
            return list(self._entries(value, old, new))
        return self._text(value, old) if self._columns and isinstance(value, str) else value

    def _entries(self, entries: list[Any], old: Path, new: Path) -> Iterator[Any]:
        place = 0
        for position, entry in enumerate(entries):
            copied = self._copy(entry, (*old, position), (*new, place))
            if copied is not _ABSENT:
                place += 1
                yield copied

    def _insert(self, name: str, use: Path, new: Path) -> Any:
        """The row's value under a name; every part of it gets the place where the row has it."""
        value = self._value_of(name, use)
        if value is _ABSENT:
            return _ABSENT
        where = (*self._row_path, name)
        self._places[new] = self._old.places[where]
        self._keys.pop(new, None)
        if isinstance(value, list):
            for position in range(len(value)):
                self._places[*new, position] = self._old.places[*where, position]
            self._copied += len(value)
            return list(value)
        return value

    def _text(self, text: str, path: Path) -> str:
        def value_of(use: re.Match[str]) -> str:
            value = self._value_of(use[1], path)
            if value is _ABSENT:
                if use[1] in self._columns:
                    message = phrase("row has no `{name}`, which a text needs", name=use[1])
                    self._report(self._row_path, "policy_case", message)
                return ""
            return value if isinstance(value, str) else flow(value)

        return _IN_TEXT.sub(value_of, text)

    def _value_of(self, name: str, path: Path) -> Any:
        """The row's value under a name that is used at a path of the old tree."""
        self._used.add(name)
        if name not in self._columns:
            message = phrase(
                "`table` has no column `{name}`{hint}",
                name=name,
                hint=did_you_mean(name, self._columns),
            )
            self._report(path, "policy_case", message)
        return self._row.get(name, _ABSENT)

    def _report(self, path: Path, code: str, message: str) -> None:
        self.findings.append(self._old.finding(path, code, message))


def _is_in_case(path: Path) -> bool:
    return len(path) > 1 and path[0] == "tests"


def _is_use(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"row"} and isinstance(value["row"], str)
