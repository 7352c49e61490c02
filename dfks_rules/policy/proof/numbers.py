"""Counts and network addresses such that every outcome that some value can have is had by one."""

from collections.abc import Iterable

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.undecided import Undecided

MOST = 1000
"""The largest count."""


def distinct_counts(
    atoms: Iterable[Atom], also_cut_at: Iterable[int] = (), *, copies: int = 1
) -> tuple[int, ...]:
    """Counts that stand for every count: those between two constants behave alike.

    Args:
        atoms: tests of one fact.
        also_cut_at: counts that something else tells from those below and above, like a bound.
        copies: how many counts an outcome gets; fewer only where fewer have it.

    Raises:
        Undecided: a test is opaque.
    """
    raise Undecided("tests of counts are not decided yet")


def distinct_ips(atoms: Iterable[Atom], *, copies: int = 1) -> tuple[str, ...]:
    """Addresses, of IPv4 and of IPv6, that stand for every address.

    Raises:
        Undecided: a test is opaque.
    """
    raise Undecided("tests of addresses are not decided yet")
