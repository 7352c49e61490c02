"""Ready-made properties."""

from pathlib import Path

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proving import Verdict, prove
from dfks_rules.policy.studying.usual import tenants_apart, usual

_EXAMPLE = Path(__file__).parents[4] / "policies/examples/toll-fraud"
_FILES = ("policy.yaml", "numbers.yaml", "users.csv")


def test_they_are_decided_for_the_example_of_toll_fraud() -> None:
    """Some hold and some do not; none is vacuous."""
    sources = [Source(name, (_EXAMPLE / name).read_text("utf-8")) for name in _FILES]
    policies = ReferencePolicySet(compile_policies(sources))
    verdicts = {
        one.name: prove(Claim(one.when, one.expect), policies, Horizon()).verdict for one in usual()
    }
    assert verdicts["switching off is never denied"] is Verdict.PROVED
    assert verdicts["nobody watches anybody else"] is Verdict.PROVED
    assert set(verdicts.values()) <= {Verdict.PROVED, Verdict.REFUTED}


_RULE = "rules: [{id: r, when: {op: get, feature: DoNotDisturb}, then: {status: 1}}]\n"
_WEST = ("tenants/west.example/p.yaml", "west.example")


def _verdict(tenant: str | None) -> Verdict:
    """Whether a file of somebody decides nothing outside `west.example`."""
    text = f"apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: p}}\n{_RULE}"
    (apart,) = tenants_apart([Source(_WEST[0], text, _WEST[1])])
    policies = ReferencePolicySet(compile_policies([Source("p.yaml", text, tenant)]))
    claim = Claim(apart.property.when, {}, ReferencePolicySet(compile_policies(apart.others)))
    return prove(claim, policies, Horizon()).verdict


def test_a_tenant_decides_nothing_outside_its_domain() -> None:
    """And a file that is everybody's does."""
    assert _verdict("west.example") is Verdict.PROVED
    assert _verdict(None) is Verdict.REFUTED


def test_without_tenants_nothing_is_asked_of_them() -> None:
    """Files of all are no tenant's."""
    assert list(tenants_apart([Source("p.yaml", "")])) == []
