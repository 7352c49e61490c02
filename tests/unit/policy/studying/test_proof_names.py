"""Names in proofs that the policies do not have."""

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proof_files import parse_proofs
from dfks_rules.policy.studying.proof_names import unknown_names
from tests.helpers.policy import source

_HEAD = "apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\nproofs:\n"
_RULES = source("- {id: dear, when: {op: set, target.class: premium}, then: {deny: toll-fraud}}")
_USERS = Source("users.csv", "user,domain,groups\nbob,a.example,executives\n")


def _found(proof: str, *beside: Source) -> list[Finding]:
    file = parse_proofs(Source("proofs.yaml", f"{_HEAD}  - {{name: x, {proof}}}\n"))
    return list(unknown_names(file, compile_policies([_RULES, *beside])))


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (
            "when: {target.class: premum}, expect: {status: 0}",
            "unknown class `premum` (did you mean `premium`?) [policy_unknown_class]",
        ),
        (
            "when: {op: set}, unless: {any: [{target.class: [voip, premum]}]}, expect: {status: 0}",
            "unknown class `premum` (did you mean `premium`?) [policy_unknown_class]",
        ),
        (
            "when: {op: set}, some: {by: {deny: p/deer}}",
            "unknown rule `p/deer` (did you mean `p/dear`?) [policy_unknown_rule]",
        ),
        (
            "when: {op: set}, expect: {reason: [toll-fraud, toll-frud]}",
            "no rule denies for `toll-frud` (did you mean `toll-fraud`?) [policy_value]",
        ),
    ],
)
def test_a_name_that_the_policies_do_not_have_is_told(proof: str, message: str) -> None:
    """Such a proof would be proved, or refuted, for no reason that its author sees."""
    (finding,) = _found(proof)
    assert str(finding).endswith(message)
    assert finding.severity == ("warning" if "no rule denies" in message else "error")


def test_a_group_that_looks_like_another_is_a_warning() -> None:
    """Others may get members tomorrow; without a directory, nothing is known of groups."""
    proof = "when: {groups: {has: exectives}}, expect: {status: 0}"
    assert _found(proof) == []
    assert _found(proof.replace("exectives", "guests"), _USERS) == []
    (finding,) = _found(proof, _USERS)
    assert str(finding).endswith(
        "nobody is in group `exectives` (did you mean `executives`?) [policy_unknown_group]"
    )
    assert finding.severity == "warning"


def test_names_that_there_are_and_other_texts_give_no_finding() -> None:
    """No false alarm."""
    proofs = [
        "when: {groups: {sameAs: watcher.groups}, watcher.groups: {has: executives}}, "
        "expect: {reason: toll-fraud, by: {deny: p/dear}}",
        "when: {user: premum, target.number: {prefix: '+4'}}, expect: {as: ../other}",
    ]
    assert [_found(proof, _USERS) for proof in proofs] == [[], []]
