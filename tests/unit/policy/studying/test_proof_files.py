"""Files of kind PolicyProof."""

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.policy.language.document import AllOf, Not
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proof_files import ProofFile, parse_proofs

_HEAD = "apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\nvars: {dear: [premium]}\n"


def _parsed(proofs: str) -> ProofFile:
    return parse_proofs(Source("proofs.yaml", f"{_HEAD}proofs:\n{proofs}"))


def _codes(proofs: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        _parsed(proofs)
    return [finding.code for finding in caught.value.findings]


def test_a_proof_has_conditions_and_expectations() -> None:
    """What `unless` says is no part of what it is about."""
    file = _parsed(
        "- name: x\n  when: {target.class: [{var: dear}]}\n  unless: {role: owner}\n"
        "  expect: {decision: deny, as: ../other}\n"
    )
    (proof,) = file.proofs
    dear = Atom("target.class", "in", frozenset({"premium"}))
    assert proof.when == AllOf((dear, Not(Atom("role", "eq", "owner"))))
    assert (proof.expect, proof.other, proof.is_some) == ({"decision": "deny"}, "../other", False)
    assert (file.policies, proof.line) == ((".",), 6)


def test_a_proof_may_say_that_there_is_a_request() -> None:
    """A guard that is not dead."""
    (proof,) = _parsed("- {name: x, when: {op: set}, some: {by: {deny: a/b}}}\n").proofs
    assert proof.is_some


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        ("- {name: x, when: {op: set}}\n", "policy_value"),
        ("- {name: x, when: {op: set}, expect: {status: 1}, some: {status: 1}}\n", "policy_value"),
        ("- {name: x, when: {opp: set}, expect: {status: 1}}\n", "policy_unknown_fact"),
        (
            "- {name: x, when: {time: {during: o}}, expect: {status: 1}}\n",
            "policy_unknown_schedule",
        ),
        ("- {name: x, when: {op: {var: o}}, expect: {status: 1}}\n", "policy_unknown_variable"),
        ("- {name: x, when: {op: set}, expect: {matched: [a/b]}}\n", "policy_unknown_key"),
    ],
)
def test_mistakes_are_findings(proof: str, code: str) -> None:
    """As in policies."""
    assert code in _codes(proof)
