"""Values near what a test of a fact is about: the operand itself, one off, a part of it, none.

Whoever means to tell `lt` from `le` has to ask about the operand itself, and about its neighbours.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from tests.helpers.plain_conditions import entries_of
from tests.helpers.random_conditions import constants_of
from tests.helpers.random_words import GLOBS, PATTERNS


def values_near(name: str, matcher: str, said: Any) -> tuple[Any, ...]:  # noqa: C901
    """Values of a fact near the operand of a matcher, None (absent) among them."""
    fact = known_fact(name)
    found: list[Any] = []
    match matcher:
        case "exists" | "sameAs" | "moreThan" | "lessThan" | "during" | "outside":
            operands = constants_of(fact)
        case "between":
            operands = said
        case "cidr":
            operands = [str(end) for one in entries_of(said) for end in _ends(one)]
        case _:
            operands = entries_of(said)
    for one in operands:
        match matcher:
            case "regex" | "glob" if fact.kind is Kind.NUMBERS:
                found += _neighbours(fact.kind, "+4930123456")
            case "between" if fact.kind is Kind.NUMBERS:
                found += _neighbours(fact.kind, str(one))
            case "regex":
                found += PATTERNS[one]
            case "glob":
                found += GLOBS.get(one, [one, one.strip("*")])
            case "has" | "prefix" | "suffix" if fact.kind not in (Kind.NAMES, Kind.NUMBERS):
                found += _around(one)
            case "between":
                found += _neighbours(Kind.COUNT, one)
            case _:
                found += _neighbours(fact.kind, one)
    if fact.words:
        found = [*fact.words]
    if fact.kind is Kind.TEXT and matcher == "between":
        found = [*map(str, found), f"0{said[0]}", f"{said[1]}0", f"{said[0]}x", ""]
    kept = {one: None for one in found if not isinstance(one, str) or len(one) <= MAX_TEXT}
    return (*kept, None)


def _neighbours(kind: Kind, one: Any) -> Iterator[Any]:  # noqa: C901 - one for each kind
    if kind is Kind.NUMBERS:
        yield from ((one,), ("+390", one), (f"{one}0", f"{one[:-1]}"))
        return
    if kind is Kind.NAMES:
        yield from ((one,), (one, "y"), ("y",), ("y", f"{one}x"))
        return
    yield one
    match kind:
        case Kind.TEXT:
            yield from (f"{one}x", one[:-1], one.swapcase())
        case Kind.DOMAIN:
            yield from (f"{one}x", one[1:] or "x")
        case Kind.AOR:
            yield from (f"{one}x", one.replace("@", "x@"), f"{one[:4]}{one[5:]}")
        case Kind.COUNT:
            yield from (one + 1, max(one - 1, 0))
        case Kind.STATUS:
            yield 1 - one
        case Kind.TIME:
            minute = int(one[:2]) * 60 + int(one[3:])
            for other in ((minute + 1) % 1440, (minute - 1) % 1440):
                yield f"{other // 60:02}:{other % 60:02}"
        case Kind.DATE:
            for by in (-1, 1):
                yield (date.fromisoformat(one) + timedelta(by)).isoformat()
        case Kind.IP:
            yield from _near_addresses(one)
        case Kind.FLAG:
            yield not one
        case Kind.CLASS | Kind.COUNTRY:
            yield "other" if kind is Kind.CLASS else "FR"
        case _:
            pass


def _near_addresses(one: str) -> Iterator[str]:
    address = ip_address(one)
    for by in (-1, 1):
        with suppress(ValueError):  # the first and the last of all
            yield str(address + by)
    if address.version == 4:
        yield f"::ffff:{one}"


def _ends(network: str) -> list[Any]:
    parsed = ip_network(network)
    return [parsed.network_address, parsed.broadcast_address]


def _around(one: str) -> Iterator[str]:
    yield from (one, f"{one}x", f"x{one}", f"x{one}x", one[:-1], one[1:], one.swapcase())
