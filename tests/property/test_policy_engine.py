"""The engine against the reference evaluator, over random policies and hostile facts."""

from contextlib import closing
from functools import partial
from random import Random

import pytest

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.reference import ReferenceEvaluator
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue, View
from tests.helpers.drawing import run_seeded, seeded
from tests.helpers.near_questions import NearQuestions
from tests.helpers.random_policies import files
from tests.helpers.random_words import SITE

SETS, FEWER, MANY = 60, 25, 250
PAIRS_EACH = 400
"""Questions to each of the policy sets of `MANY`: 100,000 pairs in all."""


def fact_of(view: View, name: str) -> FactValue:
    """One fact of a request."""
    return known_fact(name).read(view)


@seeded(SETS)
def test_engine_decides_as_the_reference_evaluator_does(random: Random) -> None:
    """Two ways to the rules that match, in order, must agree whatever peers and authors write."""
    sources = files(random)
    near = NearQuestions(sources)
    with closing(load([*sources, *SITE])) as policies:
        asked = [near.view(random) for _ in range(25)]
        for view in asked + asked:  # the second time from memory
            assert policies.decide_view(view) == policies.decide_by_reference(view)
        assert policies.engine_failures == 0


@pytest.mark.long
def test_engine_and_oracle_agree_on_a_hundred_thousand_pairs() -> None:
    """The engine is exact inside a narrow subset: only mass shows that we never leave it."""
    pairs = 0

    def compare(random: Random) -> None:
        nonlocal pairs
        sources = files(random)
        near = NearQuestions(sources)
        with closing(load([*sources, *SITE])) as policies:
            oracle = ReferenceEvaluator(policies.rules)
            for _ in range(PAIRS_EACH):
                view = near.view(random)
                decision = policies.decide_view(view)
                lookup = partial(fact_of, policies.sees(view))
                ids = tuple(policies.rules[n].id for n in oracle.matching(lookup))
                assert decision.matched == ids
                pairs += 1
            assert policies.engine_failures == 0

    run_seeded(MANY, compare)
    assert pairs >= 100_000


@seeded(FEWER)
def test_order_of_files_of_different_precedence_changes_nothing(random: Random) -> None:
    """Only band and priority order policies; the order of a directory must not leak in."""
    sources = files(random)
    near = NearQuestions(sources)
    shuffled = random.sample(sources, len(sources))
    with closing(load(sources)) as one, closing(load(shuffled)) as other:
        for _ in range(20):
            view = near.view(random)
            expected = one.decide_view(view)._replace(revision=other.revision)
            assert other.decide_view(view) == expected


@seeded(FEWER)
def test_loading_twice_gives_the_same(random: Random) -> None:
    """A reload of unchanged files must change nothing, the revision included."""
    sources = files(random)
    near = NearQuestions(sources)
    with closing(load(sources)) as one, closing(load(sources)) as other:
        for _ in range(10):
            view = near.view(random)
            assert one.decide_view(view) == other.decide_view(view)
