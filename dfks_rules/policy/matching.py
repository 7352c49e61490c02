"""Which rules match, by the engine: rules sharded by what is asked and for which domain."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.compile import QUESTIONS, Alternative, Literals, sheets
from dfks_rules.policy.engine import Ruleset
from dfks_rules.policy.facts import FACTS, FactReader, FactValue
from dfks_rules.policy.matchers import FactLookup

SituationKey = tuple[Operation, Feature | None, FactValue]
"""What is asked, and for which domain; None for every domain that no rule names."""


Ranked = tuple[tuple[int, Literals], ...]
"""Alternatives as (position of the rule, literals), in order of precedence."""


class Shard:
    """The rules for one question that name one domain, or that name none."""

    def __init__(self, ranked: Ranked) -> None:
        """Compiles the rules."""
        atoms = {literal.atom for _, literals in ranked for literal in literals}
        self.facts = {name for atom in atoms for name in atom.facts}
        """Names of the facts that decide which rules match."""
        self._sheets = sheets(ranked)
        self.rebuild()

    def matching(self, lookup: FactLookup) -> set[int]:
        """Positions of the rules that match.

        Raises:
            EngineError: the engine failed; `rebuild` before asking again.
        """
        return {
            int(name.partition("_")[0])
            for sheet, ruleset in zip(self._sheets, self._rulesets, strict=True)
            for name in ruleset.match(sheet.message(lookup))
        }

    def rebuild(self) -> None:
        """Makes new rulesets. The old ones are not deleted: that could crash after a failure."""
        self._rulesets = [Ruleset(sheet.definition) for sheet in self._sheets]

    def delete(self) -> None:
        """Frees the engine's memory."""
        for ruleset in self._rulesets:
            ruleset.delete()


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """One question, for one domain or all others: the shards to ask and the facts they read."""

    operation: Operation
    """What is asked."""
    feature: Feature | None
    """About which feature."""
    shards: tuple[Shard, ...]
    """At most two: of the domain, and of no domain."""
    facts: tuple[str, ...]
    """Names of the facts that decide which rules match."""
    readers: tuple[FactReader, ...]
    """How each is read."""


def situations(
    rules: Sequence[tuple[Sequence[Alternative], frozenset[str]]],
) -> dict[SituationKey, Situation]:
    """Everything that can be asked, compiled.

    Args:
        rules: of each rule, in order of precedence, its alternatives and the facts that its effects
            read.

    Raises:
        EngineError: the engine does not take the rules.
    """
    ranked: dict[tuple[int, FactValue], list[tuple[int, Literals]]] = defaultdict(list)
    read: dict[tuple[int, FactValue], set[str]] = defaultdict(set)
    for position, (ways, facts) in enumerate(rules):
        for way in ways:
            for question in way.questions:
                for domain in way.domains or (None,):
                    ranked[question, domain].append((position, way.literals))
                    read[question, domain] |= facts
    # Many questions and domains have the same rules, and then one shard serves them all.
    made: dict[Ranked, Shard] = {}
    shards: dict[tuple[int, FactValue], Shard] = {}
    for key, some in ranked.items():
        content = tuple(some)
        if content not in made:
            made[content] = Shard(content)
        shards[key] = made[content]
    every = {(question, None) for question in range(len(QUESTIONS))} | set(shards)
    return {
        (*QUESTIONS[question], domain): _situation(
            question, domain, shards, read[question, domain] | read[question, None]
        )
        for question, domain in every
    }


def _situation(
    question: int, domain: FactValue, shards: dict[tuple[int, FactValue], Shard], read: set[str]
) -> Situation:
    keys = dict.fromkeys([(question, domain), (question, None)])
    asked = tuple(shards[key] for key in keys if key in shards)
    facts = tuple(sorted(read.union(*(shard.facts for shard in asked))))
    readers = tuple(FACTS[name].read for name in facts)
    return Situation(*QUESTIONS[question], asked, facts, readers)
