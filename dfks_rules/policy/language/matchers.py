"""The table of matchers: the atomic tests of a fact against a constant.

The engine's compiler and the reference evaluator share this table and nothing else. To add a
matcher, add a row; the schema and the checks follow.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Hashable
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET, FactLookup, Kind
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.patterns import compile_pattern, matches
from dfks_rules.policy.language.schedules import Schedule, covers


class Named(NamedTuple):
    """A part of an operand that the policy refers to by name."""

    name: str
    """As policies write it: the name of a schedule, a pattern, a network."""
    value: Any
    """What it stands for; hashable, like the rest of an operand."""


class Operand(Enum):
    """The form of a matcher's operand in a policy."""

    CONSTANT = "a constant of the fact's type"
    LIST = "a list of constants of the fact's type"
    TEXTS = "text, or a list of texts of which one must match"
    FLAG = "true or false"
    FACT = "the name of another fact of the same type"
    SCHEDULE = "the name of a schedule of the file"
    RANGE = "the lowest and the highest number, in a list"


class Matcher(NamedTuple):
    """One row of the table. An absent fact passes no test; `exists: false` is a negation."""

    name: str
    """As policies write it."""
    operand: Operand
    """The form of its operand."""
    kinds: frozenset[Kind]
    """Types of facts it can test."""
    description: str
    """One line for authors."""
    prepare: Callable[[Any], Hashable]
    """Operand as written → operand for `holds`. Raises ValueError, which says what is wrong."""
    holds: Callable[[Any, Any], bool]
    """(value of the fact, never None; prepared operand) → whether the test passes."""
    negates: str | None = None
    """The matcher of which this one is the exact negation; both share one `holds`."""


class Atom(NamedTuple):
    """One matcher applied to one fact: the smallest test. It is never a negation."""

    fact: str
    """Name of the fact."""
    matcher: str
    """Name of the matcher."""
    operand: Hashable
    """As `Matcher.prepare` returned it."""

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts that it reads."""
        if MATCHERS[self.matcher].operand is Operand.FACT:
            return (self.fact, str(self.operand))
        # Schedules have their own time zone, so a local time alone does not decide.
        return ("now",) if self.matcher == "during" else (self.fact,)

    def holds(self, lookup: FactLookup) -> bool:
        """Whether the request passes the test. Total: no value of a fact raises an error."""
        value = lookup("now" if self.matcher == "during" else self.fact)
        if value is None:
            return False
        matcher = MATCHERS[self.matcher]
        if matcher.operand is Operand.FACT:
            other = lookup(str(self.operand))
            return other is not None and matcher.holds(value, other)
        if self.fact == NUMBERS_OF_TARGET and isinstance(value, tuple):
            return any(matcher.holds(one, self.operand) for one in value)
        return matcher.holds(value, self.operand)


def _constants(operand: list[Any] | NamedList) -> Hashable:
    return operand if isinstance(operand, NamedList) else frozenset(operand)


def _starts(operand: str | list[str] | NamedList) -> Hashable:
    return operand if isinstance(operand, NamedList) else _texts(operand)


def _begins(value: str, starts: Any) -> bool:
    return starts.starts(value) if isinstance(starts, NamedList) else value.startswith(starts)


def _texts(operand: str | list[str]) -> tuple[str, ...]:
    return (operand,) if isinstance(operand, str) else tuple(operand)


def _globs(operand: str | list[str]) -> Hashable:
    return tuple(Named(text, re.compile(fnmatch.translate(text))) for text in _texts(operand))


def _patterns(operand: str | list[str]) -> Hashable:
    return tuple(Named(text, compile_pattern(text)) for text in _texts(operand))


def _networks(operand: str | list[str]) -> Hashable:
    return tuple(Named(text, _network(text)) for text in _texts(operand))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(
            phrase("`{text}` is not a network, like `10.0.0.0/8`", text=text)
        ) from error
    if str(network.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        raise ValueError(
            phrase(
                "`{text}` is an address in a network; write the network, `{network}`",
                text=text,
                network=network,
            )
        )
    if network.version == 6 and network.subnet_of(_MAPPED):
        ipv4 = int(network.network_address) & 0xFFFFFFFF
        plain = ipaddress.IPv4Network((ipv4, network.prefixlen - _MAPPED.prefixlen))
        raise ValueError(
            phrase(
                "`{text}` is a network of IPv4 addresses; write `{plain}`", text=text, plain=plain
            )
        )
    return network


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4-mapped IPv6 addresses, which `_within` reads as IPv4."""


def _range(operand: list[int]) -> Hashable:
    lowest, highest = operand
    if lowest > highest:
        raise ValueError(
            phrase(
                "`[{lowest}, {highest}]` is empty: the lowest number comes first",
                lowest=lowest,
                highest=highest,
            )
        )
    return (lowest, highest)


def _between(value: str | int, bounds: Any) -> bool:
    """A text is a number if it is all digits and does not begin with a needless 0."""
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            return False
        value = int(value)
    return bool(bounds[0] <= value <= bounds[1])


_DIGITS = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)


def _within(address: str, networks: Any) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network.value for network in networks)


@lru_cache(1024)
def _covered(moment: str, schedule: Schedule) -> bool:
    return covers(schedule, datetime.fromisoformat(moment))


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, tuple) and isinstance(other, tuple):
        return not set(value).isdisjoint(other)
    return bool(value == other)


