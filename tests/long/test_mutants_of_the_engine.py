"""Whoever makes a mistake in what decides is told so by random policies.

Each mutant is found by as many policies and requests as are compared whenever tests run, always the
same ones.
"""

from collections.abc import Sequence
from random import Random

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.language import matchers
from dfks_rules.policy.reading.source import Source
from tests.helpers import engine_mutants
from tests.helpers.near_questions import NearQuestions
from tests.helpers.plain_policies import PlainPolicies, Said, said_by
from tests.helpers.random_policies import files
from tests.helpers.random_words import SITE
from tests.property.test_policy_decisions import ORDINARY

pytestmark = pytest.mark.long

Answered = tuple[Sequence[Source], Sequence[tuple[View, Said]]]
"""Policies, and what they should say to some requests."""


@pytest.fixture(scope="module")
def answered() -> list[Answered]:
    """As many as are compared whenever tests run, with the second opinion's answers."""
    sets, questions = ORDINARY
    found: list[Answered] = []
    for seed in range(sets):
        random = Random(seed)
        sources = files(random)
        near = NearQuestions(sources)
        plain = PlainPolicies(sources, compile_policies([*sources, *SITE]).site)
        views = [near.view(random) for _ in range(questions)]
        found.append((sources, [(view, plain.decide(view)) for view in views]))
    return found


def is_found(answered: Sequence[Answered]) -> bool:
    """Whether some policies are decided otherwise."""
    for sources, asked in answered:
        try:
            policies = load([*sources, *SITE])
        except PolicyError:
            continue  # the check has seen something, which is not what is asked here
        try:
            if any(said_by(policies.decide_view(view)) != said for view, said in asked):
                return True
        finally:
            policies.close()
    return False


def test_there_are_as_many_mutants_as_we_say() -> None:
    """Whoever makes it faster does not make it weaker."""
    assert len(engine_mutants.MUTANTS) >= 80


@pytest.mark.parametrize("name", [None, *engine_mutants.MUTANTS])
def test_a_mutant_of_the_engine_is_found(
    name: str | None, answered: list[Answered], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is no mutant is not."""
    if name is not None:
        engine_mutants.MUTANTS[name].apply(monkeypatch)
    matchers._covered.cache_clear()
    try:
        assert is_found(answered) is (name is not None)
    finally:
        matchers._covered.cache_clear()
