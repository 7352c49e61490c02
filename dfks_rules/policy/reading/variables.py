"""Variables of a policy file: named values that are inserted where the name is used.

`{var: NAME}` in the scope, in a rule or in a condition of an Exception becomes the value; as an
entry of a list, a variable that is a list expands into its entries. `${vars.NAME}` in a text
becomes the value's text. Substitution precedes the schema, which therefore checks the value
wherever it is used. Files of kind Vars define variables for all policies.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dfks_rules.errors import Finding
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.yaml.tree import Path, Place, Tree

MAX_INSERTED = 20_000
"""Most values that variables may insert into one file: a short file must not become a huge one."""
_MAX_ENTRIES = 500
"""Most entries of a variable, the same as of a list of constants."""
USERS = ("scope", "rules", "when", "unless", "proofs")
"""Parts of a file that use variables."""
_IN_TEXT = re.compile(r"\$\{vars\.([^}]*)\}")


def variables_schema(names: str) -> dict[str, Any]:
    """The JSON Schema of the block `vars`.

    Args:
        names: the pattern of a name.
    """
    scalar = {"type": ["string", "integer", "boolean"], "maxLength": MAX_TEXT}
    several = {"type": "array", "minItems": 1, "maxItems": _MAX_ENTRIES, "items": scalar}
    return {
        "type": "object",
        "description": "Values with a name, for `{var: NAME}` and, in texts, `${vars.NAME}`.",
        "propertyNames": {"pattern": names},
        "additionalProperties": {"anyOf": [scalar, several]},
    }


def find_wrong_variables(tree: Tree) -> list[Finding]:
    """Values under `vars` that a variable cannot have (`policy_variable`); none without `vars`."""
    variables = tree.value.get("vars") if isinstance(tree.value, dict) else None
    return [
        tree.finding(
            ("vars", name),
            "policy_variable",
            phrase("variable `{name}` {problem}", name=name, problem=problem),
        )
        for name, value in (variables.items() if isinstance(variables, dict) else ())
        if (problem := _problem(value))
    ]


def substitute(
    tree: Tree, shared: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Tree, list[Finding]]:
    """The tree with variables replaced by values, each with the place where its variable was used.

    Args:
        tree: a policy file.
        shared: variables of other files; those of the file itself come first.

    Returns:
        The tree, and findings with codes `policy_unknown_variable`, `policy_variable` (a value that
        a variable cannot have, or a use that does not suit it), `policy_limit`, and the warning
        `policy_unused_variable`. If one is an error, the tree is incomplete and must not be
        validated.
    """
    if not isinstance(tree.value, dict) or not isinstance(tree.value.get("vars", {}), dict):
        return tree, []  # the schema refuses it
    substitution = _Substitution(tree, shared)
    return substitution.tree(), substitution.findings


class _Substitution:
    """Copies a tree, and collects `findings`."""

    def __init__(self, tree: Tree, shared: Mapping[str, Any]) -> None:
        self._old = tree
        own = tree.value.get("vars", {})
        self._variables: dict[str, Any] = {**shared, **own}
        self._unused = set(own)
        self._inserted = 0
        self._places: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}
        self.findings: list[Finding] = []

    def tree(self) -> Tree:
        """The new tree."""
        self.findings += find_wrong_variables(self._old)
        if self.findings:
            return self._old
        self._places = {path: at for path, at in self._old.places.items() if not _is_for_use(path)}
        self._keys = {path: at for path, at in self._old.keys.items() if not _is_for_use(path)}
        value = {
            key: self._copy(part, (key,), (key,)) if key in USERS else part
            for key, part in self._old.value.items()
        }
        for name in sorted(self._unused):
            path, message = ("vars", name), phrase("variable `{name}` is never used", name=name)
            finding = self._old.finding(path, "policy_unused_variable", message, at_key=True)
            self.findings.append(finding._replace(severity="warning"))
        return Tree(self._old.file, value, self._places, self._keys)

    def _copy(self, value: Any, old: Path, new: Path) -> Any:
        """The value at a path of the old tree, copied for a path of the new one."""
        self._places[new] = self._old.places[old]
        if old in self._old.keys:
            self._keys[new] = self._old.keys[old]
        if _is_use(value):
            return self._insert(self._value_of(value["var"], (*old, "var")), old, new)
        if isinstance(value, dict):
            return {key: self._copy(part, (*old, key), (*new, key)) for key, part in value.items()}
        if isinstance(value, list):
            return self._entries(value, old, new)
        return self._text(value, old) if isinstance(value, str) else value

    def _insert(self, value: Any, old: Path, new: Path) -> Any:
        """The value of a variable; every part of it gets the place of use."""
        self._places[new] = self._old.places[old]
        entries = value if isinstance(value, list) else [value]
        self._count(len(entries), old)
        if not isinstance(value, list):
            return value
        for position in range(len(value)):
            self._places[*new, position] = self._old.places[old]
        return list(value)

    def _entries(self, entries: list[Any], old: Path, new: Path) -> list[Any]:
        result: list[Any] = []
        for position, entry in enumerate(entries):
            path = (*old, position)
            if _is_use(entry):
                value = self._value_of(entry["var"], (*path, "var"))
                for one in value if isinstance(value, list) else [value]:
                    result.append(self._insert(one, path, (*new, len(result))))
            else:
                result.append(self._copy(entry, path, (*new, len(result))))
        return result

    def _text(self, text: str, path: Path) -> str:
        def value_of(use: re.Match[str]) -> str:
            value = self._value_of(use[1], path)
            if isinstance(value, list):
                message = phrase(
                    "variable `{name}` is a list; a text takes a single value", name=use[1]
                )
                self._report(path, "policy_variable", message)
            self._count(1, path)
            return str(value).lower() if isinstance(value, bool) else str(value)

        return _IN_TEXT.sub(value_of, text)

    def _value_of(self, name: str, path: Path) -> Any:
        """The value of a variable used at a path of the old tree."""
        self._unused.discard(name)
        if name not in self._variables:
            message = phrase(
                "unknown variable `{name}`{hint}",
                name=name,
                hint=did_you_mean(name, self._variables),
            )
            self._report(path, "policy_unknown_variable", message)
        return self._variables.get(name, "")

    def _count(self, values: int, path: Path) -> None:
        """Limits the growth of the file; exceeding the limit is reported once."""
        before, self._inserted = self._inserted, self._inserted + values
        if before <= MAX_INSERTED < self._inserted:
            message = phrase(
                "variables put more than {max_inserted} values into the file",
                max_inserted=MAX_INSERTED,
            )
            self._report(path, "policy_limit", message)
            self._variables = dict.fromkeys(self._variables, "")

    def _report(self, path: Path, code: str, message: str) -> None:
        self.findings.append(self._old.finding(path, code, message))


def _is_for_use(path: Path) -> bool:
    return bool(path) and path[0] in USERS


def _is_use(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"var"} and isinstance(value["var"], str)


def _problem(value: Any) -> str | None:
    """Why a variable cannot have this value; None when it can."""
    entries = value if isinstance(value, list) else [value]
    if not 0 < len(entries) <= _MAX_ENTRIES:
        return phrase(
            "must have 1 to {max_entries} entries, not {count}",
            max_entries=_MAX_ENTRIES,
            count=len(entries),
        )
    for entry in entries:
        if _is_use(entry) or (isinstance(entry, str) and _IN_TEXT.search(entry)):
            return phrase("refers to a variable; only the scope and the rules may")
        if isinstance(entry, dict | list):
            return phrase("must be text, a whole number, `true`, `false`, or a list of these")
        if isinstance(entry, str) and len(entry) > MAX_TEXT:
            return phrase(
                "has {count} characters; at most {max_text}", count=len(entry), max_text=MAX_TEXT
            )
    return None
