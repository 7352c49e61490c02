"""Users and domains such that each pair stands for all addresses."""

from collections.abc import Iterable

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.undecided import Undecided


def distinct_addresses(
    of_address: Iterable[Atom],
    of_user: Iterable[Atom],
    of_domain: Iterable[Atom],
    *,
    copies: int = 1,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Users and domains such that each outcome that some address can have is had by a pair.

    Args:
        of_address: tests of `sip:user@domain` as a whole.
        of_user: tests of its user.
        of_domain: tests of its domain.
        copies: how many users, and how many domains, an outcome gets, where there are as many.

    Raises:
        Undecided: a test is opaque, or there are too many cells.
    """
    raise Undecided("tests of addresses are not decided yet")
