"""Names in proofs that their policies do not have: such a proof is about nothing, or never so."""

from collections.abc import Iterator
from typing import Any, Literal

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import fact_named
from dfks_rules.policy.studying.made_targets import made_targets
from dfks_rules.policy.studying.proof_files import ProofFile
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.yaml.tree import Path


def flaws(file: ProofFile, policies: CompiledPolicies) -> Iterator[Finding]:
    """What is wrong with proofs as the policies are; see `unknown_names` and `made_targets`."""
    yield from unknown_names(file, policies)
    yield from made_targets(file, policies)


def unknown_names(file: ProofFile, policies: CompiledPolicies) -> Iterator[Finding]:
    """Findings about classes, groups, rules and reasons that the policies do not know.

    Codes are `policy_unknown_class` and `policy_unknown_rule`, errors; and as warnings
    `policy_value` for a reason, whose proof is refuted anyway unless it lists others too, and
    `policy_unknown_group` where a group looks like one that has members: proofs may speak of
    groups that get theirs tomorrow.

    Args:
        file: the proofs.
        policies: those that they name.
    """
    names = _Known(policies)
    for path in file.tree.places:
        written = file.tree.at(path)
        if path[:1] != ("proofs",) or not isinstance(written, str):
            continue
        found = names.problem(path, written)
        if found is not None:
            code, message, severity = found
            finding = file.tree.finding(path, code, message)
            yield finding._replace(severity=severity)


_Problem = tuple[str, str, Literal["error", "warning"]]


class _Known:
    """What there is in the policies."""

    def __init__(self, policies: CompiledPolicies) -> None:
        self._classes = policies.site.classes
        self._groups = policies.site.directory.groups
        self._rules = frozenset(rule.id for rule in policies.rules)
        denials = (rule.effects.denial for rule in policies.rules)
        self._reasons = frozenset(denial.reason for denial in denials if denial is not None)

    def problem(self, path: Path, written: str) -> _Problem | None:
        """What is wrong with a text in a proof."""
        match path:
            case (_, _, "expect" | "some", "by", _) if written not in self._rules:
                hint = did_you_mean(written, self._rules)
                return (
                    "policy_unknown_rule",
                    phrase("unknown rule {written}{hint}", written=quoted(written), hint=hint),
                    "error",
                )
            case (_, _, "expect" | "some", "reason", *_) if written not in self._reasons:
                hint = did_you_mean(written, self._reasons)
                return (
                    "policy_value",
                    phrase(
                        "no rule denies for {written}{hint}", written=quoted(written), hint=hint
                    ),
                    "warning",
                )
            case (_, _, "when" | "unless", *keys):
                return self._problem_of_condition(keys, written)
            case _:
                return None

    def _problem_of_condition(self, keys: list[Any], written: str) -> _Problem | None:
        facts = [fact for key in keys if isinstance(key, str) and (fact := fact_named(key))]
        if not facts or "sameAs" in keys:
            return None
        kind = facts[-1].kind
        if kind is Kind.CLASS and written not in self._classes:
            hint = did_you_mean(written, self._classes)
            return (
                "policy_unknown_class",
                phrase("unknown class {written}{hint}", written=quoted(written), hint=hint),
                "error",
            )
        hint = did_you_mean(written, self._groups) if kind is Kind.NAMES else ""
        if hint and written not in self._groups:
            return (
                "policy_unknown_group",
                phrase("nobody is in group {written}{hint}", written=quoted(written), hint=hint),
                "warning",
            )
        return None
