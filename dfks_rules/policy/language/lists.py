"""Lists of constants with a name, which many rules may test: a file for each."""

from dataclasses import dataclass, field
from functools import cached_property

MAX_ENTRIES = 200_000
"""Most entries of one list."""


@dataclass(frozen=True)
class NamedList:
    """The operand of `{in: {list: NAME}}` and `{prefix: {list: NAME}}`.

    A test costs the same however long the list is.
    """

    name: str
    """As policies refer to it."""
    entries: frozenset[str]
    """At least one."""
    wrong: dict[tuple[str, str], dict[str, str]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """Fact and matcher → entries that suit no value of the fact, and why; of those looked at."""

    def __repr__(self) -> str:
        """Without the entries: it is what rules are sorted by, and shown in failures of tests."""
        return f"NamedList({self.name!r})"

    def __contains__(self, value: object) -> bool:
        """Whether a value is an entry."""
        return value in self.entries

    def starts(self, text: str) -> bool:
        """Whether a text begins with an entry."""
        return any(text[:length] in self.entries for length in self._lengths)

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        """How long entries are, the shortest first."""
        return tuple(sorted({len(entry) for entry in self.entries}))
