"""Rules → what durable_rules is given, from one closed set of forms.

A condition becomes a disjunction of alternatives, each a set of literals (a test, or its
negation). `op`, `feature` and `domain` choose the ruleset; of the other literals, equality becomes
a small integer (`a0`: the position of the value among the policy's own constants, 0 for any
other), and everything else a flag 0 or 1 (`f0`) that Python computes. So no text of a peer or an
author ever reaches the engine.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from dfks_rules.model.features import FEATURES, Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom

MAX_ALTERNATIVES = 64
"""Most alternatives of one rule."""
MAX_LITERALS = 100
"""Most literals of one alternative."""
RULESET_ALTERNATIVES = 60
"""Most alternatives of one ruleset: the engine's stack of matches has 64 places, and one is `z`."""
RULESET_TESTS = 200
"""Most attributes of one message: the engine takes 252."""

CATCH_ALL = "z"
"""The engine rule that matches every message, last."""
_GUARD = {"k": 1}
"""The first condition of every engine rule, without which the engine's own facts could match."""
_LAST = 60_000

Question = tuple[Operation, Feature | None]
"""What is asked, about which feature."""

QUESTIONS: tuple[Question, ...] = (
    *product((Operation.GET, Operation.SET), FEATURES),
    (Operation.SUBSCRIBE, None),
)
"""Every question there is."""
_WORDS = [(op.value, feature.value if feature else None) for op, feature in QUESTIONS]


class TooManyAlternativesError(ValueError):
    """A condition cannot be written as at most `MAX_ALTERNATIVES` alternatives."""


class Literal(NamedTuple):
    """A test, or its negation."""

    atom: Atom
    """What is tested."""
    positive: bool
    """False for the negation."""


Literals = frozenset[Literal]


class Alternative(NamedTuple):
    """One way in which a rule matches: all its literals are true."""

    questions: frozenset[int]
    """Positions in `QUESTIONS` that it can match for."""
    domains: frozenset[FactValue] | None
    """Domains that it can match for; None for any."""
    literals: Literals
    """What is left to test."""


class Attribute(NamedTuple):
    """An integer in the message that stands for the value of a fact."""

    fact: str
    """Its name."""
    codes: dict[FactValue, int]
    """Constant → integer from 1; any other value is 0."""


class Sheet(NamedTuple):
    """One ruleset of the engine, and how a request becomes its message."""

    definition: str
    """JSON for the engine; its rules are called `<position of the rule>` or `<position>_<n>`."""
    attributes: tuple[Attribute, ...]
    """The `a0`, `a1`, …"""
    flags: tuple[Atom, ...]
    """The `f0`, `f1`, …"""
    template: str
    """The message, with `%d` for each attribute, then each flag."""

    def message(self, lookup: FactLookup) -> str:
        """The message for the request at hand: integers only."""
        codes = [attribute.codes.get(lookup(attribute.fact), 0) for attribute in self.attributes]
        flags = [atom.holds(lookup) for atom in self.flags]
        return self.template % (*codes, *flags)


def alternatives(condition: Condition) -> list[Alternative]:
    """All ways in which a condition can hold; none when it cannot.

    Raises:
        TooManyAlternativesError: there are more than `MAX_ALTERNATIVES`, or longer ones than
            `MAX_LITERALS`.
    """
    found = [_sorted_out(literals) for literals in _disjunction(condition, positive=True)]
    return [alternative for alternative in found if alternative is not None]


def _disjunction(condition: Condition, *, positive: bool) -> list[Literals]:
    """The disjunctive normal form; negations go down to the tests on the way (de Morgan)."""
    match condition:
        case Not(part):
            return _disjunction(part, positive=not positive)
        case AllOf(parts):
            branches = [_disjunction(part, positive=positive) for part in parts]
            return _and(branches) if positive else _or(branches)
        case AnyOf(parts):
            branches = [_disjunction(part, positive=positive) for part in parts]
            return _or(branches) if positive else _and(branches)
        case _:
            return [frozenset({Literal(condition, positive)})]


def _or(branches: Iterable[list[Literals]]) -> list[Literals]:
    return _bounded([literals for branch in branches for literals in branch])


