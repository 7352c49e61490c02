"""Whoever makes a mistake in what proves is told so by random policies, always the same ones."""

from collections.abc import Sequence
from random import Random

import pytest

from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.proved import prove_alike
from tests.helpers import encoder_mutants
from tests.helpers.random_policies import files
from tests.helpers.random_words import SITE
from tests.helpers.spaces import compiled as compiled_rules
from tests.helpers.twins import UnlikeError, compare_twins

pytestmark = pytest.mark.long

SETS = 30
"""Policy sets whose formulas are compared with the reference evaluator."""
POINTS = 5
"""Requests of each question and domain."""


def test_there_are_as_many_mutants_as_we_say() -> None:
    """Whoever makes it faster does not make it weaker."""
    assert len(encoder_mutants.MUTANTS) >= 29
    assert len(encoder_mutants.MUTANTS_OF_DOUBTS) >= 2


@pytest.fixture(scope="module")
def compiled() -> list[CompiledPolicies]:
    """Random policies, of which formulas are made."""
    return [compile_policies([*files(Random(seed)), *SITE]) for seed in range(SETS)]


def compare_all(compiled: Sequence[CompiledPolicies]) -> None:
    """Compares the formulas of all with the reference evaluator."""
    for seed, one in enumerate(compiled):
        compare_twins(one, Random(seed), POINTS)


def test_without_a_mutant_nothing_is_found(compiled: list[CompiledPolicies]) -> None:
    """All that the mutants are told by is so."""
    compare_all(compiled)


@pytest.mark.parametrize("name", encoder_mutants.MUTANTS)
def test_a_mutant_of_the_formulas_is_found(
    name: str, compiled: list[CompiledPolicies], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the comparison of formulas with the reference evaluator."""
    encoder_mutants.MUTANTS[name].apply(monkeypatch)
    with pytest.raises(UnlikeError):
        compare_all(compiled)


_RULE = "- {{id: r, when: {{op: set, feature: CallForwardingAlways{}}}, then: {}}}"
_ONCE_ALIKE = {
    # The first request that is tried has the same text twice, but not all have.
    "templates": (
        _RULE.format("", '{values: {forwardTo: {template: "${user.a}${user.b}"}}}'),
        _RULE.format("", '{values: {forwardTo: {template: "${user.b}${user.a}"}}}'),
    ),
    "sets that follow": (
        _RULE.format(
            "", "{also: [{feature: DoNotDisturb, status: 1, user: '${user.a}${user.b}'}]}"
        ),
        _RULE.format(
            "", "{also: [{feature: DoNotDisturb, status: 1, user: '${user.b}${user.a}'}]}"
        ),
    ),
    "deadlines": (
        _RULE.format(', time: {ge: "11:00", lt: "13:00"}', "{expire: 3h}"),
        _RULE.format(', time: {ge: "11:00", lt: "13:00"}', "{expire: until 14:00}"),
    ),
}
"""Rules that are not alike, but for some requests."""


def _proved() -> set[str]:
    """Those that are called alike."""
    sides = {name: (compiled_rules(a), compiled_rules(b)) for name, (a, b) in _ONCE_ALIKE.items()}
    return {name for name, (a, b) in sides.items() if prove_alike(a, b, Horizon()).is_whole}


def test_what_is_alike_for_some_requests_is_not_proved() -> None:
    """Without a mutant."""
    assert _proved() == set()


@pytest.mark.parametrize("name", encoder_mutants.MUTANTS_OF_DOUBTS)
def test_a_mutant_of_doubts_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a proof of what is not so."""
    encoder_mutants.MUTANTS_OF_DOUBTS[name].apply(monkeypatch)
    assert _proved() != set()
