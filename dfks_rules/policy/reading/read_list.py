"""`kind: List` files, and CSV files whose first column is `entry` → lists with a name."""

import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import PurePath

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.lists import MAX_ENTRIES, NamedList
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    IDENTIFIER,
    TEXT,
    Schema,
    metadata_schema,
    object_schema,
)
from dfks_rules.policy.reading.source import MAX_CSV_BYTES, Source, is_csv, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.tree import Place

MAX_FINDINGS = 100
"""Most findings in one CSV file: what is wrong is mostly wrong on every line."""

_NAME = re.compile(IDENTIFIER)


def read_list(source: Source) -> tuple[NamedList | None, list[Finding]]:
    """The list in one file; None if there are findings.

    One in CSV is called as its file, without `.csv`; further columns are comments.
    """
    if is_csv(source.file):
        return _read_csv(source)
    tree, findings = parse(source)
    if tree is not None:
        findings = [finding for _, finding in validate(tree, _validator())]
    if tree is None or findings:
        return None, findings
    return NamedList(tree.value["metadata"]["name"], frozenset(tree.value["entries"])), []


def places_of(source: Source, wanted: Collection[str]) -> dict[str, Place]:
    """Entry → where it stands first in the file of its list, in the order of the file.

    Args:
        source: a file that `read_list` read without findings.
        wanted: entries of the list.
    """
    places: dict[str, Place] = {}
    for entry, place in _placed(source):
        if entry in wanted:
            places.setdefault(entry, place)
    return places


def _placed(source: Source) -> Iterator[tuple[str, Place]]:
    if is_csv(source.file):
        for number, line in enumerate(_lines(source)[1:], 2):
            entry = line.partition(",")[0]
            yield entry.strip(), Place(number, 1 + len(entry) - len(entry.lstrip()))
        return
    tree, _ = parse(source)
    if tree is not None:
        for position, entry in enumerate(tree.value["entries"]):
            yield entry, tree.places["entries", position]


def _lines(source: Source) -> list[str]:
    return source.text.removeprefix("\ufeff").split("\n")


def _read_csv(source: Source) -> tuple[NamedList | None, list[Finding]]:
    name = PurePath(source.file).stem
    findings = [*_wrong_file(source, name)]
    entries: set[str] = set()
    lines = _lines(source) if not findings else []
    for number, line in enumerate(lines[1:], 2):
        entry = line.partition(",")[0].strip()
        if problem := _problem(entry) if line.strip() else None:
            findings.append(Finding(source.file, number, 1, "policy_value", problem))
        elif line.strip():
            entries.add(entry)
        if len(findings) >= MAX_FINDINGS:
            break
    if not findings and not 0 < len(entries) <= MAX_ENTRIES:
        message = phrase(
            "list has {count} entries; it takes 1 to {max_entries}",
            count=len(entries),
            max_entries=MAX_ENTRIES,
        )
        findings.append(Finding(source.file, 1, 1, "policy_limit", message))
    return (None, findings) if findings else (NamedList(name, frozenset(entries)), [])


def _wrong_file(source: Source, name: str) -> Iterator[Finding]:
    if not _NAME.match(name):
        wanted = phrase("a name of at most 63 lower-case letters, digits and `-`, a letter first")
        message = phrase(
            "the list is called as its file, and {name} is not {wanted}",
            name=quoted(name),
            wanted=wanted,
        )
        yield Finding(source.file, 1, 1, "policy_value", message)
    # A surrogate cannot be encoded; it is refused with its line.
    size = len(source.text.encode(errors="replace"))
    if size > MAX_CSV_BYTES:
        message = phrase(
            "file has {size} bytes; at most {max_csv_bytes}", size=size, max_csv_bytes=MAX_CSV_BYTES
        )
        yield Finding(source.file, 1, 1, "policy_limit", message)


def _problem(entry: str) -> str | None:
    """Why a text cannot be an entry."""
    if '"' in entry:
        return phrase("{entry} has a quote; no entry needs quotes", entry=quoted(entry))
    if not 0 < len(entry) <= MAX_TEXT:
        return phrase(
            "entry has {count} characters; it takes 1 to {max_text}",
            count=len(entry),
            max_text=MAX_TEXT,
        )
    return None if entry.isprintable() else phrase("{entry} is not printable", entry=quoted(entry))


@cache
def _validator() -> Draft202012Validator:
    return validator(list_file_schema())


def list_file_schema() -> Schema:
    """The schema of a file of kind List."""
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "List", "description": "This file holds a list of constants."},
        "metadata": metadata_schema("What the list is called."),
        "entries": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_ENTRIES,
            "items": TEXT,
            "description": "Numbers, users, domains or other texts, for `{in: {list: NAME}}`.",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks list",
        **object_schema(
            "A list that dfks-rules policies test facts against.",
            ["apiVersion", "kind", "metadata", "entries"],
            properties,
        ),
    }
