"""Ready-made properties."""

from pathlib import Path

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.oracle import Oracle
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proving import Verdict, prove
from dfks_rules.policy.studying.usual import usual

_EXAMPLE = Path(__file__).parents[4] / "policies/examples/toll-fraud"
_FILES = ("policy.yaml", "numbers.yaml", "users.csv")


def test_they_are_decided_for_the_example_of_toll_fraud() -> None:
    """Some hold and some do not; none is vacuous."""
    sources = [Source(name, (_EXAMPLE / name).read_text("utf-8")) for name in _FILES]
    policies = Oracle(compile_policies(sources))
    verdicts = {
        one.name: prove(Claim(one.when, one.expect), policies, Horizon()).verdict for one in usual()
    }
    assert verdicts["switching off is never denied"] is Verdict.PROVED
    assert verdicts["nobody watches anybody else"] is Verdict.PROVED
    assert set(verdicts.values()) <= {Verdict.PROVED, Verdict.REFUTED}
