"""`kind: Directory` files and CSV files → entries of the directory."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.model.identity import Aor
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.codes import CODES
from dfks_rules.policy.reading.directory_schema import (
    MAX_ATTRIBUTES,
    MAX_PER_USER,
    directory_schema,
)
from dfks_rules.policy.reading.directory_values import (
    COLUMNS,
    CSV_HEADER,
    Names,
    Wrong,
    take_attribute,
    take_cell,
    take_group,
    take_number,
)
from dfks_rules.policy.reading.source import LIST_COLUMN, MAX_CSV_BYTES, Source, is_csv, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.site.directory import EVERYBODY, MAX_USERS, Columns, Entry
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.yaml.tree import Path, Place, Tree

MAX_FINDINGS = 100
"""Most findings in one CSV file: a wrong column is wrong on every line."""

_SOMEBODY = "somebody"
_ALIKE = 0.72
"""So much of a column's name must be that of a known one to look like a misspelling of it."""
_SEPARATORS = re.compile(r"[ ;]+")


def read_directory(source: Source) -> tuple[list[Entry], list[Finding]]:
    """The users in one file, which is CSV if its name ends in `.csv`.

    Returns:
        The entries, and findings; if one is an error, the entries must not be used.
    """
    if is_csv(source.file):
        return _Csv(source).read()
    tree, findings = parse(source)
    if tree is not None:
        findings = [finding for _, finding in validate(tree, _validator())]
    if tree is None or findings:
        return [], findings
    reader = _Yaml(tree, source.tenant)
    return list(reader.entries()), reader.findings


@cache
def _validator() -> Draft202012Validator:
    return validator(directory_schema())


class _Yaml:
    """Reads one tree that conforms to the schema, and collects `findings`."""

    def __init__(self, tree: Tree, tenant: str | None) -> None:
        self._tree = tree
        self._names = Names(tree.value.get("domain", tenant), tenant)
        self._columns: Columns = ()
        """Every attribute that the file has, so that its users can share the names."""
        self.findings: list[Finding] = []

    def entries(self) -> Iterator[Entry]:
        value = self._tree.value
        users = value.get("users", {}).values()
        self._columns = tuple(sorted({name for one in users for name in one.get("attributes", ())}))
        if len(self._columns) > MAX_ATTRIBUTES:
            message = phrase(
                "file has {count} attributes; at most {max_attributes}",
                count=len(self._columns),
                max_attributes=MAX_ATTRIBUTES,
            )
            self.findings.append(self._tree.finding(("users",), "policy_limit", message))
        yield from self._usual()
        first: dict[Aor, str] = {}
        for written, of_user in value.get("users", {}).items():
            path: Path = ("users", written)
            try:
                user = self._aor(written)
            except Wrong as wrong:
                self._report(path, wrong, at_key=True)
                continue
            if first.setdefault(user, written) != written:
                message = phrase(
                    "user `{uri}` appears twice, also as {first}",
                    uri=user.uri,
                    first=quoted(first[user]),
                )
                self._report(path, Wrong(message), at_key=True)
            yield self._entry(user, of_user, path)
        for group, members in value.get("groups", {}).items():
            path = ("groups", group)
            try:
                groups = (take_group(group),)
            except Wrong as wrong:
                self._report(path, wrong, at_key=True)
                continue
            yield from self._members(groups, members, path)

    def _usual(self) -> Iterator[Entry]:
        """What holds for every user of the domain."""
        usual, path = self._tree.value.get("attributes"), ("attributes",)
        if not usual:
            return
        self._check_attributes(usual, path)
        try:
            if self._names.domain is None:
                raise Wrong(phrase("`attributes` of all users of a domain need `domain`"))
            everybody = self._names.aor(_SOMEBODY, None)._replace(user=EVERYBODY)
        except Wrong as wrong:
            self._report(path, wrong, at_key=True)
            return
        place = self._tree.keys[path]
        columns, cells = tuple(usual), tuple(usual.values())
        yield Entry(everybody, file=self._tree.file, place=place, columns=columns, cells=cells)

    def _check_attributes(self, attributes: Mapping[str, str], path: Path) -> None:
        for name, value in attributes.items():
            for check, what in ((take_attribute, name), (take_cell, value)):
                try:
                    check(what)
                except Wrong as wrong:
                    self._report((*path, name), wrong, at_key=what is name)

    def _members(self, groups: tuple[str, ...], members: list[str], path: Path) -> Iterator[Entry]:
        for position, written in enumerate(members):
            here = (*path, position)
            try:
                user = self._aor(written)
            except Wrong as wrong:
                self._report(here, wrong)
            else:
                yield Entry(user, groups, file=self._tree.file, place=self._tree.places[here])

    def _entry(self, user: Aor, of_user: Mapping[str, Any], path: Path) -> Entry:
        groups, numbers = of_user.get("groups", []), of_user.get("numbers", [])
        role = of_user.get("role")
        checks: list[tuple[Path, str, Callable[[str], str]]] = []
        checks += [((*path, "groups", n), one, take_group) for n, one in enumerate(groups)]
        checks += [((*path, "numbers", n), one, take_number) for n, one in enumerate(numbers)]
        checks += [((*path, "role"), role, take_group)] if role else []
        attributes = of_user.get("attributes", {})
        self._check_attributes(attributes, (*path, "attributes"))
        for here, one, check in checks:
            try:
                check(one)
            except Wrong as wrong:
                self._report(here, wrong)
        place = self._tree.keys[path]
        cells = tuple(attributes.get(name, "") for name in self._columns) if attributes else ()
        columns = self._columns if attributes else ()
        return Entry(
            user, tuple(groups), role, tuple(numbers), self._tree.file, place, columns, cells
        )

    def _aor(self, written: str) -> Aor:
        user, at, domain = written.rpartition("@")
        return self._names.aor(user if at else written, domain if at else None)

    def _report(self, path: Path, wrong: Wrong, *, at_key: bool = False) -> None:
        self.findings.append(self._tree.finding(path, "policy_value", str(wrong), at_key=at_key))


