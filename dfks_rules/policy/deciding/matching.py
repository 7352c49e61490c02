"""Which rules match, by the engine: rules sharded by what is asked and for which domain.

A shard is known by its content alone: rules have numbers of their own within it, and who asks it
knows which rules of the whole these are. So a shard stays the same, and stays in the engine, when
rules elsewhere change; and tenants with the same rules share one. It is one ruleset of the engine,
which takes about a millisecond to make: whoever brings many in can let others work in between.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.engine import EngineError, Ruleset
from dfks_rules.policy.deciding.sheets import Sheet, chunks, sheet
from dfks_rules.policy.facts.fact import FactLookup, FactReader
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative, Literals

SituationKey = tuple[Operation, Feature | None, FactValue]
"""What is asked, and for which domain; None for every domain that no rule names."""

Content = tuple[tuple[int, Literals], ...]
"""Alternatives as (number of the rule within the shard, literals), in order of precedence."""


class ShardPlan(NamedTuple):
    """A shard before the engine has it: values only, fit for another process."""

    content: Content
    """What it is; plans of one content are the same shard."""
    sheet: Sheet
    """Its ruleset."""
    facts: frozenset[str]
    """Names of the facts that decide which rules match."""


class Share(NamedTuple):
    """Rules that are asked for one question and domain, as many as one shard holds."""

    shard: int
    """Position of their shard in `Sharding.shards`."""
    rules: tuple[int, ...]
    """Position of each rule among all, by its number in the shard."""


class Sharding(NamedTuple):
    """All rules, sharded."""

    shards: tuple[ShardPlan, ...]
    """Each content once."""
    shares: dict[tuple[int, FactValue], tuple[Share, ...]]
    """(Position in `QUESTIONS`, domain) → the rules that name the domain; None: that name none."""
    reads: dict[tuple[int, FactValue], frozenset[str]]
    """Likewise → names of the facts that effects of these rules read."""


def sharding_of(rules: Sequence[tuple[Sequence[Alternative], frozenset[str]]]) -> Sharding:
    """The shards of rules.

    Args:
        rules: of each rule, in order of precedence, its alternatives and the facts that its effects
            read.
    """
    ranked: dict[tuple[int, FactValue], list[tuple[int, Literals]]] = defaultdict(list)
    reads: dict[tuple[int, FactValue], frozenset[str]] = defaultdict(frozenset)
    for position, (ways, facts) in enumerate(rules):
        for way in ways:
            for question in way.questions:
                for domain in way.domains or (None,):
                    ranked[question, domain].append((position, way.literals))
                    reads[question, domain] |= facts
    places: dict[Content, int] = {}
    shares: dict[tuple[int, FactValue], tuple[Share, ...]] = {}
    for key, some in ranked.items():
        found = []
        for chunk in chunks(some):
            numbers = {position: n for n, position in enumerate(dict(chunk))}
            content = tuple((numbers[position], literals) for position, literals in chunk)
            found.append(Share(places.setdefault(content, len(places)), tuple(numbers)))
        shares[key] = tuple(found)
    return Sharding(tuple(map(_plan, places)), shares, dict(reads))


def _plan(content: Content) -> ShardPlan:
    atoms = {literal.atom for _, literals in content for literal in literals}
    facts = frozenset(name for atom in atoms for name in atom.facts)
    return ShardPlan(content, sheet(content), facts)


class Shard:
    """Rules inside the engine."""

    def __init__(self, plan: ShardPlan) -> None:
        """Compiles the rules.

        Raises:
            EngineError: the engine does not take them.
        """
        self.plan = plan
        self._users = 0
        """How often it was taken and not given back."""
        self._ruleset: Ruleset | None = None
        self.build()

    def matching(self, lookup: FactLookup) -> list[int]:
        """Numbers of the rules that match; of one that matches in several ways, several times.

        Raises:
            EngineError: the engine failed; `drop` and `build` before asking again.
        """
        if self._ruleset is None:
            raise EngineError("the rules are not in the engine")
        names = self._ruleset.match(self.plan.sheet.message(lookup))
        return [int(name.partition("_")[0]) for name in names]

    def take(self) -> None:
        """One user more.

        Raises:
            EngineError: the engine does not take the rules; there is no user more.
        """
        self.build()
        self._users += 1

    def release(self) -> bool:
        """One user less; whether none is left, and the engine's memory is free."""
        self._users -= 1
        if self._users:
            return False
        self.delete()
        return True

    def build(self) -> None:
        """Brings the rules into the engine, unless they are there.

        Raises:
            EngineError: the engine does not take them.
        """
        self._ruleset = self._ruleset or Ruleset(self.plan.sheet.definition)

    def drop(self) -> None:
        """Forgets what the engine has, and does not delete it: after a failure that could crash."""
        self._ruleset = None

    def delete(self) -> None:
        """Frees the engine's memory."""
        if self._ruleset is not None:
            self._ruleset.delete()


