"""How sets of literals relate for every possible request: contradiction and implication.

Sound but incomplete: every relation found holds for every request, but many are not found. Facts
are taken one by one, so `presentity` says nothing about `user`. A matcher without a row here
implies only itself, and is evaluated where its fact can have only a few values. For a type of fact
without a row here, a test implies only itself.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Literals, SignedAtom, equal_to
from dfks_rules.policy.language.matchers import Atom, Named

SINGLE_VALUED = {
    Kind.WORD, Kind.TEXT, Kind.DOMAIN, Kind.AOR, Kind.STATUS, Kind.COUNT, Kind.IP, Kind.TIME,
    Kind.DATE, Kind.FLAG, Kind.CLASS, Kind.COUNTRY,
}  # fmt: skip
"""Types of facts that have one value, for which equality means exactly that."""


def contradicts(literals: Literals) -> bool:
    """Whether no request can pass all of these."""
    return contradicted(literals) is not None


def contradicted(literals: Literals) -> str | None:
    """A fact that, given all of these, can neither have a value nor be absent; None if none."""
    groups = sorted(by_fact(literals).items())
    return next((fact for fact, group in groups if _impossible(group)), None)


def implies(premise: Literals, conclusion: Literals) -> bool:
    """Whether every request that passes all of `premise` passes all of `conclusion`."""
    return implied_by(by_fact(premise), conclusion)


def by_fact(literals: Literals) -> dict[str, Literals]:
    """The literals about each fact."""
    groups: dict[str, set[SignedAtom]] = {}
    for literal in literals:
        groups.setdefault(literal.atom.fact, set()).add(literal)
    return {fact: frozenset(group) for fact, group in groups.items()}


def implied_by(groups: dict[str, Literals], conclusion: Literals) -> bool:
    """Like `implies`, for a premise that is used many times."""
    return all(
        literal.atom.fact in groups and _follows(groups[literal.atom.fact], literal)
        for literal in conclusion
    )


def excludes(one: dict[str, Literals], other: dict[str, Literals]) -> bool:
    """Whether no request passes both sets of literals, each grouped by fact."""
    return any(_impossible(one[fact] | other[fact]) for fact in one.keys() & other.keys())


def is_opaque(atom: Atom) -> bool:
    """Whether a test is implied only by itself and by lists of values."""
    return known_fact(atom.fact).kind not in {*SINGLE_VALUED, Kind.NUMBERS} or not (
        atom.matcher in _OPPOSITE
        or atom.matcher in ("exists", "eq", "in")
        or any(atom.matcher == wide for _, wide in _IMPLIES)
    )


def values_of(literals: Iterable[SignedAtom]) -> frozenset[FactValue] | None:
    """The only values with which literals about one fact can hold; None if no list limits them."""
    sets = [_constants(atom) for atom, positive in literals if positive]
    given = [one for one in sets if one is not None]
    return frozenset.intersection(*given) if given else None


def _follows(group: Literals, literal: SignedAtom) -> bool:
    if literal in group:
        return True
    if len(group) == 1 and known_fact(literal.atom.fact).kind in SINGLE_VALUED:  # for speed
        ((atom, positive),) = group
        if positive and literal.positive and atom.matcher in _ONLY_RELATED:
            return _atom_implies(atom, literal.atom)
    return _impossible(group | {SignedAtom(literal.atom, not literal.positive)})


@lru_cache(maxsize=65_536)
def _impossible(group: Literals) -> bool:
    """Whether literals about one fact cannot all hold."""
    passed = [atom for atom, positive in group if positive]
    failed = [atom for atom, positive in group if not positive]
    if not passed:
        return False  # an absent fact fails every test
    kind = known_fact(passed[0].fact).kind
    if kind not in SINGLE_VALUED:
        is_passed = _is_passed if kind is Kind.NUMBERS else _is_plainly_passed
        return any(is_passed(one, other) for one in passed for other in failed)
    if any(_atom_implies(one, other) for one in passed for other in failed):
        return True
    if any(_disjoint(one, other) for one in passed for other in passed):
        return True
    values = _finite(group)
    if values is not None:
        return not any(_can_be(value, passed, failed) for value in values)
    return _Interval.of(passed, failed).empty


def _is_plainly_passed(one: Atom, other: Atom) -> bool:
    """Whether what passes one test of several values plainly passes another one."""
    return other == one or other.matcher == "exists"


def _is_passed(one: Atom, other: Atom) -> bool:
    """Whether each number that passes one test of several numbers passes another one."""
    passed, failed = (atom._replace(fact="target.number") for atom in (one, other))
    return _impossible(
        frozenset({SignedAtom(passed, positive=True), SignedAtom(failed, positive=False)})
    )


def _finite(group: Literals) -> frozenset[FactValue] | None:
    """Every value a fact can have when it is present; None when there are many."""
    (fact,) = {literal.atom.fact for literal in group}
    values = values_of(group)
    if values is not None:
        return values
    row = known_fact(fact)
    if row.kind in (Kind.STATUS, Kind.FLAG):
        return frozenset({0, 1})
    return frozenset(row.words) if row.kind is Kind.WORD else None


def _can_be(value: FactValue, passed: list[Atom], failed: list[Atom]) -> bool:
    return all(_holds(atom, value) is not False for atom in passed) and not any(
        _holds(atom, value) for atom in failed
    )


def _holds(atom: Atom, value: FactValue) -> bool | None:
    """Whether one value passes; None when that depends on other facts too."""
    return atom.holds({atom.fact: value}.get) if atom.facts == (atom.fact,) else None


def _constants(atom: Atom) -> frozenset[FactValue] | None:
    return equal_to(atom) if known_fact(atom.fact).kind in SINGLE_VALUED else None


def _atom_implies(one: Atom, other: Atom) -> bool:
    """Whether passing one test means passing the other, for tests of one fact."""
    if one == other or other.matcher == "exists":
        return True
    test, narrow, wide = _IMPLIES.get((one.matcher, other.matcher)), one.operand, other.operand
    if test is None or not (isinstance(narrow, tuple) and isinstance(wide, tuple)):
        return False
    return all(any(test(left, right) for right in wide) for left in narrow)


def _disjoint(one: Atom, other: Atom) -> bool:
    """Whether no value passes both tests, for tests of one fact."""
    test, these, those = _OVERLAP.get((one.matcher, other.matcher)), one.operand, other.operand
    if test is None or not (isinstance(these, tuple) and isinstance(those, tuple)):
        return False
    return not any(test(left, right) for left in these for right in those)


def _same_family(one: Any, other: Any) -> bool:
    return bool(one.version == other.version)


_Relation = Callable[[Any, Any], bool]

_IMPLIES: dict[tuple[str, str], _Relation] = {
    ("prefix", "prefix"): str.startswith,
    ("suffix", "suffix"): str.endswith,
    ("prefix", "has"): str.__contains__,
    ("suffix", "has"): str.__contains__,
    ("has", "has"): str.__contains__,
    ("cidr", "cidr"): lambda one, other: (
        _same_family(one.value, other.value) and one.value.subnet_of(other.value)
    ),
}
"""Two matchers → whether passing the first with one operand implies passing the second."""

_ONLY_RELATED = {narrow for narrow, _ in _IMPLIES}
"""Matchers about which nothing more is known."""


def start_of(operand: str | Named) -> str:
    """How a text must start to pass one operand of `prefix` or `glob`."""
    return operand if isinstance(operand, str) else _GLOB_SIGN.split(operand.name)[0]


def _starts_overlap(one: Any, other: Any) -> bool:
    first, second = start_of(one), start_of(other)
    return first.startswith(second) or second.startswith(first)


_GLOB_SIGN = re.compile(r"[*?[]")
_OVERLAP: dict[tuple[str, str], _Relation] = {
    ("prefix", "prefix"): _starts_overlap,
    ("prefix", "glob"): _starts_overlap,
    ("glob", "prefix"): _starts_overlap,
    ("glob", "glob"): _starts_overlap,
    ("suffix", "suffix"): lambda one, other: one.endswith(other) or other.endswith(one),
    ("cidr", "cidr"): lambda one, other: (
        _same_family(one.value, other.value) and one.value.overlaps(other.value)
    ),
}
"""Two matchers → whether a value can pass both, each with one operand."""


class _Interval(NamedTuple):
    """Whole numbers from `low` to `high`: minutes of the day, calendar days or counts."""

    low: int | None
    high: int | None

    @classmethod
    def of(cls, passed: list[Atom], failed: list[Atom]) -> "_Interval":
        """The interval to which comparisons confine a fact that is present."""
        kind = known_fact(passed[0].fact).kind
        lows, highs = ([0], [24 * 60 - 1]) if kind is Kind.TIME else ([], [])
        bounds = [(atom.matcher, atom) for atom in passed]
        # A test passed, so the fact is present: failing a comparison means passing its opposite.
        bounds += [(_OPPOSITE[atom.matcher], atom) for atom in failed if atom.matcher in _OPPOSITE]
        for matcher, atom in bounds:
            if matcher in _OPPOSITE:
                bound = _NUMBER[kind](atom.operand)
                if matcher in ("ge", "gt"):
                    lows.append(bound + (matcher == "gt"))
                else:
                    highs.append(bound - (matcher == "lt"))
        return cls(max(lows, default=None), min(highs, default=None))

    @property
    def empty(self) -> bool:
        return self.low is not None and self.high is not None and self.low > self.high


_OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_NUMBER: dict[Kind, Callable[[Any], int]] = {
    Kind.COUNT: int,
    Kind.TIME: lambda text: int(text[:2]) * 60 + int(text[3:]),
    Kind.DATE: lambda text: date.fromisoformat(text).toordinal(),
}
"""Type of a fact → how a constant maps to a number."""
