"""Building blocks shared by the schemas of all kinds of files.

Reference: JSON Schema draft 2020-12.
"""

from typing import Any

from dfks_rules.model.values import MAX_TEXT, Choice, Integer, Text
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.families import FAMILIES
from dfks_rules.policy.language.days import DATE
from dfks_rules.policy.language.expiry import WANTED as EXPIRE_WANTED
from dfks_rules.policy.language.schedules import TIME
from dfks_rules.policy.language.schedules import WANTED as SCHEDULE_WANTED

Schema = dict[str, Any]

API_VERSION = "dfks/v1"
MAX_RULES = 500
"""Most rules in one file."""
MAX_ALSO = 20
"""Most sets that one rule can cause."""
MAX_SCHEDULES = 100
"""Most schedules in one file."""
MAX_NUMBER = 999_999_999_999_999
"""Highest number of a range: what E.164 has digits for."""
MAX_LIST = 500
"""Most constants in one list; more belong in a directory, not in a policy."""

# In Python, `$` also matches before a final line feed; in an editor it does not: `(?!\n)`.
IDENTIFIER = r"^[a-z][a-z0-9-]{0,62}(?!\n)$"
"""Names of policies and rules, and reasons."""
GROUP = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(?!\n)$"
"""Names of groups."""
RULE = r"^[a-z][a-z0-9-]{0,62}/[a-z][a-z0-9-]{0,62}(?!\n)$"
"""Full names of rules."""
COLUMN = r"^[a-zA-Z][a-zA-Z0-9-]{0,30}(?!\n)$"
"""Names of columns in tables of cases."""
_TIME = rf"^{TIME}(?!\n)$"
DATE_PATTERN = rf"^{DATE}(?!\n)$"
_MOMENT = rf"^{DATE}T{TIME}[+-]{TIME}(?!\n)$"
_COUNTRY = r"^[A-Z]{2}(?!\n)$"
_DOMAIN = r"^[^A-Z@]+$"
_AOR = r"^sip:([^@]+@)?[^A-Z@]+$"
_IP = r"^[0-9a-f.:]+$"

WANTED: dict[str, str] = {
    COLUMN: phrase("a name of at most 31 letters, digits and `-`, a letter first"),
    IDENTIFIER: phrase("a name of at most 63 lower-case letters, digits and `-`, a letter first"),
    GROUP: phrase("the name of a group: at most 63 letters, digits, `.`, `_` and `-`"),
    RULE: phrase("the full name of a rule, like `office/no-calls-abroad`"),
    _TIME: phrase("a time of day like `08:30`"),
    DATE_PATTERN: phrase("a date like `2026-12-25`"),
    _MOMENT: phrase("a moment like `2026-12-25T08:30+01:00` (in UTC: `+00:00`)"),
    **SCHEDULE_WANTED,
    **EXPIRE_WANTED,
    _COUNTRY: phrase("a country of ISO 3166, like `DE`"),
    _DOMAIN: phrase("a domain in lower case"),
    _AOR: phrase("like `sip:alice@example.com`, the domain in lower case"),
    **{
        family.pattern: phrase("a fact like `{written}`", written=family.written)
        for family in FAMILIES
    },
    _IP: phrase("an address like `10.0.0.7`, or `2001:db8::7` in lower case"),
}
"""Pattern → what it expects, in words for a finding."""

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
"""Non-empty text."""

_CONSTANTS: dict[Kind, Schema] = {
    Kind.TEXT: {"type": "string", "maxLength": MAX_TEXT},
    Kind.DOMAIN: {**TEXT, "pattern": _DOMAIN},
    Kind.AOR: {**TEXT, "pattern": _AOR},
    Kind.STATUS: {"type": "integer", "enum": [0, 1]},
    Kind.COUNT: {"type": "integer", "minimum": 0, "maximum": 1_000_000},
    Kind.IP: {**TEXT, "pattern": _IP},
    Kind.TIME: {**TEXT, "pattern": _TIME},
    Kind.DATE: {**TEXT, "pattern": DATE_PATTERN},
    Kind.FLAG: {"type": "boolean"},
    Kind.NAMES: TEXT,
    Kind.NUMBERS: {"type": "string", "maxLength": MAX_TEXT},
    Kind.CLASS: {**TEXT, "pattern": IDENTIFIER},
    Kind.COUNTRY: {**TEXT, "pattern": _COUNTRY},
    Kind.MOMENT: {**TEXT, "pattern": _MOMENT},
}


def constant_schema(fact: Fact) -> Schema:
    """The schema of a constant to compare with this fact."""
    if fact.kind is Kind.WORD:
        return {"type": "string", "enum": list(fact.words)}
    return _CONSTANTS[fact.kind]


def value_schema(kind: Text | Integer | Choice) -> Schema:
    """The schema of a feature's value."""
    match kind:
        case Text():
            return TEXT
        case Integer(least, most):
            return {"type": "integer", "minimum": least, "maximum": most}
        case Choice(words):
            return {"enum": list(words)}


def list_schema(schema: Schema) -> Schema:
    """The schema of a non-empty list of these."""
    return {"type": "array", "minItems": 1, "maxItems": MAX_LIST, "items": schema}


def object_schema(description: str, required: list[str], properties: Schema) -> Schema:
    """The schema of a mapping with these keys and no others."""
    schema: Schema = {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }
    return {**schema, "required": required} if required else schema


def metadata_schema(description: str) -> Schema:
    """The schema of `metadata` in a file that is not a policy."""
    name: Schema = {"type": "string", "pattern": IDENTIFIER, "description": "Names the file."}
    properties = {"name": name, "description": {**TEXT, "description": "For people."}}
    return object_schema(description, ["name"], properties)
