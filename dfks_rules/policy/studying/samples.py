"""Values of a fact that policies' tests tell apart: each constant and its nearest neighbours.

A fact compared with `lt: "08:00"` behaves in two ways, and 07:59 and 08:00 show both. So a few
values stand for everything a phone could send. Table-driven: a matcher or type without a row is
sampled by its plain constants.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from heapq import nsmallest
from itertools import islice
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as regex  # type: ignore[attr-defined]
from typing import Any

from jsonschema import Draft202012Validator

from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language.days import Days, SomeDays
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.language.schedules import Weekly
from dfks_rules.policy.reading.schema_pieces import constant_schema
from dfks_rules.policy.reading.validate import validator

MAX_SAMPLES = 40
"""Most values of one fact; the entries of a list of 500 users do not differ in what matters."""

_ORDER = ("prefix", "has", "suffix")
"""Matchers that require part of a text, in the order of these parts."""
_OTHER: dict[Kind, tuple[Any, ...]] = {
    Kind.TEXT: ("other",),
    Kind.DOMAIN: ("other.example",),
    Kind.AOR: ("sip:other@other.example",),
    Kind.STATUS: (0, 1),
    Kind.COUNT: (1,),
    Kind.IP: ("192.0.2.99",),
    Kind.TIME: ("12:00",),
    Kind.DATE: ("2026-01-05",),
    Kind.MOMENT: ("2026-01-05T12:00+00:00",),
    Kind.FLAG: (True, False),
    Kind.NAMES: (("other",),),
    Kind.NUMBERS: (("+390",),),
    Kind.CLASS: ("unknown",),
    Kind.COUNTRY: ("AQ",),
}
"""Type → values that no policy names."""


def samples(name: str, atoms: Iterable[Atom]) -> list[Any]:
    """Values of one fact that these tests tell apart, and one that none of them names.

    None, an absent fact, is one of them. The order is that of the tests, without repetitions.
    """
    kind = known_fact(name).kind
    found: dict[Any, None] = {}
    for atom in atoms:
        found.update(dict.fromkeys(islice(_about(kind, atom), MAX_SAMPLES - len(found))))
    found.update(dict.fromkeys(known_fact(name).words or _OTHER.get(kind, ())))
    return [value for value in found if possible(name, value)] + [None]


def possible(name: str, value: Any) -> bool:
    """Whether a fact of this type can have this value."""
    parts = value if isinstance(value, tuple) else (value,)
    return all(map(_validator(name).is_valid, parts))


def joined(atoms: Sequence[Atom]) -> list[Any]:
    """A value that passes several tests of one fact, if each requires part of a value.

    A text has the start, middle and end they require; a list has all the names.
    """
    if any(known_fact(atom.fact).kind in (Kind.NAMES, Kind.NUMBERS) for atom in atoms):
        return [tuple(str(atom.operand[0]) for atom in atoms if isinstance(atom.operand, tuple))]
    parts: dict[str, str] = {}
    for atom in atoms:
        if atom.matcher in _ORDER and isinstance(atom.operand, tuple):
            parts[atom.matcher] = parts.get(atom.matcher, "") + str(atom.operand[0])
    return ["".join(parts.get(matcher, "") for matcher in _ORDER)] if len(parts) > 1 else []


@cache
def _validator(name: str) -> Draft202012Validator:
    return validator(constant_schema(known_fact(name)))


def _about(kind: Kind, atom: Atom) -> Iterator[Any]:
    """Values on both sides of one test."""
    make = _BY_MATCHER.get(atom.matcher)
    if make is None or atom.operand is None:
        return
    for value in make(atom.operand):
        if kind is Kind.AOR and not value.startswith("sip:"):
            yield f"sip:{value}"
        else:
            yield from _BESIDE.get(kind, _alone)(value)


def _alone(value: Any) -> Iterator[Any]:
    yield value


def _text(value: str | int) -> Iterator[str]:
    yield str(value)


def _numbers(value: int) -> Iterator[int]:
    yield from (number for number in (value, value - 1, value + 1) if number >= 0)


def _times(value: str) -> Iterator[str]:
    at = datetime.fromisoformat(f"2026-01-05T{value}")
    for minutes in (0, -1, 1):
        yield f"{at + timedelta(minutes=minutes):%H:%M}"


def _dates(value: str) -> Iterator[str]:
    yield value
    day = date.fromisoformat(value)
    yield from (one.isoformat() for one in _days_beside(day))


def _names(value: str) -> Iterator[tuple[str, ...]]:
    yield (value,)


def _days_beside(day: date) -> Iterator[date]:
    if day > date.min:
        yield day - timedelta(days=1)
    if day < date.max:
        yield day + timedelta(days=1)


_BESIDE: dict[Kind, Callable[[Any], Iterator[Any]]] = {
    Kind.TEXT: _text,
    Kind.COUNT: _numbers,
    Kind.TIME: _times,
    Kind.DATE: _dates,
    Kind.NAMES: _names,
    Kind.NUMBERS: _names,
}
"""Type → the values for a constant: the constant itself and those just below and above it."""


def _one(constant: Any) -> Iterable[Any]:
    return (constant,)


def _some(constants: Iterable[Any] | NamedList) -> Iterable[Any]:
    return sorted(_entries(constants), key=repr)


def _entries(operand: Iterable[Any] | NamedList) -> Iterable[Any]:
    """The constants of an operand; of a long list a few."""
    if isinstance(operand, NamedList):
        return nsmallest(MAX_SAMPLES // 4, operand.entries)
    return operand


def _ends(bounds: tuple[int, int]) -> Iterable[int]:
    lowest, highest = bounds
    return (lowest, highest, max(lowest - 1, 0), highest + 1)


def _prefixed(starts: Iterable[str] | NamedList) -> Iterable[str]:
    texts = _entries(starts)
    return [value for text in texts for value in (f"{text}0", text, f"{text}x", text[:-1])]


def _suffixed(texts: Iterable[str]) -> Iterable[str]:
    return [value for text in texts for value in (f"x{text}", text, text[1:])]


def _holding(texts: Iterable[str]) -> Iterable[str]:
    return [value for text in texts for value in (text, f"x{text}x")]


def _beside_networks(networks: Iterable[Any]) -> Iterable[str]:
    for network in (named.value for named in networks):
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first, last, last + 1, first - 1):
            if 0 <= number < 2**network.max_prefixlen:
                yield str(type(network.network_address)(number))


def _edges(schedule: Named) -> Iterable[str]:
    """Moments just inside and outside the hours of a schedule, also on excepted and extra days."""
    _, (zone, weekly, excepted, extra) = schedule
    hours = [(day, one) for some in weekly for day in _begins(some, excepted) for one in some.hours]
    hours += [(day, one) for some in extra for day in _first(some.days) for one in some.hours]
    for days in excepted:
        hours += [(day, one) for day in _first(days) for some in weekly for one in some.hours]
    for day, (start, end) in hours:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone or UTC)
        for minute in (start, start - 1, end, end - 1):
            yield (midnight + timedelta(minutes=minute)).isoformat(timespec="minutes")


def _begins(weekly: Weekly, excepted: Sequence[SomeDays]) -> Iterable[date]:
    """The first day from `_A_MONDAY` on, on which weekly hours begin."""
    return islice(
        (
            day
            for day in _days_from_then()
            if weekly.begins(day) and not any(days.has(day) for days in excepted)
        ),
        1,
    )


def _first(days: SomeDays) -> Iterable[date]:
    """The first day of a range; of other forms the first from `_A_MONDAY` on."""
    if isinstance(days, Days):
        return [days.first]
    return islice((day for day in _days_from_then() if days.has(day)), 1)


def _days_from_then() -> Iterator[date]:
    return (_A_MONDAY + timedelta(number) for number in range(_A_YEAR))


def _examples(patterns: Iterable[Named]) -> Iterable[str]:
    """For each branch of the patterns, a shortest matching text and a near miss."""
    for compiled in (pattern.value for pattern in patterns):
        for text in _texts_of(regex.parse(compiled.pattern, compiled.flags)):
            yield text
            yield f"{text}x"
            if compiled.flags & re.IGNORECASE:
                yield text.swapcase()


def _texts_of(parsed: Iterable[tuple[Any, Any]]) -> list[str]:
    """A few texts that match, assuming assertions hold; the atom itself is checked afterwards."""
    texts = [""]
    for op, argument in parsed:
        pieces = _pieces(op, argument)
        texts = [text + piece for text in texts for piece in pieces][:8]
    return texts


def _pieces(op: Any, argument: Any) -> list[str]:
    make = _BY_OPERATION.get(op)
    return [""] if make is None else make(argument)


def _repeated(argument: Any) -> list[str]:
    least, _, inner = argument
    return [text * least for text in _texts_of(inner)] if least <= _MAX_REPEATED else [""]


def _member(members: Iterable[tuple[Any, Any]]) -> str:
    """A character of a class; `x` for a negated class or a category such as non-digits."""
    for op, argument in members:
        if op is ops.LITERAL:
            return chr(argument)
        if op is ops.RANGE:
            return chr(argument[0])
        if op is ops.CATEGORY and argument is ops.CATEGORY_DIGIT:
            return "0"
    return "x"


_A_MONDAY = date(2026, 1, 5)
_A_YEAR = 366
_MAX_REPEATED = 64
_BY_OPERATION: dict[Any, Callable[[Any], list[str]]] = {
    ops.LITERAL: lambda code: [chr(code)],
    ops.NOT_LITERAL: lambda _: ["x"],
    ops.ANY: lambda _: ["x"],
    ops.IN: lambda members: [_member(members)],
    ops.BRANCH: lambda branches: [text for one in branches[1] for text in _texts_of(one)],
    ops.SUBPATTERN: lambda group: _texts_of(group[3]),
    ops.ATOMIC_GROUP: lambda group: _texts_of(group),
    ops.MAX_REPEAT: _repeated,
    ops.MIN_REPEAT: _repeated,
    ops.POSSESSIVE_REPEAT: _repeated,
}
"""Part of a parsed pattern → a few texts it matches."""

_BY_MATCHER: dict[str, Callable[[Any], Iterable[Any]]] = {
    "eq": _one,
    "in": _some,
    "lt": _one,
    "le": _one,
    "gt": _one,
    "ge": _one,
    "has": _holding,
    "prefix": _prefixed,
    "suffix": _suffixed,
    "glob": _examples,
    "regex": _examples,
    "cidr": _beside_networks,
    "during": _edges,
    "between": _ends,
}
"""Matcher → values that pass with its operand, and values that only just fail."""
