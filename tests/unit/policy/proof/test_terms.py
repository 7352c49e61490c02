"""Values that rules set, compared with one another."""

from typing import get_args

import pytest

from dfks_rules.model.values import Value
from dfks_rules.policy.language.document import Computed
from dfks_rules.policy.language.values import Clamped, Rewritten, Template
from dfks_rules.policy.proof.axioms import add_needed
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.meaning import UNSET
from dfks_rules.policy.proof.search import solve
from dfks_rules.policy.proof.terms import Terms, add_compared, base_of
from tests.helpers.spaces import SET_CFB, needing, space_of

_VM = Template("sip:vm-${user}@${domain}")


def _terms(*said: object) -> tuple[Terms, Formula]:
    needs = needing(SET_CFB, "user", "domain")
    add_compared(needs, Value.FORWARD_TO, said)
    add_needed(needs)
    space = space_of(needs)
    return Terms(space, lambda: base_of(space, Value.FORWARD_TO)), space.formulas.true


def test_the_same_term_is_always_alike() -> None:
    """Even one that proofs cannot read."""
    terms, true = _terms(_VM)
    assert terms.alike(_VM, Template(_VM.text)) is true


def test_constants_are_alike_only_if_they_are_the_same() -> None:
    """Nothing else is asked."""
    terms, true = _terms("a", "b")
    assert terms.alike("a", "a") is true
    assert terms.alike("a", "b") is terms._space.formulas.false


def test_a_constant_is_what_was_asked_for_sometimes() -> None:
    """Where the phone asks for just that."""
    terms, _ = _terms("sip:vm@example.com")
    alike = terms.alike("sip:vm@example.com", UNSET)
    formulas = terms._space.formulas
    assert solve(formulas, alike) is not None
    assert solve(formulas, formulas.negation(alike)) is not None


def test_asked_and_stored_can_be_alike_and_can_differ() -> None:
    """Cells have as many values as facts are compared."""
    stored = Template("${stored.forwardTo}")
    terms, _ = _terms(stored)
    alike = terms.alike(stored, UNSET)
    formulas = terms._space.formulas
    assert solve(formulas, alike) is not None
    assert solve(formulas, formulas.negation(alike)) is not None


def test_a_template_gives_a_constant_where_a_split_of_it_fits() -> None:
    """So for one user it is proved to be a constant."""
    terms, _ = _terms(_VM, "sip:vm-anna@acme.example", "sip:anna")
    formulas = terms._space.formulas
    assert solve(formulas, terms.alike(_VM, "sip:vm-anna@acme.example")) is not None
    assert terms.alike(_VM, "sip:anna") is formulas.false


@pytest.mark.parametrize("kind", get_args(Computed))
def test_values_that_cannot_be_read_are_taken_to_differ(kind: type) -> None:
    """And the facts on which that depends are told, so that others are tried."""
    said = {
        Template: Template("x-${user}"),
        Clamped: Clamped("stored.ringCount", 1, 5),
        Rewritten: Rewritten("user", "", "+49"),
    }[kind]
    if kind is Clamped:
        return  # compared exactly, as numbers
    terms, _ = _terms(_VM, said)
    assert terms.alike(_VM, said) is terms._space.formulas.false
    assert terms.unsure >= {"user"}
