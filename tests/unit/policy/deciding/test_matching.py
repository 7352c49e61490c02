"""Shards: which rules are asked for which question and domain."""

import pickle

import pytest

from dfks_rules.model.features import FEATURES
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.engine import EngineError
from dfks_rules.policy.deciding.matching import (
    Sharding,
    Shards,
    Situation,
    SituationKey,
    sharding_of,
    situations,
)
from dfks_rules.policy.language.alternatives import QUESTIONS, alternatives
from dfks_rules.policy.language.document import AllOf, Condition, Not
from dfks_rules.policy.language.matchers import MATCHERS, Atom

GET = Atom("op", "eq", "get")
DND = Atom("feature", "eq", "DoNotDisturb")
ACME = Atom("domain", "eq", "acme.example")
ALICE = Atom("user", "eq", "alice")
KEY: SituationKey = (Operation.GET, FEATURES[0], None)
ACME_KEY: SituationKey = (Operation.GET, FEATURES[0], "acme.example")


def laid_out(*conditions: Condition) -> Sharding:
    """The shards of rules with these conditions, whose effects read nothing."""
    return sharding_of([(alternatives(condition), frozenset()) for condition in conditions])


def made(*conditions: Condition) -> dict[SituationKey, Situation]:
    """Everything that can be asked of rules with these conditions."""
    sharding = laid_out(*conditions)
    shards = Shards()
    return situations(sharding, [shards.take(plan) for plan in sharding.shards])


def matching(situation: Situation, **facts: str) -> list[int]:
    """Positions of the rules that match."""
    return sorted(situation.matching(facts.get))


def test_every_question_has_a_situation_even_without_rules() -> None:
    """A request that no rule is about is still decided."""
    everything = made()
    assert set(everything) == {(*question, None) for question in QUESTIONS}
    assert all(not one.shards and not one.facts for one in everything.values())


def test_rules_of_a_domain_are_asked_for_that_domain_only() -> None:
    """One tenant's rules cost another nothing."""
    everything = made(AllOf((GET, DND, ACME)), AllOf((GET, DND)))
    assert matching(everything[ACME_KEY]) == [0, 1]
    assert matching(everything[KEY]) == [1]


def test_a_list_of_domains_is_in_the_shard_of_each() -> None:
    """And of no other."""
    both = Atom("domain", "in", frozenset({"acme.example", "b.example"}))
    everything = made(AllOf((GET, DND, both)))
    assert matching(everything[ACME_KEY]) == [0]
    assert matching(everything[Operation.GET, FEATURES[0], "b.example"]) == [0]
    assert everything[KEY].shards == ()


def test_facts_are_those_that_rules_of_the_situation_read() -> None:
    """They are all that a remembered plan depends on."""
    same = Atom("watcher", "sameAs", "presentity")
    everything = made(AllOf((GET, ALICE)), AllOf((GET, ACME, Not(same))))
    assert everything[KEY].facts == ("user",)
    assert everything[ACME_KEY].facts == ("presentity", "user", "watcher")
    assert everything[Operation.SET, FEATURES[0], None].facts == ()


def test_a_rule_that_matches_in_several_ways_is_told_once() -> None:
    """Alternatives are the engine's business."""
    either = Not(AllOf((Not(ALICE), Not(Atom("user", "prefix", ("al",))))))
    assert matching(made(either)[KEY], user="alice") == [0]


def test_more_rules_than_one_ruleset_holds_all_match() -> None:
    """130 rules are three rulesets."""
    assert matching(made(*[ALICE] * 130)[KEY], user="alice") == list(range(130))


def test_a_situation_can_be_made_anew() -> None:
    """After a failure of the engine."""
    situation = made(AllOf((GET, DND)))[KEY]
    (shard,) = situation.shards
    shard.delete()
    with pytest.raises(EngineError):
        situation.matching(lambda name: None)
    situation.recover()
    assert situation.matching(lambda name: None) == {0}


def test_a_shard_without_rulesets_fails_rather_than_matches_nothing() -> None:
    """What could not be made anew must not be taken for an answer."""
    situation = made(AllOf((GET, DND)))[KEY]
    situation.shards[0].drop()
    with pytest.raises(EngineError, match="not in the engine"):
        situation.matching(lambda name: None)


def test_questions_with_the_same_rules_share_one_shard() -> None:
    """A rule about everything in a hundred domains is compiled once."""
    names = frozenset(f"d{n}.example" for n in range(100))
    everything = made(AllOf((Atom("domain", "in", names), ALICE)))
    assert len(everything) == len(QUESTIONS) * (1 + 100)
    assert len({shard for one in everything.values() for shard in one.shards}) == 1


def test_a_shard_is_the_same_wherever_its_rules_stand() -> None:
    """A new rule at the top must not compile every tenant anew."""
    tenant = [AllOf((GET, ACME, ALICE)), AllOf((GET, ACME, DND))]
    shards = Shards()
    before = laid_out(*tenant)
    old = [shards.take(plan) for plan in before.shards]
    other = AllOf((GET, Atom("domain", "eq", "b.example"), Atom("user", "eq", "bob")))
    after = laid_out(other, *tenant)
    new = [shards.take(plan) for plan in after.shards]
    assert set(old) < set(new)
    assert matching(situations(after, new)[ACME_KEY], user="alice") == [1, 2]
    assert matching(situations(before, old)[ACME_KEY], user="alice") == [0, 1]


def test_tenants_with_the_same_rules_share_a_shard() -> None:
    """A hundred tenants from one template cost the engine one."""
    domains = [Atom("domain", "eq", f"d{n}.example") for n in range(3)]
    everything = made(*[AllOf((GET, DND, domain, ALICE)) for domain in domains])
    found = [everything[Operation.GET, FEATURES[0], f"d{n}.example"] for n in range(3)]
    assert len({shard for one in found for shard in one.shards}) == 1
    assert [matching(one, user="alice") for one in found] == [[0], [1], [2]]


def test_the_last_to_release_a_shard_frees_it() -> None:
    """Memory of the engine must neither leak nor go while a policy set has it."""
    sharding = laid_out(ALICE)
    shards = Shards()
    one, other = (shards.take(sharding.shards[0]) for _ in range(2))
    assert one is other
    shards.release(one)
    assert other.matching({"user": "alice"}.get) == [0]
    shards.release(other)
    assert len(shards) == 0


def test_a_layout_survives_the_way_from_another_process() -> None:
    """Shards are known again by what they hold, also by patterns and networks."""
    conditions = [
        Atom("user", "glob", MATCHERS["glob"].prepare(["a*", "b?"])),
        Atom("source.ip", "cidr", MATCHERS["cidr"].prepare("10.0.0.0/8")),
        Atom("user", "in", frozenset({"alice", "bob"})),
    ]
    sharding = laid_out(*conditions)
    again = pickle.loads(pickle.dumps(sharding))  # noqa: S301 - our own
    shards = Shards()
    assert [shards.take(one) for one in sharding.shards] == [
        shards.take(one) for one in again.shards
    ]


def test_facts_that_effects_read_are_part_of_the_situation() -> None:
    """What is remembered of a decision depends on them too."""
    sharding = sharding_of([(alternatives(AllOf((GET, DND, ACME))), frozenset({"param"}))])
    shards = Shards()
    everything = situations(sharding, [shards.take(plan) for plan in sharding.shards])
    assert everything[ACME_KEY].facts == ("param",)
    assert everything[KEY].facts == ()
