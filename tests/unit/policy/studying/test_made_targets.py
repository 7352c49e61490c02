"""Proofs about targets, beside rules that store others."""

import pytest

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.made_targets import made_targets
from dfks_rules.policy.studying.proof_files import parse_proofs
from tests.helpers.policy import source

_HEAD = "apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\nproofs:\n"
_ABOUT = "when: {op: set, target.class: premium}, expect: {decision: deny}"
_DESK = '{values: {forwardTo: "201"}}'
_BUSY = "op: set, feature: CallForwardingBusy"


def _found(proof: str, then: str, when: str = _BUSY) -> list[str]:
    rules = source(f"- {{id: r, when: {{{when}}}, then: {then}}}")
    file = parse_proofs(Source("proofs.yaml", f"{_HEAD}  - {{name: x, {proof}}}\n"))
    return [str(one) for one in made_targets(file, compile_policies([rules]))]


@pytest.mark.parametrize(
    "said",
    ['"201"', '{template: "sip:${user}@x"}', "{from: request.forwardTo, prefix: '0'}"],
)
def test_a_rule_that_stores_another_target_is_told(said: str) -> None:
    """Of that one the proof says nothing."""
    (told,) = _found(_ABOUT, f"{{values: {{forwardTo: {said}}}}}")
    assert told.startswith("proofs.yaml:5:5: warning: the proof is about the target that is asked")
    assert "rule `p/r` stores another one" in told


@pytest.mark.parametrize(
    ("proof", "then"),
    [
        ("when: {op: set}, expect: {decision: deny}", _DESK),
        (_ABOUT.replace("op: set", "op: get"), _DESK),
        (_ABOUT.replace("op: set", "feature: CallForwardingAlways"), _DESK),
        (_ABOUT.replace("decision: deny", 'values: {forwardTo: "201"}'), _DESK),
        (_ABOUT.replace("expect", "some"), _DESK),
        (_ABOUT, "{values: {forwardTo: {from: request.forwardTo}}}"),
        (_ABOUT, "{status: 0}"),
    ],
)
def test_where_it_cannot_matter_nothing_is_told(proof: str, then: str) -> None:
    """No false alarm."""
    assert _found(proof, then) == []
