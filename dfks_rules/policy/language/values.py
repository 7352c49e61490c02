"""Values that rules compute from facts: texts with placeholders, and numbers within bounds."""

import re
from typing import NamedTuple

from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.facts.fact import FactLookup

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
"""A placeholder for a fact."""


class Template(NamedTuple):
    """Text with placeholders for facts."""

    text: str
    """With `${fact}` for each fact."""
    default: str | None = None
    """The value when a fact is absent, or the result is empty, too long or unprintable."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that it reads."""
        return frozenset(PLACEHOLDER.findall(self.text))

    def value(self, lookup: FactLookup) -> str | None:
        """The text for the current request; None has the same effect as no template."""
        if any(lookup(name) is None for name in self.facts):
            return self.default
        text = PLACEHOLDER.sub(lambda placeholder: _written(lookup(placeholder[1])), self.text)
        return text if text.isprintable() and 0 < len(text) <= MAX_TEXT else self.default


WITH_NUMBER = ("request.forwardTo", "target.number")
"""Facts that can be rewritten as the number of the target that is asked for."""


class Rewritten(NamedTuple):
    """A fact with another beginning, or as a number in E.164 form, for what dials it."""

    fact: str
    """Name of the fact."""
    strip: str = ""
    """Removed from the beginning, if it begins so."""
    prefix: str = ""
    """Put before the rest."""
    default: str | None = None
    """The value when the fact is absent, or the result is empty, too long or unprintable."""
    is_number: bool = False
    """The target's number in place of the fact; a target without a number stays as written."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that it reads."""
        return frozenset({self.fact, "target.number"} if self.is_number else {self.fact})

    def value(self, lookup: FactLookup) -> str | None:
        """The text for the current request; None has the same effect as no value."""
        written = lookup(self.fact)
        if written is None:
            return self.default
        number = lookup("target.number") if self.is_number else None
        if self.is_number and number is None:
            text = str(written)
        else:
            text = self.prefix + str(written if number is None else number).removeprefix(self.strip)
        return text if text.isprintable() and 0 < len(text) <= MAX_TEXT else self.default


class Clamped(NamedTuple):
    """A number read from a fact and kept within bounds."""

    fact: str
    """Name of the fact."""
    minimum: int
    """A smaller number becomes this one."""
    maximum: int
    """A larger number becomes this one."""
    default: int | None = None
    """The value when the fact is absent."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that it reads."""
        return frozenset({self.fact})

    def value(self, lookup: FactLookup) -> int | None:
        """The number for the current request; None has the same effect as no value."""
        number = lookup(self.fact)
        if not isinstance(number, int):
            return self.default
        return min(max(number, self.minimum), self.maximum)


def line(text: str, lookup: FactLookup) -> str:
    """One log line with each `${fact}` replaced by its value; `-` for an absent fact."""

    def written(placeholder: re.Match[str]) -> str:
        fact = _written(lookup(placeholder[1]))
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in fact)

    return PLACEHOLDER.sub(written, text)


def _written(fact: str | int | tuple[str, ...] | None) -> str:
    if isinstance(fact, tuple):
        return ",".join(fact)
    return "-" if fact is None else str(fact)
