"""Properties: proved, refuted by a case, vacuous, or not decided."""

import pytest

from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proof_files import parse_proofs
from dfks_rules.policy.studying.proving import Proved, Verdict, prove
from tests.helpers.spaces import compiled

_RULES = """
    - {id: dear, when: {op: set, target.class: premium}, unless: {role: boss}, then: {deny: dear}}
"""
_OFFICE = "schedules: {office: {weekly: [Mon-Fri 08:00-18:00]}}"


def _proved(proof: str, other: str | None = None) -> Proved:
    head = f"apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\n{_OFFICE}\n"
    (one,) = parse_proofs(Source("proofs.yaml", f"{head}proofs: [{{name: x, {proof}}}]")).proofs
    against = None if other is None else ReferencePolicySet(compiled(other))
    claim = Claim(one.when, one.expect, against, one.is_some)
    return prove(claim, ReferencePolicySet(compiled(_RULES)), Horizon())


def test_what_holds_for_every_request_is_proved() -> None:
    """And no horizon is told where time does not matter."""
    proof = "when: {op: set, target.class: premium, role: guest}, expect: {reason: dear}"
    assert _proved(proof) == Proved(Verdict.PROVED)


def test_what_does_not_is_refuted_by_as_few_facts_as_possible() -> None:
    """They can be pasted into a case."""
    proved = _proved("when: {op: set, target.class: premium}, expect: {decision: deny}")
    assert proved.verdict is Verdict.REFUTED
    assert proved.shown is not None
    assert proved.shown.given == {
        "op": "set",
        "feature": "CallForwardingAlways",
        "request.status": 0,
        "request.forwardTo": "+19002345678",
        "role": "boss",
    }
    assert proved.shown.answer["decision"] == "allow"


def test_what_depends_on_the_time_is_proved_for_some_years() -> None:
    """Nobody knows when clocks will change after that."""
    proof = "when: {op: get, time: {during: office}}, expect: {decision: allow}"
    assert _proved(proof) == Proved(Verdict.PROVED, horizon=Horizon())


def test_what_no_request_can_pass_is_vacuous() -> None:
    """Such a proof would calm its author for nothing."""
    proof = "when: {op: set, feature: DoNotDisturb, target.class: premium}, expect: {status: 0}"
    assert _proved(proof).verdict is Verdict.VACUOUS


def test_a_request_that_there_is_said_to_be_is_looked_for() -> None:
    """Found or not."""
    found = _proved("when: {op: set}, some: {by: {deny: p/dear}}")
    assert (found.verdict, found.shown is not None) == (Verdict.PROVED, True)
    missing = _proved("when: {op: set, role: boss}, some: {decision: deny}")
    assert missing == Proved(Verdict.REFUTED)


def test_other_policies_may_be_what_is_expected() -> None:
    """For some requests nothing shall change."""
    other = _RULES.replace("premium", "[premium, mobile]")
    same = "when: {target.class: premium}, expect: {as: ../other}"
    assert _proved(same, other).verdict is Verdict.PROVED
    differs = _proved("when: {op: set}, expect: {as: ../other}", other)
    assert differs.verdict is Verdict.REFUTED
    assert differs.shown is not None
    assert differs.shown.given["request.forwardTo"] == "+4915123456789"


def test_what_cannot_be_decided_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never called proved."""

    def opaque(_space: Space, _condition: object) -> None:
        raise Undecided("nobody can read this")

    monkeypatch.setattr(Space, "condition", opaque)
    proved = _proved("when: {op: set}, expect: {decision: allow}")
    assert (proved.verdict, proved.reason) == (Verdict.UNDECIDED, "nobody can read this")
