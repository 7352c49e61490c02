"""Files that are generated from the tables of the policy language.

`python -m tests.helpers.published` writes them; a test compares them.
"""

import json
from pathlib import Path

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.families import FAMILIES
from dfks_rules.policy.language.matchers import MATCHERS
from dfks_rules.policy.reading.directory_schema import directory_schema
from dfks_rules.policy.reading.editor_schema import editor_schema
from dfks_rules.policy.reading.exception_schema import exception_schema
from dfks_rules.policy.reading.read_list import list_file_schema
from dfks_rules.policy.reading.read_number_plan import number_plan_schema
from dfks_rules.policy.reading.read_vars import vars_schema
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.schema_pieces import Schema
from dfks_rules.policy.studying.case_schema import case_editor_schema
from dfks_rules.policy.studying.proof_schema import proof_editor_schema

ROOT = Path(__file__).parents[2]

_HEAD = """# Facts

Everything that a policy can know about a request. This page is generated from the table in
`dfks_rules/policy/facts/facts.py` by `python -m tests.helpers.published`; do not edit it.
[policy-language.md](policy-language.md) describes how conditions use facts.

An absent fact (an operator has no `watcher`, a `get` has no `request.status`) passes no matcher;
see [Absent facts](policy-language.md#absent-facts). `NAME` stands for a name that authors choose.
"""


def published() -> dict[str, str]:
    """Path from the top of the repository → content."""
    return {
        "schemas/policy.schema.json": _pretty(editor_schema(policy_schema())),
        "schemas/exception.schema.json": _pretty(editor_schema(exception_schema())),
        "schemas/policy-test.schema.json": _pretty(case_editor_schema()),
        "schemas/policy-proof.schema.json": _pretty(proof_editor_schema()),
        "schemas/directory.schema.json": _pretty(directory_schema()),
        "schemas/number-plan.schema.json": _pretty(number_plan_schema()),
        "schemas/list.schema.json": _pretty(list_file_schema()),
        "schemas/vars.schema.json": _pretty(vars_schema()),
        "docs/reference/facts.md": _facts_page(),
    }


def _pretty(schema: Schema) -> str:
    return json.dumps(schema, indent=2) + "\n"


def _facts_page() -> str:
    rows = ["| fact | type | operations | meaning |", "|---|---|---|---|"]
    rows += [_row(fact) for fact in FACTS.values()]
    rows += [_row(family.example) for family in FAMILIES]
    types = ["| type | constants | matchers |", "|---|---|---|"]
    types += [_type_row(kind) for kind in Kind]
    parts = [_HEAD, "\n".join(rows), "\n## Types\n", "\n".join(types)]
    return "\n".join(parts) + "\n"


def _row(fact: Fact) -> str:
    operations = ", ".join(one.value for one in Operation if one in fact.operations)
    words = ", ".join(f"`{word}`" for word in fact.words)
    description = f"{fact.description} {words}" if words else fact.description
    every = "all" if fact.operations == frozenset(Operation) else operations
    return f"| `{fact.name}` | {fact.kind.value} | {every} | {description} |"


_CONSTANTS = {
    Kind.WORD: "one of the values listed with the fact",
    Kind.TEXT: "text of at most 512 characters; case-sensitive",
    Kind.DOMAIN: "host name or address, in lower case",
    Kind.AOR: "`sip:user@domain`, the domain in lower case",
    Kind.STATUS: "`0` (off) or `1` (on)",
    Kind.COUNT: "whole number, 0 to 1,000,000",
    Kind.IP: "IPv4 or IPv6 address; IPv6 in its short form, in lower case",
    Kind.TIME: "`HH:MM`, 00:00 to 23:59",
    Kind.DATE: "`YYYY-MM-DD`",
    Kind.FLAG: "`true` or `false`",
    Kind.NAMES: "a name",
    Kind.NUMBERS: "text; a test passes if one of the numbers passes it",
    Kind.CLASS: "a class of [number-analysis.md](number-analysis.md), or of your number plan",
    Kind.COUNTRY: "ISO 3166-1 alpha-2, in upper case",
    Kind.MOMENT: "like `2026-12-25T08:30+01:00`",
}


def _type_row(kind: Kind) -> str:
    takes = ", ".join(f"`{one.name}`" for one in MATCHERS.values() if kind in one.kinds)
    return f"| {kind.value} | {_CONSTANTS[kind]} | {takes} |"


if __name__ == "__main__":
    for path, text in published().items():
        (ROOT / path).write_text(text)