def _same(operand: Hashable) -> Hashable:
    return operand


_EVERY = frozenset(Kind)
_CONSTANT = _EVERY - {Kind.MOMENT, Kind.NAMES}
_ORDERED = frozenset({Kind.COUNT, Kind.TIME, Kind.DATE})
_TIMES = frozenset({Kind.TIME, Kind.MOMENT})
_TEXTUAL = frozenset({Kind.TEXT, Kind.DOMAIN, Kind.AOR})
_OF_TEXTS = _TEXTUAL | {Kind.NUMBERS}
_COMPARABLE = _TEXTUAL | {Kind.STATUS, Kind.COUNT, Kind.NAMES}

_TABLE: list[Matcher] = [
    Matcher(
        "eq",
        Operand.CONSTANT,
        _CONSTANT,
        "Is this value; a bare constant means the same.",
        _same,
        lambda value, constant: value == constant,
    ),
    Matcher(
        "ne",
        Operand.CONSTANT,
        _CONSTANT,
        "Is not this value; true when the fact is absent.",
        _same,
        lambda value, constant: value == constant,
        negates="eq",
    ),
    Matcher(
        "in",
        Operand.LIST,
        _CONSTANT,
        "Is one of these values; a bare list means the same. `{list: NAME}`: an entry of a list.",
        _constants,
        lambda value, constants: value in constants,
    ),
    Matcher(
        "notIn",
        Operand.LIST,
        _CONSTANT,
        "Is none of these values; true when the fact is absent.",
        _constants,
        lambda value, constants: value in constants,
        negates="in",
    ),
    Matcher(
        "lt",
        Operand.CONSTANT,
        _ORDERED,
        "Is less, or earlier.",
        _same,
        lambda value, constant: value < constant,
    ),
    Matcher(
        "le",
        Operand.CONSTANT,
        _ORDERED,
        "Is less or equal, or not later.",
        _same,
        lambda value, constant: value <= constant,
    ),
    Matcher(
        "gt",
        Operand.CONSTANT,
        _ORDERED,
        "Is greater, or later.",
        _same,
        lambda value, constant: value > constant,
    ),
    Matcher(
        "ge",
        Operand.CONSTANT,
        _ORDERED,
        "Is greater or equal, or not earlier.",
        _same,
        lambda value, constant: value >= constant,
    ),
    Matcher(
        "moreThan",
        Operand.FACT,
        frozenset({Kind.COUNT}),
        "Is more than the value of this other fact.",
        _same,
        lambda value, other: value > other,
    ),
    Matcher(
        "lessThan",
        Operand.FACT,
        frozenset({Kind.COUNT}),
        "Is less than the value of this other fact.",
        _same,
        lambda value, other: value < other,
    ),
    Matcher(
        "between",
        Operand.RANGE,
        frozenset({Kind.TEXT, Kind.COUNT}),
        "Is a number from the lowest to the highest of these, as in `[301, 340]`.",
        _range,
        _between,
    ),
    Matcher(
        "exists",
        Operand.FLAG,
        _EVERY,
        "Whether the fact is present.",
        _same,
        lambda value, flag: True,
    ),
    Matcher(
        "has",
        Operand.TEXTS,
        _OF_TEXTS | {Kind.NAMES},
        "Contains this text, or one of these; of names: has this one, or one of these.",
        _texts,
        lambda value, texts: any(text in value for text in texts),
    ),
    Matcher(
        "prefix",
        Operand.TEXTS,
        _OF_TEXTS,
        "Starts with this text, or one of these. `{list: NAME}`: with an entry of a list.",
        _starts,
        _begins,
    ),
    Matcher(
        "suffix",
        Operand.TEXTS,
        _OF_TEXTS,
        "Ends with this text, or one of these.",
        _texts,
        lambda value, texts: value.endswith(texts),
    ),
    Matcher(
        "glob",
        Operand.TEXTS,
        _OF_TEXTS,
        "Matches this pattern as a whole, or one of these: `*` any text, `?` any one character, "
        "`[0-9]` one of these characters.",
        _globs,
        lambda value, patterns: any(pattern.value.match(value) for pattern in patterns),
    ),
    Matcher(
        "regex",
        Operand.TEXTS,
        _OF_TEXTS,
        "Matches this regular expression as a whole, or one of these.",
        _patterns,
        lambda value, patterns: any(matches(pattern.value, value) for pattern in patterns),
    ),
    Matcher(
        "cidr",
        Operand.TEXTS,
        frozenset({Kind.IP}),
        "Is an address in this network, or in one of these.",
        _networks,
        _within,
    ),
    Matcher(
        "sameAs",
        Operand.FACT,
        _COMPARABLE,
        "Equals the value of this other fact; of names: they have one in common.",
        _same,
        _is_same,
    ),
    Matcher(
        "during",
        Operand.SCHEDULE,
        _TIMES,
        "Is within the hours of this schedule.",
        _same,
        lambda moment, named: _covered(moment, named.value),
    ),
    Matcher(
        "outside",
        Operand.SCHEDULE,
        _TIMES,
        "Is not within the hours of this schedule.",
        _same,
        lambda moment, named: _covered(moment, named.value),
        negates="during",
    ),
]

MATCHERS: dict[str, Matcher] = {matcher.name: matcher for matcher in _TABLE}
"""Every matcher by its name, in the order of the documentation."""
