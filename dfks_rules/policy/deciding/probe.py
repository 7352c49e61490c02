"""Does the engine hold what it was given? Each shard is asked about facts that its rules name."""

from dfks_rules.policy.deciding.matching import Content, Shard
from dfks_rules.policy.deciding.sheets import constant_of
from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.facts.view import FactValue

PROBES = 3
"""Alternatives of each shard, evenly spread, for which facts are made up."""


def differs(shard: Shard) -> bool:
    """Whether the engine matches other rules than their literals say.

    Raises:
        EngineError: the engine failed.
    """
    content = shard.plan.content
    step = max(1, len(content) // PROBES)
    asked = [_facts_for(content, position) for position in range(0, len(content), step)]
    return any(set(shard.matching(one.get)) != _matching(content, one.get) for one in [{}, *asked])


def _facts_for(content: Content, position: int) -> dict[str, FactValue]:
    """Facts with which the equalities of one alternative are true."""
    return {
        literal.atom.fact: constant
        for literal in content[position][1]
        if (constant := constant_of(literal)) is not None
    }


def _matching(content: Content, lookup: FactLookup) -> set[int]:
    return {
        number
        for number, literals in content
        if all(literal.atom.holds(lookup) == literal.positive for literal in literals)
    }
