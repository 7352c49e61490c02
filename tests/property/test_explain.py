"""Explanations of random policies are true."""

from functools import partial
from random import Random

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.reference import holds
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.studying.explain import explain, explanation_json, lines_of
from tests.helpers.drawing import seeded
from tests.helpers.near_questions import NearQuestions
from tests.helpers.random_policies import files


def fact(view: View, name: str) -> FactValue:
    """One fact of a request."""
    return known_fact(name).read(view)


@seeded(60)
def test_explanations_agree_with_the_engine_and_the_facts(random: Random) -> None:
    """An explanation that is wrong costs more than none."""
    sources = files(random)
    near = NearQuestions(sources)
    policies = load(sources)
    rules = {rule.id: rule for rule in policies.rules}
    try:
        for _ in range(6):
            view = policies.sees(near.view(random))
            lookup = partial(fact, view)
            decision = policies.decide_view(view)
            explanation = explain(policies, view)
            assert tuple(one.rule for one in explanation.matched) == decision.matched
            decided = {
                said.field: one.rule
                for one in explanation.matched
                for said in one.said
                if said.lost is None and said.field != "lifts"
            }
            assert decided == decision.decided_by
            lifting = {
                (said.value, one.rule)
                for one in explanation.matched
                for said in one.said
                if said.field == "lifts" and said.lost is None
            }
            assert lifting == set(decision.lifted)
            assert {one.rule for one in explanation.unmatched} == rules.keys() - decision.matched
            for one in explanation.unmatched:
                assert not holds(rules[one.rule].condition, lookup)
                assert one.because
                for test, saw in one.because:
                    assert test.atom.holds(lookup) != test.positive
                    assert saw == {name: lookup(name) for name in test.atom.facts}
            assert all(line.isprintable() for line in lines_of(explanation, every=True))
            assert explanation_json(explanation)["revision"] == policies.revision
    finally:
        policies.close()
