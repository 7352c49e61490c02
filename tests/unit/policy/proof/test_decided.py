"""What policies decide, as formulas."""

from random import Random

import pytest

from dfks_rules.policy.proof.decided import Decided
from tests.helpers.spaces import GET_CFB, SET_AGENT, SET_CFB, compiled, decided
from tests.helpers.twins import UnlikeError, compare_twins

_AGENTS = """
    - {id: a, when: {op: set, feature: AgentState, role: owner}, then: {values: {state: notReady}}}
    - {id: b, when: {op: set, feature: AgentState, role: user}, then: {status: 0}}
    - {id: c, when: {op: get, feature: AgentState, role: user}, then: {assigned: true, status: 1}}
    - {id: d, when: {op: get, role: guest}, then: {deny: {reason: g, answer: "off"}}}
    - {id: e, when: {op: get, role: other}, then: {deny: {reason: g, answer: unassigned}}}
"""


def test_words_of_agents_are_as_the_evaluator_says() -> None:
    """Status, word and excuse depend on one another, and on what is stored."""
    assert compare_twins(compiled(_AGENTS), Random(2), 150) > 500


def test_without_rules_a_set_does_what_is_asked() -> None:
    """And a get tells what is stored."""
    for question, fact in ((SET_CFB, "request.status"), (GET_CFB, "stored.status")):
        got = decided("[]", question)
        assert got.denied is got.space.formulas.false
        assert got.told_on is got.space.equals(fact, 1)
        assert got.assigned is got.space.formulas.true


def test_a_word_goes_with_each_status() -> None:
    """An agent who is on is ready, and no other."""
    got = decided("[]", SET_AGENT)
    assert set(got.word) >= {"ready", "notReady", None}


def test_formulas_that_tell_a_refused_get_as_it_is_stored_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mutant, which ignores how a refusal is answered."""
    monkeypatch.setattr(Decided, "answered", lambda self, *_answers: self.space.formulas.false)
    with pytest.raises(UnlikeError):
        compare_twins(compiled(_AGENTS), Random(2), 60)
