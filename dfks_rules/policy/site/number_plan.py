"""How each domain writes numbers, and which prefixes belong to which class."""

from collections.abc import Mapping
from typing import NamedTuple

from dfks_rules.policy.site.star_codes import StarCode

MAX_EXTENSION = 8
"""Most digits of an extension."""


class Dialling(NamedTuple):
    """How the phones of one domain write numbers."""

    country: str | None = None
    """ISO 3166-1 alpha-2; None: only numbers with `+` or `00` are recognised."""
    lengths: tuple[int, ...] | None = None
    """How many digits an extension can have; None: not specified."""
    prefixes: tuple[str, ...] = ()
    """Prefixes of extensions; empty: any prefix."""
    outside: str = ""
    """Prefix dialled for an outside line."""
    area: str = ""
    """Area code assumed for numbers written without one; no trunk prefix."""


class NumberPlan(NamedTuple):
    """The content of all NumberPlan files."""

    default: Dialling = Dialling()
    """Applies to domains that no file names."""
    domains: Mapping[str, Dialling] = {}
    """Domain in lower case → how its phones write numbers."""
    prefixes: Mapping[str, str] = {}
    """Prefix of E.164 numbers, with `+` → the class a file assigns to them."""
    codes: Mapping[str, Mapping[str, StarCode]] = {}
    """Domain in lower case → star code → what it does."""

    @property
    def names_a_country(self) -> bool:
        """Whether nationally dialled numbers can be read in at least one domain."""
        return any(one.country for one in (self.default, *self.domains.values()))

    def dialling(self, domain: str) -> Dialling:
        """How the phones of a domain write numbers."""
        return self.domains.get(domain, self.default)

    def class_of(self, number: str) -> str | None:
        """The class of the longest listed prefix of an E.164 number; None when none matches."""
        for length in range(min(len(number), 16), 1, -1):
            found = self.prefixes.get(number[:length])
            if found is not None:
                return found
        return None
