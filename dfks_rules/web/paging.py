"""Keyset paging: a cursor names the last row, so that a page costs the same wherever it is."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson

from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.table import Parameter, Where

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
_MAX_CURSOR = 4_096
"""Characters."""


def cursor(*key: str | int) -> str:
    """An opaque text that `key_of` reads."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def key_of(text: str, *kinds: type) -> Sequence[Any]:
    """What a cursor was made of.

    Raises:
        ValueError: it is not one that was made of values of these kinds.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        key = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise ValueError(phrase("not a cursor")) from error
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise ValueError(phrase("not a cursor of this list"))
    return key


def page(rows: list[Any], after: str | None) -> dict[str, Any]:
    """A page as JSON; `after` is the cursor of its last row where there are more."""
    return {"items": rows} if after is None else {"items": rows, "next": after}


def page_schema(of: str) -> dict[str, Any]:
    """The schema of a page of rows, which are the component `of`."""
    return {
        "type": "object",
        "required": ["items"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{of}"}},
            "next": {"type": "string", "description": "`after` of the next page, if there is one."},
        },
    }


def _take_limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MAX_LIMIT):
        message = phrase("`{text}` is not 1 to {max_limit}", text=text[:40], max_limit=MAX_LIMIT)
        raise ValueError(message)
    return int(text)


LIMIT = Parameter(
    "limit",
    Where.QUERY,
    "Maximum number of rows on a page.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    _take_limit,
)


def after_parameter(*kinds: type) -> Parameter:
    """The parameter `after` of a list whose rows have keys of these kinds."""

    def take(text: str) -> Sequence[Any]:
        return key_of(text, *kinds)

    schema = {"type": "string", "maxLength": _MAX_CURSOR, "pattern": "^[0-9A-Za-z_-]+$"}
    return Parameter(
        "after", Where.QUERY, "`next` of the page before.", schema, take, kind="bad-cursor"
    )
