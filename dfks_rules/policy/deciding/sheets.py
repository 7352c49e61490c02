"""Alternatives of rules → what durable_rules is given, from one closed set of forms.

Of the literals that are left to test, equality becomes a small integer (`a0`: the position of the
value among the policy's own constants, 0 for any other), and everything else a flag 0 or 1 (`f0`)
that Python computes. So no text of a peer or an author ever reaches the engine.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET, FactLookup
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Literals, SignedAtom
from dfks_rules.policy.language.matchers import Atom

RULESET_ALTERNATIVES = 60
"""Most alternatives of one ruleset: the engine's stack of matches has 64 places, and one is `z`."""
RULESET_TESTS = 200
"""Most attributes of one message: the engine takes 252."""

ALTERNATIVE_TESTS = 99
"""Most tests of one alternative that the engine sees one by one."""

CATCH_ALL = "z"
"""The engine rule that matches every message, last."""
_GUARD = {"k": 1}
"""The first condition of every engine rule, without which the engine's own facts could match."""
_LAST = 60_000


class Together(NamedTuple):
    """Many tests that the engine sees as one flag: more of one alternative than it has room for."""

    literals: tuple[SignedAtom, ...]
    """All of them must hold."""

    @property
    def matcher(self) -> str:
        """What stands for the name of a matcher; no matcher is called so."""
        return "all"

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts that they read."""
        return tuple(dict.fromkeys(name for one in self.literals for name in one.atom.facts))

    def holds(self, lookup: FactLookup) -> bool:
        """Whether the request passes all of them."""
        return all(atom.holds(lookup) == positive for atom, positive in self.literals)


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
    flags: tuple[Atom | Together, ...]
    """The `f0`, `f1`, …"""
    template: str
    """The message, with `%d` for each attribute, then each flag."""

    def message(self, lookup: FactLookup) -> str:
        """The message for the request at hand: integers only."""
        codes = [attribute.codes.get(lookup(attribute.fact), 0) for attribute in self.attributes]
        flags = [atom.holds(lookup) for atom in self.flags]
        return self.template % (*codes, *flags)


def chunks(ranked: Sequence[tuple[int, Literals]]) -> Iterator[list[tuple[int, Literals]]]:
    """Cuts alternatives into what one ruleset can hold."""
    chunk: list[tuple[int, Literals]] = []
    tests: set[SignedAtom | Together] = set()
    for position, literals in ranked:
        single, together = _apart(literals)
        more: set[SignedAtom | Together] = {*single}
        if together:
            more.add(Together(together))
        if len(chunk) == RULESET_ALTERNATIVES or len(tests | more) > RULESET_TESTS:
            yield chunk
            chunk, tests = [], set()
        chunk.append((position, literals))
        tests |= more
    if chunk:
        yield chunk


def sheet(chunk: Sequence[tuple[int, Literals]]) -> Sheet:
    """The ruleset of one of `chunks`."""
    attributes: dict[str, Attribute] = {}
    flags: dict[Atom | Together, int] = {}
    rules: dict[str, object] = {}
    for rank, (position, literals) in enumerate(chunk, start=1):
        single, together = _apart(literals)
        conditions = [_condition(literal, attributes, flags) for literal in single]
        if together:
            conditions.append({f"f{flags.setdefault(Together(together), len(flags))}": 1})
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


def _apart(literals: Literals) -> tuple[list[SignedAtom], tuple[SignedAtom, ...]]:
    """Those that the engine tests one by one, and those that it sees as one."""
    ordered = sorted(literals, key=repr)
    return ordered[:ALTERNATIVE_TESTS], tuple(ordered[ALTERNATIVE_TESTS:])


def constant_of(literal: SignedAtom) -> str | int | None:
    """The constant that the engine tests by its code; None where a fact may equal several."""
    atom, positive = literal
    if not positive or atom.matcher != "eq" or atom.fact == NUMBERS_OF_TARGET:
        return None
    return atom.operand if isinstance(atom.operand, str | int) else None


def _condition(
    literal: SignedAtom, attributes: dict[str, Attribute], flags: dict[Atom | Together, int]
) -> dict[str, int]:
    """The engine's condition for one literal; takes up an attribute or a flag for it."""
    atom, positive = literal
    constant = constant_of(literal)
    if constant is not None:
        attribute = attributes.setdefault(atom.fact, Attribute(atom.fact, {}))
        code = attribute.codes.setdefault(constant, len(attribute.codes) + 1)
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
