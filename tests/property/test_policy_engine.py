"""The engine against the reference evaluator, over random policies and hostile facts."""

from functools import partial
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.reference import ReferenceEvaluator
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.reading.source import Source
from tests.helpers.random_policies import SITE, Question, files, questions
from tests.helpers.random_questions import random_view

PROFILE = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FEWER = settings(PROFILE, max_examples=60)
MANY = settings(PROFILE, max_examples=250)
PAIRS_EACH = 400
"""Questions to each of the policy sets of `MANY`: 100,000 pairs in all."""


def fact_of(view: View, name: str) -> FactValue:
    """One fact of a request."""
    return known_fact(name).read(view)


@PROFILE
@given(files(), st.lists(questions(), min_size=1, max_size=12))
def test_engine_decides_as_the_reference_evaluator_does(
    sources: list[Source], asked: list[Question]
) -> None:
    """Two ways to the rules that match, in order, must agree whatever peers and authors write."""
    policies = load(sources)
    try:
        for question in asked + asked:  # the second time from memory
            assert policies.decide(*question) == policies.decide_by_reference(View(*question))
        assert policies.engine_failures == 0
    finally:
        policies.close()


@pytest.mark.long
@MANY
@given(files(), st.integers(0, 2**32))
def test_engine_and_oracle_agree_on_a_hundred_thousand_pairs(
    sources: list[Source], seed: int
) -> None:
    """The engine is exact inside a narrow subset: only mass shows that we never leave it."""
    random = Random(seed)
    policies = load([*sources, *SITE])
    try:
        oracle = ReferenceEvaluator(policies.rules)
        for _ in range(PAIRS_EACH):
            view = random_view(random)
            decision = policies.decide_view(view)
            lookup = partial(fact_of, policies.sees(view))
            ids = tuple(policies.rules[n].id for n in oracle.matching(lookup))
            assert decision.matched == ids
        assert policies.engine_failures == 0
    finally:
        policies.close()


@FEWER
@given(files(), st.lists(questions(), min_size=1, max_size=5), st.randoms())
def test_order_of_files_of_different_precedence_changes_nothing(
    sources: list[Source], asked: list[Question], random: Random
) -> None:
    """Only band and priority order policies; the order of a directory must not leak in."""
    shuffled = list(sources)
    random.shuffle(shuffled)
    one, other = load(sources), load(shuffled)
    try:
        for question in asked:
            expected = one.decide(*question)._replace(revision=other.revision)
            assert other.decide(*question) == expected
    finally:
        one.close()
        other.close()


@FEWER
@given(files(), questions())
def test_loading_twice_gives_the_same(sources: list[Source], question: Question) -> None:
    """A reload of unchanged files must change nothing, the revision included."""
    one, other = load(sources), load(sources)
    try:
        assert one.decide(*question) == other.decide(*question)
    finally:
        one.close()
        other.close()
