"""Texts such that every outcome that some text can have, for tests of one fact, is had by one."""

from collections.abc import Iterable
from typing import NamedTuple

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.undecided import Undecided


class Shape(NamedTuple):
    """The texts that a fact can be."""

    pattern: str
    """A regular expression that they match as a whole."""
    longest: int
    """Most characters."""


ANY_TEXT = Shape("(?s:.*)", 512)
"""Any text of a fact."""


def shape_of(fact: str) -> Shape:
    """The texts that a fact can be, if present."""
    return ANY_TEXT


def distinct_texts(
    atoms: Iterable[Atom], *, shape: Shape = ANY_TEXT, copies: int = 1
) -> tuple[str, ...]:
    """Texts that stand for every text: each outcome is had by `copies` of them.

    Args:
        atoms: tests of one fact, or of several that are to share their values.
        shape: the texts that can occur; every representative is one.
        copies: how many texts an outcome gets; fewer only where fewer have it.

    Raises:
        Undecided: a test is opaque, or there are too many cells.
    """
    raise Undecided("tests of texts are not decided yet")
