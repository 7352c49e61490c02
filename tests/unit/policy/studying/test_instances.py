"""Users and numbers that a site has, in place of what is said of them."""

from typing import Any

import pytest

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying import instances
from dfks_rules.policy.studying.instances import instances_of
from dfks_rules.policy.studying.proof_files import parse_proofs
from dfks_rules.policy.studying.proving import Shown, prove
from dfks_rules.policy.studying.witness import Witness, witness_of
from tests.helpers.policy import source

_PLAN = Source(
    "n.yaml",
    "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: DE\n"
    "classes: {expensive: ['+49900'], none-such: ['+99905']}\n",
)
_USERS = Source(
    "u.csv",
    "user,domain,groups,role,numbers,zone\n"
    "ann,a.example,sales,,,\nbob,a.example,sales guests,owner,+4930555123,north\n"
    "cat,b.example,guests,,,\n",
)


def _shown(when: str, *rules: str) -> Shown:
    """What refutes that nothing of the kind is refused."""
    written = "\n".join(f"- {{id: r{n}, {rule}}}" for n, rule in enumerate(rules)) or "[]"
    compiled = compile_policies([source(written), _PLAN, _USERS])
    top = "apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\nproofs:\n"
    text = f"{top}  - {{name: x, when: {when}, expect: {{decision: allow}}}}\n"
    (proof,) = parse_proofs(Source("proofs.yaml", text)).proofs
    policies = ReferencePolicySet(compiled)
    shown = prove(Claim(proof.when, proof.expect), policies, Horizon()).shown
    assert shown is not None
    witness = witness_of(shown.given)
    assert witness is not None
    assert policies.decide_view(witness.view).denial is not None
    return shown


_SET = "op: set, feature: CallForwardingBusy, request.status: 1"


@pytest.mark.parametrize(
    ("facts", "given"),
    [
        ("target.class: premium", {"request.forwardTo": "+19002345678"}),
        ("target.class: expensive", {"request.forwardTo": "+49900123456"}),
        ("target.country: JP, target.class: mobile", {"request.forwardTo": "+819012345678"}),
        ("target.number: {prefix: '+4420'}", {"request.forwardTo": "+44201234567"}),
        ("target.kind: code", {"request.forwardTo": "*72"}),
        ("target.domain: x.example", {"request.forwardTo": "sip:somebody@x.example"}),
        ("target.self: true", {"request.forwardTo": "sip:alice@example.com"}),
        ("groups: {has: guests}", {"presentity": "sip:bob@a.example"}),
        ("groups: {has: guests}, domain: b.example", {"presentity": "sip:cat@b.example"}),
        ("role: owner", {"presentity": "sip:bob@a.example"}),
        ("user: {prefix: c}", {"presentity": "sip:cat@b.example"}),
        ("user: {prefix: b}, groups: {has: guests}", {"presentity": "sip:bob@a.example"}),
        ("user: {prefix: x}", {"user": "x"}),
        ("watcher.user: {prefix: ca}", {"watcher": "sip:cat@b.example"}),
        ("user.zone: north", {"presentity": "sip:bob@a.example"}),
        (
            "watcher.groups: {has: guests}, watcher.domain: b.example",
            {"watcher": "sip:cat@b.example"},
        ),
    ],
)
def test_a_number_or_a_user_that_there_is_takes_the_place_of_facts(
    facts: str, given: dict[str, Any]
) -> None:
    """So the case can be pasted, and dialled; here each is decided by the policies again."""
    shown = _shown(f"{{{_SET}, {facts}}}", f"when: {{op: set, {facts}}}, then: {{deny: no}}")
    assert {name: shown.given.get(name) for name in given} == given
    assert not any(name.startswith("target.") or "groups" in name for name in shown.given)
    assert shown.note is None


def test_a_target_of_a_group_is_one_of_its_members() -> None:
    """Seen from whoever is in his domain."""
    facts = "domain: a.example, target.groups: {has: sales}"
    shown = _shown(f"{{{_SET}, {facts}}}", f"when: {{op: set, {facts}}}, then: {{deny: no}}")
    assert shown.given["request.forwardTo"] == "sip:ann@a.example"


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        (
            "target.class: satellite, target.country: GL",
            "as given: no number was found that is such a target",
        ),
        ("groups: {has: nobody}", "as given: the directory has no such user"),
    ],
)
def test_facts_that_nobody_has_stay_as_given(facts: str, note: str) -> None:
    """And it is said."""
    shown = _shown(f"{{{_SET}, {facts}}}", f"when: {{op: set, {facts}}}, then: {{deny: no}}")
    assert shown.note == note
    assert set(shown.given) & {"target.class", "groups"}


def test_no_more_is_tried_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory may have 200,000 users."""
    asked: list[Witness] = []
    monkeypatch.setattr(instances, "MAX_TRIED", 2)
    site = compile_policies([_PLAN, _USERS]).site
    witness = witness_of(
        {"op": "set", "feature": "CallForwardingBusy", "request.status": 1, "role": "x"}
    )
    assert witness is not None

    def tells(one: Witness) -> bool:
        asked.append(one)
        return False

    assert instances_of(site).named(witness, tells) == witness
    assert len(asked) == 2
