"""Shards: which rules are asked for which question and domain."""

from dfks_rules.model.features import FEATURES
from dfks_rules.model.requests import Operation
from dfks_rules.policy.compile import QUESTIONS, alternatives
from dfks_rules.policy.document import AllOf, Condition, Not
from dfks_rules.policy.matchers import Atom
from dfks_rules.policy.matching import Situation, SituationKey, situations

GET = Atom("op", "eq", "get")
DND = Atom("feature", "eq", "DoNotDisturb")
ACME = Atom("domain", "eq", "acme.example")
ALICE = Atom("user", "eq", "alice")
KEY: SituationKey = (Operation.GET, FEATURES[0], None)
ACME_KEY: SituationKey = (Operation.GET, FEATURES[0], "acme.example")


def made(*conditions: Condition) -> dict[SituationKey, Situation]:
    """Everything that can be asked of rules with these conditions."""
    return situations([(alternatives(condition), frozenset()) for condition in conditions])


def matching(situation: Situation, **facts: str) -> list[int]:
    """Positions of the rules that match."""
    return sorted(n for shard in situation.shards for n in shard.matching(facts.get))


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


def test_a_shard_can_be_made_anew() -> None:
    """After a failure of the engine."""
    (shard,) = made(AllOf((GET, DND)))[KEY].shards
    shard.delete()
    shard.rebuild()
    assert shard.matching(lambda name: None) == {0}


def test_questions_with_the_same_rules_share_one_shard() -> None:
    """A rule about everything in a hundred domains is compiled once."""
    names = frozenset(f"d{n}.example" for n in range(100))
    everything = made(AllOf((Atom("domain", "in", names), ALICE)))
    assert len(everything) == 9 + 9 * 100
    assert len({shard for one in everything.values() for shard in one.shards}) == 1
