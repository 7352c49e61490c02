"""Moments such that every outcome that some moment can have is had by one."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.undecided import Undecided


def distinct_moments(atoms: Iterable[Atom], *, zone: tzinfo, years: range) -> tuple[datetime, ...]:
    """Moments that stand for every moment of some years.

    Args:
        atoms: tests of `time`, `weekday`, `date` and `now`.
        zone: the server's, in which policies tell the time.
        years: the horizon; nothing is said of others.

    Raises:
        Undecided: a test is opaque.
    """
    raise Undecided("tests of moments are not decided yet")
