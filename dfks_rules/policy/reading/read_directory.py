"""`kind: Directory` files and CSV files → entries of the directory."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    TEXT,
    Schema,
    metadata_schema,
    object_schema,
)
from dfks_rules.policy.reading.source import MAX_CSV_BYTES, Source, is_csv, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.site.directory import MAX_USERS, Entry
from dfks_rules.policy.site.number_plan import MAX_EXTENSION
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.yaml.tree import Path, Place, Tree

MAX_FINDINGS = 100
"""Most findings in one CSV file: a wrong column is wrong on every line."""
MAX_PER_USER = 64
"""Most groups, and most numbers, in one entry."""
CSV_HEADER = "user,domain,groups,role,numbers"
"""The first line of a CSV file."""

_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_NUMBER = re.compile(rf"\+[1-9][0-9]{{4,14}}|[0-9]{{1,{MAX_EXTENSION}}}", re.ASCII)
_USER = re.compile(r"[^@:;<>\"\s,]+")
_DOMAIN = re.compile(r"[^@/;<>\"\s,]+")
_SEPARATORS = re.compile(r"[ ;]+")
_COLUMNS = CSV_HEADER.split(",")


def read_directory(source: Source) -> tuple[list[Entry], list[Finding]]:
    """The users in one file, which is CSV if its name ends in `.csv`.

    Returns:
        The entries, and findings; if there are any, the entries must not be used.
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


class _Wrong(Exception):  # noqa: N818 - it carries a message and never leaves this module
    """A value is invalid."""


class _Names(NamedTuple):
    """How the names in one file are resolved."""

    domain: str | None
    """Domain of users written without one."""
    tenant: str | None
    """The only domain users may have; None: any."""

    def aor(self, user: str, domain: str | None) -> Aor:
        """The address of record of a user.

        Raises:
            _Wrong: the user cannot exist, or belongs to another tenant.
        """
        domain = domain or self.domain
        if len(user) > MAX_TEXT or not _USER.fullmatch(user):
            raise _Wrong(f"{quoted(user)} is not a user, like `alice` or `alice@acme.example`")
        if not domain:
            raise _Wrong(f"user {quoted(user)} has no domain")
        domain = _domain(domain)
        if self.tenant not in (None, domain):
            raise _Wrong(f"domain {quoted(domain)} is not this tenant's domain, `{self.tenant}`")
        return Aor(user, domain)


# A hundred thousand users share a few domains and groups, and so can share their memory.
@lru_cache(4096)
def _domain(name: str) -> str:
    if len(name) > MAX_TEXT or not _DOMAIN.fullmatch(name):
        raise _Wrong(f"{quoted(name)} is not a domain")
    return name.lower()


@lru_cache(4096)
def _group(name: str) -> str:
    if not _GROUP.fullmatch(name):
        raise _Wrong(
            f"{quoted(name)} is not a name of at most 63 letters, digits, `.`, `_` and `-`"
        )
    return name


def _number(number: str) -> str:
    if not _NUMBER.fullmatch(number):
        wanted = f"an E.164 number like `+4930123456`, or an extension of 1 to {MAX_EXTENSION}"
        raise _Wrong(f"{quoted(number)} is not {wanted} digits")
    return number


class _Yaml:
    """Reads one tree that conforms to the schema, and collects `findings`."""

    def __init__(self, tree: Tree, tenant: str | None) -> None:
        self._tree = tree
        self._names = _Names(tree.value.get("domain", tenant), tenant)
        self.findings: list[Finding] = []

    def entries(self) -> Iterator[Entry]:
        value = self._tree.value
        first: dict[Aor, str] = {}
        for written, of_user in value.get("users", {}).items():
            path: Path = ("users", written)
            try:
                user = self._aor(written)
            except _Wrong as wrong:
                self._report(path, wrong, at_key=True)
                continue
            if first.setdefault(user, written) != written:
                message = f"user `{user.uri}` appears twice, also as {quoted(first[user])}"
                self._report(path, _Wrong(message), at_key=True)
            yield self._entry(user, of_user, path)
        for group, members in value.get("groups", {}).items():
            path = ("groups", group)
            try:
                groups = (_group(group),)
            except _Wrong as wrong:
                self._report(path, wrong, at_key=True)
                continue
            yield from self._members(groups, members, path)

    def _members(self, groups: tuple[str, ...], members: list[str], path: Path) -> Iterator[Entry]:
        for position, written in enumerate(members):
            here = (*path, position)
            try:
                user = self._aor(written)
            except _Wrong as wrong:
                self._report(here, wrong)
            else:
                yield Entry(user, groups, file=self._tree.file, place=self._tree.places[here])

    def _entry(self, user: Aor, of_user: Mapping[str, Any], path: Path) -> Entry:
        groups, numbers = of_user.get("groups", []), of_user.get("numbers", [])
        role = of_user.get("role")
        checks: list[tuple[Path, str, Callable[[str], str]]] = []
        checks += [((*path, "groups", n), one, _group) for n, one in enumerate(groups)]
        checks += [((*path, "numbers", n), one, _number) for n, one in enumerate(numbers)]
        checks += [((*path, "role"), role, _group)] if role else []
        for here, one, check in checks:
            try:
                check(one)
            except _Wrong as wrong:
                self._report(here, wrong)
        place = self._tree.keys[path]
        return Entry(user, tuple(groups), role, tuple(numbers), self._tree.file, place)

    def _aor(self, written: str) -> Aor:
        user, at, domain = written.rpartition("@")
        return self._names.aor(user if at else written, domain if at else None)

    def _report(self, path: Path, wrong: _Wrong, *, at_key: bool = False) -> None:
        self.findings.append(self._tree.finding(path, "policy_value", str(wrong), at_key=at_key))


