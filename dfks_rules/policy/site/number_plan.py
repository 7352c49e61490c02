"""How each domain writes numbers, and which prefixes make which class."""

from collections.abc import Mapping
from typing import NamedTuple

MAX_EXTENSION = 8
"""Most digits of an extension."""


class Dialling(NamedTuple):
    """How the phones of one domain write numbers."""

    country: str | None = None
    """ISO 3166-1 alpha-2; None: only numbers with `+` or `00` can be told."""
    lengths: tuple[int, ...] | None = None
    """How many digits an extension has; None: what is not said."""
    prefixes: tuple[str, ...] = ()
    """What extensions start with; none: anything."""
    outside: str = ""
    """What is dialled first for an outside line."""
    area: str = ""
    """Area code of numbers that are written without one, without the trunk prefix."""


class NumberPlan(NamedTuple):
    """What all NumberPlan files say."""

    default: Dialling = Dialling()
    """Holds for a domain that no file names."""
    domains: Mapping[str, Dialling] = {}
    """Domain in lower case → how its phones write numbers."""
    prefixes: Mapping[str, str] = {}
    """Prefix of E.164 numbers, with `+` → the class that a file gives them."""

    @property
    def names_a_country(self) -> bool:
        """Whether there is a domain whose numbers can be read as they are dialled."""
        return any(one.country for one in (self.default, *self.domains.values()))

    def dialling(self, domain: str) -> Dialling:
        """How the phones of a domain write numbers."""
        return self.domains.get(domain, self.default)

    def class_of(self, number: str) -> str | None:
        """The class of the longest prefix of an E.164 number that a file names."""
        for length in range(min(len(number), 16), 1, -1):
            found = self.prefixes.get(number[:length])
            if found is not None:
                return found
        return None
