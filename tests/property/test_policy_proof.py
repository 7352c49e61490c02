"""Proofs, over random policies: formulas mean what the reference evaluator decides."""

from contextlib import closing
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.proof.known_facts import Presence, presence
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.shapes import shape_of
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.compare import what_differs
from dfks_rules.policy.studying.proved import prove_alike
from tests.helpers.random_policies import SITE, Question, files, questions, versions
from tests.helpers.twins import compare_twins

PROFILE = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MANY = settings(PROFILE, max_examples=150)


@PROFILE
@given(files(), st.integers(0, 2**32))
def test_formulas_say_what_the_reference_evaluator_says(sources: list[Source], seed: int) -> None:
    """A proof is worth what its formulas are worth; nothing of this language may be undecided."""
    assert compare_twins(compile_policies([*sources, *SITE]), Random(seed), 10) > 0


@pytest.mark.long
def test_formulas_and_evaluator_agree_on_twenty_thousand_pairs() -> None:
    """Each is a random policy and a random request, absent facts and edges among them."""
    pairs = 0

    @MANY
    @given(files(), st.integers(0, 2**32))
    def compare(sources: list[Source], seed: int) -> None:
        nonlocal pairs
        pairs += compare_twins(compile_policies([*sources, *SITE]), Random(seed), 25)

    compare()
    assert pairs >= 20_000


def _is_possible(view: View) -> bool:
    """Whether a server can get such a request, as proofs claim nothing of others."""
    question = (view.request.operation, view.request.feature)
    for name, value in given_of(view).items():
        if presence(name, question) is Presence.NEVER:
            return False
        if FACTS[name].kind in (Kind.TEXT, Kind.DOMAIN) and not shape_of(name).among([value]):
            return False
    return view.request.requester.source_ip != "junk"


@PROFILE
@given(versions(), st.lists(questions(), min_size=5, max_size=20))
def test_policies_that_were_proved_alike_decide_alike(
    both: tuple[list[Source], list[Source]], asked: list[Question]
) -> None:
    """Whatever chance finds, a proof must not have denied; and all that it shows differs."""
    before, after = (compile_policies([*one, *SITE]) for one in both)
    proof = prove_alike(before, after, Horizon())
    assert proof.doubts == []
    old_sources, new_sources = ([*one, *SITE] for one in both)
    with closing(load(old_sources)) as old, closing(load(new_sources)) as new:
        differs = [
            what_differs(old.decide(*one), new.decide(*one))
            for one in asked
            if _is_possible(View(*one))
        ]
        assert proof.different or not any(differs)
        for group in proof.differences.groups:
            assert what_differs(group.old, group.new) == group.key.changed


@PROFILE
@given(files())
def test_policies_written_in_another_order_of_files_are_proved_alike(
    sources: list[Source],
) -> None:
    """No two of these have equal precedence, so that their order means nothing."""
    one, other = (compile_policies([*some, *SITE]) for some in (sources, sources[::-1]))
    proof = prove_alike(one, other, Horizon())
    assert not proof.different
    assert proof.doubts == []
