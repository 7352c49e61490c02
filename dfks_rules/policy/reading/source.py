"""A policy file as read, and what kind of file it is."""

import re
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.yaml.tree import MAX_BYTES, Tree, read_tree

MAX_CSV_BYTES = 16 * 1024 * 1024
"""Largest CSV file; 100,000 users take about 6 MiB."""


class Source(NamedTuple):
    """One policy file as read."""

    file: str
    """Path as given, which findings show."""
    text: str
    """Its content, decoded from UTF-8."""
    tenant: str | None = None
    """The only domain it can affect; None: every domain."""


POLICY, DIRECTORY, NUMBER_PLAN = "Policy", "Directory", "NumberPlan"
EXCEPTION = "Exception"
LIST, VARS, CALENDAR = "List", "Vars", "iCalendar"
# Lines may end in CRLF.
_KIND = re.compile(
    rf"^kind:[ \t]*[\"']?({DIRECTORY}|{NUMBER_PLAN}|{LIST}|{VARS}|{EXCEPTION})[\"']?"
    r"[ \t\r]*(?:#.*)?$",
    re.MULTILINE,
)
LIST_COLUMN = "entry"
"""The first column of a CSV file that is a list."""
_LIST_HEADER = re.compile(rf"\ufeff?{LIST_COLUMN}[ \t]*(,|\r?$)", re.MULTILINE)
"""How a CSV file begins that is a list."""


def is_csv(file: str) -> bool:
    """Whether the name of a file makes it CSV."""
    return file.lower().endswith(".csv")


def largest(file: str) -> int:
    """The size limit, in bytes, of a file with this name."""
    return MAX_CSV_BYTES if is_csv(file) else MAX_BYTES


def kind_of(source: Source) -> str:
    """The kind of a file: `POLICY` unless the file says otherwise.

    CSV is a list if its first column is `entry`, else a directory.
    """
    if is_csv(source.file):
        return LIST if _LIST_HEADER.match(source.text) else DIRECTORY
    if source.file.lower().endswith(".ics"):
        return CALENDAR
    kind = _KIND.search(source.text)
    return kind[1] if kind else POLICY


def parse(source: Source) -> tuple[Tree | None, list[Finding]]:
    """The values in one YAML file, or None and the findings about it; see `read_tree`.

    Returns:
        The tree, and findings with codes `policy_yaml`, `policy_limit`, `policy_null` and
        `policy_duplicate_key`.
    """
    return read_tree(source.file, source.text, "policy")


def misnamed(tree: Tree) -> list[Finding]:
    """A finding if a file that stands beside policies has the name of a policy."""
    kind = tree.value.get("kind") if isinstance(tree.value, dict) else None
    content = {"PolicyTest": "cases", "PolicyProof": "proofs"}.get(str(kind))
    if content is None:
        return []
    message = phrase(
        "a file of {content} needs a name that ends in `{content}.yaml`", content=content
    )
    return [tree.finding(("kind",), "policy_value", message)]