class _Csv:
    """Reads one CSV file. Quotes are refused: no value needs them, and columns stay exact."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names = _Names(source.tenant, source.tenant)
        self._entries: list[Entry] = []
        self._findings: list[Finding] = []
        self._lines: dict[Aor, int] = {}

    def read(self) -> tuple[list[Entry], list[Finding]]:
        # A surrogate cannot be encoded; the check of names refuses it.
        size = len(self._source.text.encode(errors="replace"))
        if size > MAX_CSV_BYTES:
            self._report(1, 1, "policy_limit", f"file has {size} bytes; at most {MAX_CSV_BYTES}")
            return [], self._findings
        lines = self._source.text.removeprefix("\ufeff").split("\n")
        if not any(map(str.strip, lines)):
            self._report(1, 1, "policy_csv", f"file is empty; first line must be `{CSV_HEADER}`")
            return [], self._findings
        self._check_header(lines[0].rstrip("\r").split(","))
        if not self._findings:
            for number, line in enumerate(lines[1:], 2):
                if line.strip():
                    self._read_line(number, line.rstrip("\r").split(","))
                if len(self._findings) >= MAX_FINDINGS or len(self._entries) > MAX_USERS:
                    break
        if len(self._entries) > MAX_USERS:
            self._report(1, 1, "policy_limit", f"file has more than {MAX_USERS} users")
        return self._entries, self._findings

    def _check_header(self, names: list[str]) -> None:
        for position, (name, wanted) in enumerate(zip(names, _COLUMNS, strict=False)):
            if name != wanted:
                message = f"column {quoted(name)} must be `{wanted}`{did_you_mean(name, _COLUMNS)}"
                return self._report(1, _column(names, position), "policy_csv", message)
        if len(names) != len(_COLUMNS):
            self._report(1, 1, "policy_csv", f"first line must be `{CSV_HEADER}`")
        return None

    def _read_line(self, line: int, fields: list[str]) -> None:
        if len(fields) != len(_COLUMNS):
            message = f"line has {len(fields)} fields, not {len(_COLUMNS)}"
            self._report(line, 1, "policy_csv", message)
            return
        for position, field in enumerate(fields):
            if '"' in field:
                message = f"{quoted(field)} has a quote; no field needs quotes"
                self._report(line, _column(fields, position), "policy_csv", message)
                return
        place = 0
        try:
            user = self._names.aor(fields[0].strip(), fields[1].strip() or None)
            place = 2
            groups = tuple(map(_group, _split(fields[2], "groups")))
            place = 3
            role = _group(fields[3].strip()) if fields[3].strip() else None
            place = 4
            numbers = tuple(map(_number, _split(fields[4], "numbers")))
        except _Wrong as wrong:
            self._report(line, _column(fields, place), "policy_value", str(wrong))
            return
        first = self._lines.setdefault(user, line)
        if first != line:
            message = f"user `{user.uri}` appears twice, first on line {first}"
            self._report(line, 1, "policy_duplicate_key", message)
        self._entries.append(Entry(user, groups, role, numbers, self._source.file, Place(line, 1)))

    def _report(self, line: int, column: int, code: str, message: str) -> None:
        self._findings.append(Finding(self._source.file, line, column, code, message))


def _split(field: str, name: str) -> list[str]:
    parts = [part for part in _SEPARATORS.split(field) if part]
    if len(parts) > MAX_PER_USER:
        raise _Wrong(f"user has {len(parts)} {name}; at most {MAX_PER_USER}")
    return parts


def _column(fields: list[str], position: int) -> int:
    """The column in which a field starts, 1-based."""
    return 1 + sum(len(field) + 1 for field in fields[:position])


@cache
def _validator() -> Draft202012Validator:
    return validator(directory_schema())


def directory_schema() -> Schema:
    """The schema of a file of kind Directory."""
    several: Schema = {"type": "array", "maxItems": MAX_PER_USER, "items": TEXT}
    user = object_schema(
        "Groups, role and numbers of this user.",
        [],
        {
            "groups": {**several, "description": "Groups that the user is in."},
            "role": {**TEXT, "description": "The user's role, e.g. `owner`."},
            "numbers": {**several, "description": "E.164 numbers and extensions of the user."},
        },
    )
    members: Schema = {
        "type": "array",
        "maxItems": MAX_USERS,
        "items": TEXT,
        "description": "Its members.",
    }
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "Directory", "description": "This file lists users."},
        "metadata": metadata_schema("What the directory is called."),
        "domain": {**TEXT, "description": "The domain of users written without one."},
        "users": {
            "type": "object",
            "description": "`user` or `user@domain` → groups, role and numbers.",
            "additionalProperties": user,
        },
        "groups": {
            "type": "object",
            "description": "Group → its members, instead of `groups` of each user.",
            "additionalProperties": members,
        },
    }
    required = ["apiVersion", "kind", "metadata"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks directory",
        **object_schema("Users that dfks-rules policies can refer to.", required, properties),
    }