class Shards:
    """Every shard in the engine, each once however many policy sets have it.

    INVARIANT: who takes a shard releases it once; the last to release it frees the engine's memory.
    """

    def __init__(self) -> None:
        self._shards: dict[Content, Shard] = {}

    def __len__(self) -> int:
        return len(self._shards)

    def take(self, plan: ShardPlan) -> Shard:
        """The shard of that content, made if nobody has it.

        Raises:
            EngineError: the engine does not take it; nothing was taken.
        """
        shard = self._shards.get(plan.content)
        if shard is None:
            shard = self._shards[plan.content] = Shard(plan)
        shard.take()
        return shard

    def release(self, shard: Shard) -> None:
        """Gives back what `take` gave."""
        if shard.release():
            del self._shards[shard.plan.content]


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """One question, for one domain or all others: the shards to ask and the facts they read."""

    operation: Operation
    """What is asked."""
    feature: Feature | None
    """About which feature."""
    shards: tuple[Shard, ...]
    """Those of the domain, and those of no domain."""
    rules: tuple[tuple[int, ...], ...]
    """For each shard: position of each of its rules among all."""
    facts: tuple[str, ...]
    """Names of the facts that decide which rules match."""
    readers: tuple[FactReader, ...]
    """How each is read."""

    def matching(self, lookup: FactLookup) -> set[int]:
        """Positions of the rules that match.

        Raises:
            EngineError: the engine failed; `recover` before asking again.
        """
        return {
            rules[number]
            for shard, rules in zip(self.shards, self.rules, strict=True)
            for number in shard.matching(lookup)
        }

    def recover(self) -> None:
        """Makes the shards anew, since it is not known which one failed.

        Raises:
            EngineError: the engine does not even compile what it compiled before.
        """
        for shard in self.shards:
            shard.drop()
        for shard in self.shards:
            shard.build()


Situations = dict[SituationKey, Situation]
"""Everything that can be asked."""


def situations(sharding: Sharding, shards: Sequence[Shard]) -> Situations:
    """Everything that can be asked.

    Args:
        sharding: the rules.
        shards: those of `sharding.shards`, in the engine.
    """
    every = {(question, None) for question in range(len(QUESTIONS))} | set(sharding.shares)
    return {
        (*QUESTIONS[question], domain): _situation(question, domain, sharding, shards)
        for question, domain in every
    }


def _situation(
    question: int, domain: FactValue, sharding: Sharding, shards: Sequence[Shard]
) -> Situation:
    keys = dict.fromkeys([(question, domain), (question, None)])
    asked = [share for key in keys for share in sharding.shares.get(key, ())]
    own = tuple(shards[share.shard] for share in asked)
    read = [sharding.reads.get(key, frozenset()) for key in keys]
    facts = tuple(sorted(frozenset[str]().union(*read, *(shard.plan.facts for shard in own))))
    readers = tuple(known_fact(name).read for name in facts)
    rules = tuple(share.rules for share in asked)
    return Situation(*QUESTIONS[question], own, rules, facts, readers)
