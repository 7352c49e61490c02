"""Spaces of requests, for tests of proofs."""

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.space import Cell, Space
from tests.helpers.policy import source
from tests.helpers.twins import decided_of

SET_DND: Question = (Operation.SET, Feature.DO_NOT_DISTURB)
SET_CFB: Question = (Operation.SET, Feature.CALL_FORWARDING_BUSY)
GET_CFB: Question = (Operation.GET, Feature.CALL_FORWARDING_BUSY)
SET_AGENT: Question = (Operation.SET, Feature.AGENT_STATE)
SUBSCRIBE: Question = (Operation.SUBSCRIBE, None)
ANYWHERE = Cell(None)
"""Any domain, as no rule names one."""


def compiled(rules: str, head: str = "") -> CompiledPolicies:
    """One policy, named `p`."""
    return compile_policies([source(rules, head)])


def needing(question: Question, *facts: str) -> Needs:
    """What reads these facts."""
    needs = Needs(question)
    for fact in facts:
        needs.fact(fact)
    return needs


def space_of(needs: Needs, cell: Cell = ANYWHERE) -> Space:
    """The requests that these needs tell apart."""
    return Space(needs, cell, Horizon())


def decided(rules: str, question: Question, cell: Cell = ANYWHERE) -> Decided:
    """What one policy decides."""
    return decided_of(ReferencePolicySet(compiled(rules)), question, cell)
