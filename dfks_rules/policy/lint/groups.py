"""Groups and attributes that rules read but no directory has."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.families import attribute_in, group_in
from dfks_rules.policy.lint.ranked import RankedRule
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.words.wording import did_you_mean, quoted


def unknown_groups(rules: Iterable[RankedRule], directory: Directory) -> Iterator[Finding]:
    """Findings `policy_unknown_group`; none if no directory lists members of a group."""
    known = directory.groups
    if not known:
        return
    for rule in rules:
        asked = {
            name
            for way in rule.ways
            for atom, _ in way.literals
            if known_fact(atom.fact).kind is Kind.NAMES
            and atom.matcher == "has"
            and isinstance(atom.operand, tuple)
            for name in atom.operand
        }
        read = {fact for way in rule.ways for atom, _ in way.literals for fact in atom.facts}
        read |= rule.rule.effects.facts
        asked |= {name for fact in read if (name := group_in(fact)) is not None}
        asked |= {also.group for also in rule.rule.effects.also if also.group is not None}
        for name in sorted(asked - known):
            hint = did_you_mean(name, known)
            message = phrase(
                "nobody is in group {name}{hint}, which {told} tests",
                name=quoted(name),
                hint=hint,
                told=rule.rule.told,
            )
            yield rule.finding("policy_unknown_group", message)


def unknown_attributes(rules: Iterable[RankedRule], directory: Directory) -> Iterator[Finding]:
    """Findings `policy_unknown_attribute`; none if no directory has users."""
    if not len(directory):
        return
    known = directory.attributes
    for rule in rules:
        asked = {
            name
            for way in rule.ways
            for atom, _ in way.literals
            for fact in atom.facts
            if (name := attribute_in(fact)) is not None
        }
        asked |= {
            name for fact in rule.rule.effects.facts if (name := attribute_in(fact)) is not None
        }
        for name in sorted(asked - known):
            hint = did_you_mean(name, known)
            message = phrase(
                "nobody has an attribute {name}{hint}, which {told} reads",
                name=quoted(name),
                hint=hint,
                told=rule.rule.told,
            )
            yield rule.finding("policy_unknown_attribute", message)
