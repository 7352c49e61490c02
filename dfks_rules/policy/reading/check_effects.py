"""Whether the effects of a rule suit what it is about."""

from collections.abc import Iterator
from typing import cast

from dfks_rules.errors import Finding
from dfks_rules.model.features import SPELLINGS, VALUES_OF, Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.language.document import Also, Effects, Rule
from dfks_rules.yaml.tree import Path, Tree


def check_effects(tree: Tree, path: Path, rule: Rule, questions: set[Question]) -> list[Finding]:
    """Findings `policy_effect` about one rule.

    Args:
        tree: its file.
        path: where it stands.
        rule: the rule.
        questions: those that it can match.
    """
    findings = []
    then = (*path, "then")
    if rule.effects.allow and {operation for operation, _ in questions} != {Operation.SUBSCRIBE}:
        message = "`allow` is for rules with `op: subscribe` in `when` or in the scope"
        findings.append(tree.finding((*then, "allow"), "policy_effect", message, at_key=True))
    if rule.effects.also and {operation for operation, _ in questions} != {Operation.SET}:
        message = "`also` is for rules with `op: set` in `when` or in the scope"
        findings.append(tree.finding((*then, "also"), "policy_effect", message, at_key=True))
    if rule.effects.expire and {operation for operation, _ in questions} != {Operation.SET}:
        message = "`expire` is for rules with `op: set` in `when` or in the scope"
        findings.append(tree.finding((*then, "expire"), "policy_effect", message, at_key=True))
    features = {feature for _, feature in questions if feature is not None}
    findings += _check_values(tree, then, rule.effects, features)
    for number, also in enumerate(rule.effects.also):
        findings += _check_values(tree, (*then, "also", number), also, {also.feature})
    return findings


def _check_values(
    tree: Tree, path: Path, setting: Effects | Also, features: set[Feature]
) -> Iterator[Finding]:
    """Values that none of the features has, and words that contradict the status."""
    for value, _ in setting.values:
        if not any(value in VALUES_OF[feature] for feature in features):
            names = ", ".join(sorted(f"`{feature.value}`" for feature in features))
            message = f"{names or '`subscribe`'} has no value `{value.value}`"
            place = (*path, "values", value.value)
            yield tree.finding(place, "policy_effect", message, at_key=True)
    written = dict(setting.values)
    for spelling in {SPELLINGS[feature] for feature in features & SPELLINGS.keys()}:
        word = cast("str | None", written.get(spelling.value))
        agrees = word is None or int(spelling.status_of(word)) == setting.status
        if setting.status in (0, 1) and not agrees:
            name = spelling.value.value
            message = f"`{name}: {word}` does not go with `status: {setting.status}`"
            yield tree.finding((*path, "values", name), "policy_effect", message)
