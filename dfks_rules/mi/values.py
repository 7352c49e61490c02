"""JSON values of parameters → values of the domain, and long lists → pages.

A `take_` function raises TypeError for a JSON value of the wrong type, and ValueError with the
reason for an invalid value of the right type. Numbers may be text, as opensips-cli sends them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from dfks_rules.model.identity import Aor
from dfks_rules.operations.states import aor_from, printable_from

PAGE_BYTES = 30_000
"""Most bytes of rows in one reply, so that all of it fits into what opensips-cli reads of a
datagram (32,768)."""

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def take_text(value: Any) -> str:
    """Printable text of at most `MAX_TEXT` characters."""
    if not isinstance(value, str):
        raise TypeError
    return printable_from(value)


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
    return aor_from(take_text(value))


def take_presentity(value: Any) -> Aor | None:
    """An address of record, or None for `*`: all."""
    return None if value == "*" else take_aor(value)


def take_offset(value: Any) -> int:
    """How many rows to skip."""
    number = take_integer(value)
    if not 0 <= number < 2**31:
        message = f"`{str(number)[:40]}` is not 0 to 2147483647"
        raise ValueError(message)
    return number


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
