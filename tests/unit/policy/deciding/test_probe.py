"""Whether the engine holds what it was given."""

from dfks_rules.policy.deciding.matching import Shard, sharding_of
from dfks_rules.policy.deciding.probe import differs
from dfks_rules.policy.language.alternatives import alternatives
from dfks_rules.policy.language.document import AllOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom

ALICE = Atom("user", "eq", "alice")
BOB = Atom("user", "eq", "bob")
STARTS = Atom("watcher.user", "prefix", ("a",))


def shards(*conditions: Condition) -> list[Shard]:
    """All shards of rules with these conditions."""
    rules = [(alternatives(one), frozenset[str]()) for one in conditions]
    return [Shard(plan) for plan in sharding_of(rules).shards]


def test_what_the_engine_compiled_is_what_it_was_given() -> None:
    """Equalities, other tests, negations, several ways, more than one shard."""
    several: list[Condition] = [
        ALICE,
        AllOf((BOB, STARTS)),
        Not(STARTS),
        Not(AllOf((ALICE, STARTS))),
    ] * 40
    assert not any(map(differs, shards(*several)))


def test_an_engine_that_matches_other_rules_is_found_out() -> None:
    """Here it is given the definition of another shard."""
    (one,), (other,) = shards(ALICE, STARTS), shards(BOB, STARTS)
    mixed = Shard(one.plan._replace(sheet=other.plan.sheet))
    assert differs(mixed)