def _and(branches: Iterable[list[Literals]]) -> list[Literals]:
    joined: list[Literals] = [frozenset()]
    for branch in branches:
        pairs = (left | right for left, right in product(joined, branch))
        joined = _bounded([literals for literals in pairs if not _contradicts_itself(literals)])
    return joined


def _contradicts_itself(literals: Literals) -> bool:
    return any(Literal(atom, not positive) in literals for atom, positive in literals)


def _bounded(found: list[Literals]) -> list[Literals]:
    unique = list(dict.fromkeys(found))
    if len(unique) > MAX_ALTERNATIVES:
        raise TooManyAlternativesError(
            f"its conditions have more than {MAX_ALTERNATIVES} alternatives; split the rule"
        )
    if any(len(literals) > MAX_LITERALS for literals in unique):
        raise TooManyAlternativesError(
            f"it has an alternative of more than {MAX_LITERALS} tests; split the rule"
        )
    return unique


def _sorted_out(literals: Literals) -> Alternative | None:
    """What chooses the ruleset, apart from what is left to test."""
    questions = set(range(len(QUESTIONS)))
    domains: frozenset[FactValue] | None = None
    rest: set[Literal] = set()
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
    """The constants of an equality; None for another test."""
    match atom.matcher, atom.operand:
        case "eq", str() | int() as constant:
            return frozenset({constant})
        case "in", frozenset() as constants:
            return constants
        case _:
            return None


def chunks(ranked: Sequence[tuple[int, Literals]]) -> Iterator[list[tuple[int, Literals]]]:
    """Cuts alternatives into what one ruleset can hold."""
    chunk: list[tuple[int, Literals]] = []
    tests: set[Literal] = set()
    for position, literals in ranked:
        if len(chunk) == RULESET_ALTERNATIVES or len(tests | literals) > RULESET_TESTS:
            yield chunk
            chunk, tests = [], set()
        chunk.append((position, literals))
        tests |= literals
    if chunk:
        yield chunk


def sheet(chunk: Sequence[tuple[int, Literals]]) -> Sheet:
    """The ruleset of one of `chunks`."""
    attributes: dict[str, Attribute] = {}
    flags: dict[Atom, int] = {}
    rules: dict[str, object] = {}
    for rank, (position, literals) in enumerate(chunk, start=1):
        conditions = [
            _condition(literal, attributes, flags) for literal in sorted(literals, key=repr)
        ]
        pattern = {"m": {"$and": [_GUARD, *conditions]}} if conditions else {"m": _GUARD}
        rules[f"{position}_{rank}"] = {"pri": rank, "all": [pattern]}
    rules[CATCH_ALL] = {"pri": _LAST, "all": [{"m": _GUARD}]}
    names = [f"a{n}" for n in range(len(attributes))] + [f"f{n}" for n in range(len(flags))]
    _refuse_collisions([*names, "k", "id", "sid", "$s"])
    template = "".join(f',"{name}":%d' for name in names)
    return Sheet(
        json.dumps(rules),
        tuple(attributes.values()),
        tuple(flags),
        f'{{"id":"r","k":1{template}}}',
    )


def _condition(
    literal: Literal, attributes: dict[str, Attribute], flags: dict[Atom, int]
) -> dict[str, int]:
    """The engine's condition for one literal; takes up an attribute or a flag for it."""
    atom, positive = literal
    if positive and atom.matcher == "eq" and isinstance(atom.operand, str | int):
        attribute = attributes.setdefault(atom.fact, Attribute(atom.fact, {}))
        code = attribute.codes.setdefault(atom.operand, len(attribute.codes) + 1)
        return {f"a{list(attributes).index(atom.fact)}": code}
    return {f"f{flags.setdefault(atom, len(flags))}": int(positive)}


def _refuse_collisions(names: Sequence[str]) -> None:
    """The engine knows a name by its 32-bit hash: two names with one hash are one attribute."""
    assert len({_fnv1a(name) for name in names}) == len(names), "attribute names collide"  # noqa: S101


def _fnv1a(name: str) -> int:
    """Reference: Fowler/Noll/Vo hash FNV-1a, 32 bits."""
    value = 2_166_136_261
    for byte in name.encode():
        value = (value ^ byte) * 16_777_619 % 2**32
    return value
