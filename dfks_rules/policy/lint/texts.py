"""`${fact}` in texts that are used literally."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.values import PLACEHOLDER, Rewritten, Template
from dfks_rules.policy.lint.ranked import RankedRule


def literal_texts(rules: Iterable[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_literal_text`."""
    for rule in rules:
        for name, text, instead in _taken_as_they_stand(rule.rule.effects):
            if found := PLACEHOLDER.search(text or ""):
                message = f"`{found[0]}` in {name} of {rule.rule.told} is not replaced; {instead}"
                yield rule.finding("policy_literal_text", message)


def _taken_as_they_stand(effects: Effects) -> Iterator[tuple[str, str | None, str]]:
    """The texts used literally: (what it is, the text, what to do instead)."""
    also = [pair for one in effects.also for pair in one.values]
    for value, written in (*effects.values, *also):
        if isinstance(written, Template | Rewritten):
            yield "`default`", written.default, "write a text without facts"
        elif isinstance(written, str):
            yield f"`{value.value}`", written, f"write `{value.value}: {{template: …}}`"
