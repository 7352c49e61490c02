"""Proofs, over random policies: formulas mean what the reference evaluator decides."""

from contextlib import closing
from random import Random

import pytest

from dfks_rules.model.requests import EXPIRED, Origin
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.facts.there import origins_with
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.proof.differing import by_search
from dfks_rules.policy.proof.known_facts import Presence, presence
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.sat import by_search_or_sat, is_there
from dfks_rules.policy.proof.shapes import shape_of
from dfks_rules.policy.studying.compare import what_differs
from dfks_rules.policy.studying.proved import prove_alike
from tests.helpers.drawing import run_seeded, seeded
from tests.helpers.near_questions import NearQuestions
from tests.helpers.random_policies import changed, few_files, files
from tests.helpers.random_words import SITE
from tests.helpers.twins import compare_twins

SETS, MANY = 20, 150
SOLVER = by_search_or_sat if is_there() else by_search
"""The search gives up where conditions are large (seed 4206264915)."""


@seeded(SETS)
def test_formulas_say_what_the_reference_evaluator_says(random: Random) -> None:
    """A proof is worth what its formulas are worth; nothing of this language may be undecided."""
    assert compare_twins(compile_policies([*few_files(random), *SITE]), random, 10) > 0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_formulas_and_evaluator_agree_on_twenty_thousand_pairs() -> None:
    """Each is a random policy and a random request, absent facts and edges among them."""
    pairs = 0

    def compare(random: Random) -> None:
        nonlocal pairs
        pairs += compare_twins(compile_policies([*files(random), *SITE]), random, 10)

    run_seeded(MANY, compare)
    assert pairs >= 20_000


def _is_possible(view: View) -> bool:
    """Whether a server can get such a request in these years, as proofs claim nothing of others."""
    if view.at.year not in Horizon().years:
        return False
    question = (view.request.operation, view.request.feature)
    requester = view.request.requester
    if requester.origin is Origin.INTERNAL and requester.param not in (None, EXPIRED.param):
        return False
    for name, value in given_of(view).items():
        is_never = presence(name, question) is Presence.NEVER
        if is_never or requester.origin not in origins_with(name):
            return False
        if known_fact(name).kind in (Kind.TEXT, Kind.DOMAIN) and not shape_of(name).among([value]):
            return False
    return requester.source_ip != "junk"


@seeded(SETS)
def test_policies_that_were_proved_alike_decide_alike(random: Random) -> None:
    """Whatever chance finds, a proof must not have denied; and all that it shows differs."""
    both = changed(random)
    before, after = (compile_policies([*one, *SITE]) for one in both)
    proof = prove_alike(before, after, Horizon(), solver=SOLVER)
    assert proof.doubts == []
    near = NearQuestions(both[0])
    old_sources, new_sources = ([*one, *SITE] for one in both)
    with closing(load(old_sources)) as old, closing(load(new_sources)) as new:
        # What is derived follows from the rest, as a server sees it.
        asked = [View(*near.view(random)[:3]) for _ in range(40)]
        differs = [
            what_differs(old.decide_view(view), new.decide_view(view))
            for view in asked
            if _is_possible(view)
        ]
        assert proof.different or not any(differs)
        for group in proof.differences.groups:
            assert what_differs(group.old, group.new) == group.key.changed


@seeded(SETS)
def test_policies_written_in_another_order_of_files_are_proved_alike(random: Random) -> None:
    """No two of these have equal precedence, so that their order means nothing."""
    sources = few_files(random)
    one, other = (compile_policies([*some, *SITE]) for some in (sources, sources[::-1]))
    proof = prove_alike(one, other, Horizon())
    assert not proof.different
    assert proof.doubts == []
