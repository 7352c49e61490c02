"""JSON values of parameters → values of the domain, and long lists → pages.

A `take_` function raises TypeError for a JSON value of the wrong type, and ValueError with the
reason for an invalid value of the right type. Numbers may be text, as opensips-cli sends them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.features import FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import MAX_TEXT, Choice, Integer, Text
from dfks_rules.sip.uri import parse_aor

PAGE_BYTES = 30_000
"""Most bytes of rows in one reply, so that all of it fits into what opensips-cli reads of a
datagram (32,768)."""

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def take_text(value: Any) -> str:
    """Printable text of at most `MAX_TEXT` characters."""
    if not isinstance(value, str):
        raise TypeError
    if len(value) > MAX_TEXT:
        message = f"longer than {MAX_TEXT} characters"
        raise ValueError(message)
    if not value.isprintable():
        message = "contains an unprintable character"
        raise ValueError(message)
    return value


def take_integer(value: Any) -> int:
    """A whole number, possibly written as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    if isinstance(value, int):
        return value
    if not _INTEGER.fullmatch(value):
        message = f"`{value[:40]}` is not a whole number"
        raise ValueError(message)
    return int(value)


def take_status(value: Any) -> bool:
    """0 or 1."""
    number = take_integer(value)
    if number not in (0, 1):
        message = f"`{str(number)[:40]}` is neither 0 nor 1"
        raise ValueError(message)
    return number == 1


def take_texts(value: Any) -> tuple[str, ...]:
    """An array of texts."""
    if not isinstance(value, list):
        raise TypeError
    return tuple(take_text(item) for item in value)


def take_aor(value: Any) -> Aor:
    """An address of record: `sip:alice@host`, with port or parameters, `sips:`, or `alice@host`."""
    try:
        return parse_aor(take_text(value))
    except MalformedMessageError as error:
        raise ValueError(error.message) from error


def take_value(kind: Text | Integer | Choice, text: str) -> str | int:
    """A value of a feature; `text` is not empty."""
    match kind:
        case Text():
            return text
        case Integer(least, most):
            digits = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
            if digits and least <= int(text) <= most:
                return int(text)
            wanted = f"{least} to {most}"
        case Choice(words):
            if text in words:
                return text
            wanted = f"one of {', '.join(words)}"
    message = f"`{text}`, not {wanted}"
    raise ValueError(message)


def shown(state: FeatureState) -> dict[str, Any]:
    """A state as JSON: `status`, and the values that are known."""
    return {"status": int(state.status), **state.by_name}


def page(rows: Iterable[Any]) -> tuple[list[Any], int]:
    """The first rows that fit into one reply, and the number left over.

    The first row is always included: the transport decides whether a reply is too large.

    Args:
        rows: JSON values.
    """
    rest = iter(rows)
    first = fitting(rest)
    return first.rows, first.over + sum(1 for _ in rest)


class Fitting(NamedTuple):
    """The first of some rows."""

    rows: list[Any]
    """Those that fit into one reply."""
    over: int
    """How many more were looked at: 0 or 1."""


def fitting(rows: Iterable[Any]) -> Fitting:
    """As `page`, without a look at those that are left over.

    Args:
        rows: JSON values.
    """
    first: list[Any] = []
    size = 0
    for row in rows:
        size += len(json.dumps(row)) + 1
        if size > PAGE_BYTES and first:
            return Fitting(first, 1)
        first.append(row)
    return Fitting(first, 0)
