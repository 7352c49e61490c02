"""A condition → its disjunctive normal form.

A condition becomes a disjunction of alternatives, each a set of literals (a test, or its
negation). `op`, `feature` and `domain` say what an alternative is about; the remaining literals
have to be tested.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from dfks_rules.model.features import FEATURES, Feature
from dfks_rules.model.requests import Operation
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom

MAX_ALTERNATIVES = 64
"""Most alternatives of one rule."""
MAX_LITERALS = 1000
"""Most literals of one alternative."""
Question = tuple[Operation, Feature | None]
"""The operation, and the feature it is about."""

QUESTIONS: tuple[Question, ...] = (
    *product((Operation.GET, Operation.SET), FEATURES),
    (Operation.SUBSCRIBE, None),
)
"""Every possible question."""
_WORDS = [(op.value, feature.value if feature else None) for op, feature in QUESTIONS]

_SPLIT = phrase("split the rule")
_UNLESS = phrase(
    "in `unless` and `not`, entries that test several facts multiply, and "
    "splitting the rule does not help: say them by a list, a group or an "
    "attribute of users"
)
"""Advice on too many alternatives."""


class TooManyAlternativesError(ValueError):
    """A condition needs more than `MAX_ALTERNATIVES` alternatives."""


class SignedAtom(NamedTuple):
    """A test or its negation: a literal of logic, so named to avoid `typing.Literal`."""

    atom: Atom
    """The test."""
    positive: bool
    """False for the negation."""


Literals = frozenset[SignedAtom]


class Alternative(NamedTuple):
    """One way in which a rule matches: all its literals are true."""

    questions: frozenset[int]
    """Positions in `QUESTIONS` for which it can match."""
    domains: frozenset[FactValue] | None
    """Domains for which it can match; None for any."""
    literals: Literals
    """The literals that remain to be tested."""


def alternatives(condition: Condition) -> list[Alternative]:
    """All the ways in which a condition can hold; none when it never can.

    Raises:
        TooManyAlternativesError: there are more than `MAX_ALTERNATIVES`, or one has more than
            `MAX_LITERALS` literals.
    """
    found = [_sorted_out(literals) for literals in _disjunction(condition, positive=True)]
    return [alternative for alternative in found if alternative is not None]


def _disjunction(condition: Condition, *, positive: bool) -> list[Literals]:
    """The disjunctive normal form; negations are pushed down to the tests (De Morgan)."""
    match condition:
        case Not(part):
            return _disjunction(part, positive=not positive)
        case AllOf(parts):
            branches = [_disjunction(part, positive=positive) for part in parts]
            return _and(branches) if positive else _or(branches)
        case AnyOf(parts):
            branches = [_disjunction(part, positive=positive) for part in parts]
            return _or(branches) if positive else _and(branches, _UNLESS)
        case _:
            return [frozenset({SignedAtom(condition, positive)})]


def _or(branches: Iterable[list[Literals]]) -> list[Literals]:
    return _bounded([literals for branch in branches for literals in branch])


def _and(branches: Iterable[list[Literals]], advice: str = _SPLIT) -> list[Literals]:
    joined: list[Literals] = [frozenset()]
    for branch in branches:
        pairs = (left | right for left, right in product(joined, branch))
        some = [literals for literals in pairs if not _contradicts_itself(literals)]
        joined = _bounded(some, advice)
    return joined


def _contradicts_itself(literals: Literals) -> bool:
    return any(SignedAtom(atom, not positive) in literals for atom, positive in literals)


def _bounded(found: list[Literals], advice: str = _SPLIT) -> list[Literals]:
    unique = list(dict.fromkeys(found))
    if len(unique) > MAX_ALTERNATIVES:
        raise TooManyAlternativesError(
            phrase(
                "its conditions have more than {max_alternatives} alternatives; {advice}",
                max_alternatives=MAX_ALTERNATIVES,
                advice=advice,
            )
        )
    long = next((literals for literals in unique if len(literals) > MAX_LITERALS), None)
    if long is not None:
        raise TooManyAlternativesError(
            phrase(
                "it has an alternative of more than {max_literals} tests; {shorter}",
                max_literals=MAX_LITERALS,
                shorter=_shorter(long),
            )
        )
    return unique


def _shorter(literals: Literals) -> str:
    """Advice on too many alternatives: most often `unless` repeats one fact."""
    ((fact, matcher), times), *_ = Counter(
        (atom.fact, atom.matcher) for atom, positive in literals if not positive
    ).most_common(1) or [(("", ""), 0)]
    if times * 2 <= len(literals):
        return _SPLIT
    written = "[a, b, …]" if matcher in ("eq", "in") else f"{{{matcher}: [a, b, …]}}"
    return phrase(
        "write those of `{fact}` as one list: `{fact}: {written}`", fact=fact, written=written
    )


def _sorted_out(literals: Literals) -> Alternative | None:
    """The literals split into those that select the ruleset and those left to test."""
    questions = set(range(len(QUESTIONS)))
    domains: frozenset[FactValue] | None = None
    rest: set[SignedAtom] = set()
    for literal in literals:
        values = equal_to(literal.atom)
        if literal.atom.fact in ("op", "feature") and values is not None:
            column = 0 if literal.atom.fact == "op" else 1
            questions = {q for q in questions if (_WORDS[q][column] in values) == literal.positive}
        elif literal.atom.fact == "domain" and values is not None and literal.positive:
            domains = values if domains is None else domains & values
        else:
            rest.add(literal)
    if not questions or domains == frozenset():
        return None
    return Alternative(frozenset(questions), domains, frozenset(rest))


def equal_to(atom: Atom) -> frozenset[FactValue] | None:
    """The constants of an equality; None for other tests."""
    match atom.matcher, atom.operand:
        case "eq", str() | int() as constant:
            return frozenset({constant})
        case "in", frozenset() as constants:
            return constants
        case _:
            return None
