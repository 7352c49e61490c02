"""Proofs about targets, beside rules that put other targets in their place."""

from collections.abc import Iterator

from dfks_rules.errors import Finding
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import Value
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.language.document import Rule, atoms_of
from dfks_rules.policy.language.values import Template
from dfks_rules.policy.proof.claims import can_hold
from dfks_rules.policy.studying.proof_files import ProofFile, Property

_ASKED = "${request.forwardTo}"
"""A template that is the target that is asked for."""


def made_targets(file: ProofFile, policies: CompiledPolicies) -> Iterator[Finding]:
    """Findings `policy_made_target`: a proof is about the target that is asked for, and a rule may
    store another one in such requests. One for each proof, with the first rule.

    Args:
        file: the proofs.
        policies: those that they name.
    """
    making = [rule for rule in policies.rules if _makes(rule)]
    for place, proof in enumerate(file.proofs):
        rule = next((one for one in making if _meets(proof, one)), None)
        if rule is not None:
            message = phrase(
                "the proof is about the target that is asked for; rule `{id}` stores "
                "another one, of which it says nothing: expect its `values`",
                id=rule.id,
            )
            finding = file.tree.finding(("proofs", place), "policy_made_target", message)
            yield finding._replace(severity="warning")


def _makes(rule: Rule) -> bool:
    """Whether a rule stores a target that nobody asked for."""
    said = dict(rule.effects.values).get(Value.FORWARD_TO)
    return said is not None and said != "" and said != Template(_ASKED) and not rule.shadow


def _meets(proof: Property, rule: Rule) -> bool:
    """Whether a proof that says nothing of values is about requests in which a rule may apply."""
    if proof.other is not None or proof.is_some or "values" in proof.expect:
        return False
    if not any(atom.fact.startswith("target.") for atom in atoms_of(proof.when)):
        return False
    return any(
        question[0] is Operation.SET
        and can_hold(proof.when, question, None) is not False
        and can_hold(rule.condition, question, None) is not False
        for question in QUESTIONS
    )
