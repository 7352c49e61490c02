"""`${fact}` in texts that are taken as they stand."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.values import PLACEHOLDER, Template
from dfks_rules.policy.lint.ranked import RankedRule


def literal_texts(rules: Iterable[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_literal_text`."""
    for rule in rules:
        for name, text, instead in _taken_as_they_stand(rule.rule.effects):
            if found := PLACEHOLDER.search(text or ""):
                message = f"`{found[0]}` in {name} of rule `{rule.name}` stays as it is; {instead}"
                yield rule.finding("policy_literal_text", message)


def _taken_as_they_stand(effects: Effects) -> Iterator[tuple[str, str | None, str]]:
    """(What it is, the text, what to do instead)."""
    for value in (effects.forward_to, *(also.forward_to for also in effects.also)):
        if isinstance(value, Template):
            yield "`default`", value.default, "write a text without facts"
        elif value is not None:
            yield "`forwardTo`", value, "write `forwardTo: {template: …}`"
    if effects.denial is not None:
        text = effects.denial.text
        yield "`text`", text, "write a fixed text, and facts into `log`"
