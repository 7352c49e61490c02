"""Rules as chains: the twin of what the engine's answer amounts to."""

from random import Random

import pytest

from dfks_rules.model.decisions import Denial
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.language.document import AllOf, Effects, Rule
from dfks_rules.policy.proof import meaning
from dfks_rules.policy.proof.meaning import (
    BUILT_IN,
    KNOWN_EFFECTS,
    KNOWN_PARTS,
    UNSET,
    Entry,
    first_of,
    meaning_of,
)
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import GET_CFB, SET_DND, SUBSCRIBE, compiled, decided, needing, space_of
from tests.helpers.twins import UnlikeError, compare_twins

_FINAL = """
    - {id: first, when: {op: get, role: owner}, then: {status: 0, final: true}}
    - {id: second, when: {op: get}, then: {assigned: false}}
"""
_DENIED = """
    - {id: sets, when: {op: set}, then: {status: 1}}
    - {id: denies, when: {op: set, role: guest}, then: {deny: guests}}
"""


@pytest.mark.parametrize("effect", Effects._fields)
def test_every_effect_has_a_row(effect: str) -> None:
    """Who adds one says here what it means to proofs."""
    assert effect in KNOWN_EFFECTS


@pytest.mark.parametrize("part", Rule._fields)
def test_every_part_of_a_rule_has_a_row(part: str) -> None:
    """Likewise."""
    assert part in KNOWN_PARTS


def test_every_part_of_an_answer_is_compared_by_proofs() -> None:
    """`aspects` has one for each of these; who adds a part adds an aspect."""
    answer = answer_of(ReferencePolicySet(compiled("[]")).decide_view(view_of({"op": "subscribe"})))
    assert set(answer) == {
        *("decision", "reason", "status", "assigned", "notify", "values", "log", "also"),
        *("expires", "by", "matched", "lifted"),
    }


def test_an_effect_without_a_row_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never proved; a rule that does not use it does not matter."""
    monkeypatch.setattr(meaning, "KNOWN_EFFECTS", KNOWN_EFFECTS - {"log"})
    meaning.demand_known(Rule("p/a", AllOf(()), Effects(status=0)))
    with pytest.raises(Undecided, match="`log`, which `p/a` says"):
        meaning.demand_known(Rule("p/a", AllOf(()), Effects(log="x")))


def test_the_first_entry_that_applies_counts() -> None:
    """However long the chain is."""
    space = space_of(needing(SET_DND, "role", "transport"))
    formulas = space.formulas
    words = [space.equals("transport", word) for word in ("udp", "tcp", "tls")]
    chain = [Entry(when, number % 2, f"p/r{number}") for number, when in enumerate(words)]
    first = first_of([*chain, Entry(formulas.true, 7, "p/last")], formulas)
    assert first.something is formulas.true
    assert first.where(lambda said: said == 1) is words[1]
    assert first.where(lambda said: said == 7) is space.equals("transport", None)


def test_a_final_rule_leaves_other_fields_unset() -> None:
    """Rules after it set nothing."""
    got = decided(_FINAL, GET_CFB)
    assert [entry.said for entry in got.meaning.fields["assigned"]] == [UNSET, False]


def test_who_is_not_the_presentity_is_refused_by_the_built_in_rule() -> None:
    """Last, as rules may refuse with a better reason."""
    got = decided("- {id: x, when: {op: subscribe, role: guest}, then: {deny: guests}}", SUBSCRIBE)
    assert [entry.rule for entry in got.meaning.denials] == ["p/x", BUILT_IN]


def test_rules_that_only_shadow_say_nothing() -> None:
    """They are counted by the server only."""
    rule = Rule("p/x", AllOf(()), Effects(denial=Denial("no")), shadow=True)
    assert meaning_of([rule], space_of(needing(SET_DND))).denials == ()


def test_a_meaning_without_final_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant."""
    real = meaning._field

    def field(name, matches, space):  # type: ignore[no-untyped-def]
        return (entry for entry in real(name, matches, space) if entry.said is not UNSET)

    compare_twins(compiled(_FINAL), Random(1), 40)
    monkeypatch.setattr(meaning, "_field", field)
    with pytest.raises(UnlikeError):
        compare_twins(compiled(_FINAL), Random(1), 40)


def test_a_meaning_in_which_denials_do_not_override_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mutant, in which the first rule that says anything decides."""
    real = meaning._denials

    def denials(matches, formulas):  # type: ignore[no-untyped-def]
        formulas_before = [when for when, rule in matches if rule.effects.status is not None]
        return (entry for entry in real(matches, formulas) if not formulas_before)

    compare_twins(compiled(_DENIED), Random(1), 40)
    monkeypatch.setattr(meaning, "_denials", denials)
    with pytest.raises(UnlikeError):
        compare_twins(compiled(_DENIED), Random(1), 40)
