"""What is known of some requests, put into rules: their tests of it become constants.

Rules that read a directory mean something else where it has changed. So that two directories can be
compared as two sets of rules are, what each says of the changed users is written into the rules:
`groups: {has: x}` becomes "one of those who are in x, or somebody else, in x". What is said of all
others stays as free as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.families import group_in
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.document import (
    AllOf,
    AnyOf,
    Condition,
    Effects,
    Not,
    Rule,
    atoms_of,
)
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import PLACEHOLDER
from dfks_rules.policy.proof.undecided import Undecided

EXCEPT = AnyOf(())
"""True of no request."""
ALWAYS = AllOf(())
"""True of every request."""
MARK = "what a rule writes here has changed"
"""The line that marks a rule which writes something that is pinned otherwise."""


class Pin(NamedTuple):
    """Some facts, as they are in some requests. No request has two pins of one fact."""

    where: Condition
    """The requests."""
    facts: Mapping[str, FactValue]
    """Fact → its value in all of them; None where it is absent."""


def pinned(condition: Condition, pins: Sequence[Pin]) -> Condition:
    """A condition, with the outcome of each test written out where facts are pinned.

    Raises:
        Undecided: a test compares a pinned fact in a way that cannot be written.
    """
    match condition:
        case AllOf(parts):
            return _same_or(condition, AllOf(tuple(pinned(part, pins) for part in parts)))
        case AnyOf(parts):
            return _same_or(condition, AnyOf(tuple(pinned(part, pins) for part in parts)))
        case Not(part):
            return _same_or(condition, Not(pinned(part, pins)))
        case Atom():
            return _tested(condition, pins)


def facts_read(rule: Rule) -> frozenset[str]:
    """Facts that a rule writes into something: values, sets that follow, texts, lines."""
    return rule.effects.facts | frozenset(PLACEHOLDER.findall(rule.effects.log or ""))


def marked(rules: Iterable[Rule], where: Mapping[str, Condition]) -> list[Rule]:
    """Rules, with a line before each that writes a fact, or tests a count, which differs somewhere.

    The line is no part of what the rule says: it makes a proof look at these requests, and what is
    so of them the evaluator says.

    Args:
        rules: in order of precedence.
        where: fact → the requests in which it may differ.
    """
    rules = list(rules)
    # Where a request is refused, values and sets that follow are none; only there they may differ
    # unseen. What an Exception may lift refuses nothing for certain.
    refused = [
        rule.condition
        for rule in rules
        if rule.effects.denial and not (rule.effects.exceptions or rule.shadow)
    ]
    allowed = [Not(AnyOf(tuple(refused)))] if refused else []
    found: list[Rule] = []
    for rule in rules:
        tested = {fact for atom in atoms_of(rule.condition) for fact in atom.facts}
        counted = [where[name] for name in sorted(tested & where.keys()) if group_in(name)]
        if counted and not rule.shadow:
            # Whether it matches is what may differ, so this is looked at by itself.
            found.append(Rule(rule.id, AnyOf(tuple(counted)), Effects(log=MARK)))
        differing = [where[name] for name in sorted(facts_read(rule) & where.keys())]
        differing += [
            where[name]
            for name in sorted({f"group {one.group}" for one in rule.effects.also} & where.keys())
        ]
        if differing and not rule.shadow:
            counts = [] if rule.effects.denial or rule.effects.log else allowed
            condition = AllOf((rule.condition, AnyOf(tuple(differing)), *counts))
            found.append(Rule(rule.id, condition, Effects(log=MARK)))
        found.append(rule)
    return found


def _same_or(one: Condition, other: Condition) -> Condition:
    """The first if nothing in it was pinned, so that rules stay the same objects."""
    left = (one.part,) if isinstance(one, Not) else one[0]
    right = (other.part,) if isinstance(other, Not) else other[0]
    unchanged = all(a is b for a, b in zip(left, right, strict=True))
    return one if unchanged else other


def _tested(atom: Atom, pins: Sequence[Pin]) -> Condition:
    for fact in dict.fromkeys(atom.facts):
        here = [pin for pin in pins if fact in pin.facts]
        if here:
            parts = [AllOf((pin.where, _at(atom, fact, pin, pins))) for pin in here]
            elsewhere = Not(AnyOf(tuple(pin.where for pin in here)))
            rest = [pin for pin in pins if fact not in pin.facts]
            return AnyOf((*parts, AllOf((elsewhere, _tested(atom, rest)))))
    return atom


def _at(atom: Atom, fact: str, pin: Pin, pins: Sequence[Pin]) -> Condition:
    """A test where one of its facts is pinned."""
    value = pin.facts[fact]
    others = [one for one in atom.facts if one != fact]
    if not others:
        return ALWAYS if atom.holds(lambda _name: value) else EXCEPT
    if atom.matcher != "sameAs":
        raise Undecided(
            phrase(
                "proofs do not know `{matcher}` of `{fact}` where files have changed",
                matcher=atom.matcher,
                fact=fact,
            )
        )
    if value is None:
        return EXCEPT
    (other,) = others
    names = isinstance(value, tuple)
    test = Atom(other, "has", value) if names else Atom(other, "eq", value)
    return _tested(test, [one for one in pins if fact not in one.facts])