class _Csv:
    """Reads one CSV file. Quotes are refused: no value needs them, and columns stay exact."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names = Names(source.tenant, source.tenant)
        self._entries: list[Entry] = []
        self._findings: list[Finding] = []
        self._lines: dict[Aor, int] = {}
        self._places: dict[str, int] = {}
        """Column → its place, from 0."""
        self._width = 0
        self._columns: Columns = ()
        """Those that are attributes."""

    def read(self) -> tuple[list[Entry], list[Finding]]:
        # A surrogate cannot be encoded; the check of names refuses it.
        size = len(self._source.text.encode(errors="replace"))
        if size > MAX_CSV_BYTES:
            self._report(
                1,
                1,
                "policy_limit",
                phrase(
                    "file has {size} bytes; at most {max_csv_bytes}",
                    size=size,
                    max_csv_bytes=MAX_CSV_BYTES,
                ),
            )
            return [], self._findings
        lines = self._source.text.removeprefix("\ufeff").split("\n")
        if not any(map(str.strip, lines)):
            self._report(
                1,
                1,
                "policy_csv",
                phrase("file is empty; first line must be `{csv_header}`", csv_header=CSV_HEADER),
            )
            return [], self._findings
        self._read_header([name.strip() for name in lines[0].rstrip("\r").split(",")])
        if not any(finding.severity == "error" for finding in self._findings):
            for number, line in enumerate(lines[1:], 2):
                if line.strip():
                    self._read_line(number, line.rstrip("\r").split(","))
                if len(self._findings) >= MAX_FINDINGS or len(self._entries) > MAX_USERS:
                    break
        if len(self._entries) > MAX_USERS:
            self._report(
                1,
                1,
                "policy_limit",
                phrase("file has more than {max_users} users", max_users=MAX_USERS),
            )
        return self._entries, self._findings

    def _read_header(self, names: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._width = len(names)
        # The file of a tenant has one domain, which nobody has to write.
        required = COLUMNS[:2] if self._source.tenant is None else COLUMNS[:1]
        for name in required:
            if name not in self._places:
                return self._report(1, 1, "policy_csv", _without(name, names))
        for place, name in enumerate(names):
            if names.index(name) != place:
                self._report(
                    1,
                    _column(names, place),
                    "policy_csv",
                    phrase("two columns {name}", name=quoted(name)),
                )
                return None
        self._columns = tuple(name for name in names if name not in COLUMNS)
        if len(self._columns) > MAX_ATTRIBUTES:
            message = phrase(
                "file has {count} attributes; at most {max_attributes}",
                count=len(self._columns),
                max_attributes=MAX_ATTRIBUTES,
            )
            return self._report(1, 1, "policy_limit", message)
        for name in self._columns:
            column = _column(names, self._places[name])
            try:
                take_attribute(name)
            except Wrong as wrong:
                return self._report(1, column, "policy_csv", str(wrong))
            if hint := did_you_mean(name, COLUMNS, _ALIKE):
                message = phrase(
                    "column {name} is read as an attribute{hint}", name=quoted(name), hint=hint
                )
                self._report(1, column, "policy_unknown_column", message)
        return None

    def _read_line(self, line: int, fields: list[str]) -> None:
        if len(fields) != self._width:
            message = phrase(
                "line has {count} fields, not {width}", count=len(fields), width=self._width
            )
            self._report(line, 1, "policy_csv", message)
            return
        for position, field in enumerate(fields):
            if '"' in field:
                message = phrase("{field} has a quote; no field needs quotes", field=quoted(field))
                self._report(line, _column(fields, position), "policy_csv", message)
                return
        at = "user"
        try:
            user = self._names.aor(self._field(fields, at), self._field(fields, "domain") or None)
            at = "groups"
            groups = tuple(map(take_group, _split(self._field(fields, at), at)))
            at = "role"
            written = self._field(fields, at)
            role = take_group(written) if written else None
            at = "numbers"
            numbers = tuple(map(take_number, _split(self._field(fields, at), at)))
            cells = []
            for at in self._columns:
                cells.append(take_cell(self._field(fields, at)))
        except Wrong as wrong:
            self._report(line, _column(fields, self._places[at]), "policy_value", str(wrong))
            return
        first = self._lines.setdefault(user, line)
        if first != line:
            message = phrase(
                "user `{uri}` appears twice, first on line {first}", uri=user.uri, first=first
            )
            self._report(line, 1, "policy_duplicate_key", message)
        file, place = self._source.file, Place(line, 1)
        columns = self._columns
        self._entries.append(Entry(user, groups, role, numbers, file, place, columns, tuple(cells)))

    def _field(self, fields: list[str], name: str) -> str:
        place = self._places.get(name)
        return "" if place is None else fields[place].strip()

    def _report(self, line: int, column: int, code: str, message: str) -> None:
        severity = CODES[code].severity
        self._findings.append(Finding(self._source.file, line, column, code, message, severity))


def _split(field: str, name: str) -> list[str]:
    parts = [part for part in _SEPARATORS.split(field) if part]
    if len(parts) > MAX_PER_USER:
        raise Wrong(
            phrase(
                "user has {count} {name}; at most {max_per_user}",
                count=len(parts),
                name=name,
                max_per_user=MAX_PER_USER,
            )
        )
    return parts


def _without(column: str, names: list[str]) -> str:
    """What to say of a header without a column that every directory has."""
    if not names[1:] and ";" in names[0]:
        return phrase("columns are separated by `;`; separate them by `,`")
    if column != "user":
        return phrase(
            "first line has no column `{column}`; write it like `{csv_header}`",
            column=column,
            csv_header=CSV_HEADER,
        )
    # Without users, it may have been meant as a list.
    hint = did_you_mean(names[0], (LIST_COLUMN,), _ALIKE)
    wanted = phrase(
        "a list begins with the column `{list_column}`, a directory with `{csv_header}`",
        list_column=LIST_COLUMN,
        csv_header=CSV_HEADER,
    )
    return phrase(
        "first column is {names}{hint}; {wanted}", names=quoted(names[0]), hint=hint, wanted=wanted
    )


def _column(fields: list[str], position: int) -> int:
    """The column in which a field starts, 1-based."""
    return 1 + sum(len(field) + 1 for field in fields[:position])
