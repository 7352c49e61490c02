"""Lines to log, and sets that follow: of these all that apply count, in order."""

from collections.abc import Sequence

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.proof.formulas import Formula, Formulas
from dfks_rules.policy.proof.meaning import Entry
from dfks_rules.policy.proof.search import Point
from dfks_rules.policy.proof.undecided import Undecided

MAX_PAIRS = 40_000
"""Most pairs of entries that are compared."""


def unlike_sequences(one: Sequence[Entry], other: Sequence[Entry], formulas: Formulas) -> Formula:
    """Where two sequences differ; what is not said in the same words is taken to differ.

    Raises:
        Undecided: they are too long.
    """
    one, other = _without_ends(list(one), list(other))
    if len(one) * len(other) > MAX_PAIRS:
        raise Undecided(phrase("too many rules log a line, or have sets that follow"))
    # Of what is left from each pair of places on: whether it differs, from the ends backwards.
    row = [formulas.any_of(entry.when for entry in other[place:]) for place in range(len(other))]
    row.append(formulas.false)
    for entry in reversed(one):
        last = formulas.any_of((entry.when, row[-1]))
        current = [last]
        for place in range(len(other) - 1, -1, -1):
            current.append(_unlike(entry, other[place], row, current, place, formulas))
        row = current[::-1]
    return row[0]


def _unlike(
    entry: Entry,
    there: Entry,
    below: list[Formula],
    current: list[Formula],
    place: int,
    formulas: Formulas,
) -> Formula:
    without_one, without_other, without_both = below[place], current[-1], below[place + 1]
    same = entry.key == there.key
    if same and entry.when is there.when:
        return without_both
    absent, absent_there = formulas.negation(entry.when), formulas.negation(there.when)
    return formulas.any_of(
        (
            formulas.all_of((absent, without_one)),
            formulas.all_of((entry.when, absent_there, without_other)),
            formulas.all_of((entry.when, there.when, without_both if same else formulas.true)),
        )
    )


def _without_ends(one: list[Entry], other: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The sequences without what they have in common at both ends."""
    while one and other and _is_same(one[0], other[0]):
        one, other = one[1:], other[1:]
    while one and other and _is_same(one[-1], other[-1]):
        one, other = one[:-1], other[:-1]
    return one, other


def _is_same(one: Entry, other: Entry) -> bool:
    return one.when is other.when and one.key == other.key


def where_they_part(
    one: Sequence[Entry], other: Sequence[Entry], point: Point, formulas: Formulas
) -> list[Formula]:
    """When the two entries apply that are the first to differ at a point."""
    left, right = (
        [entry for entry in entries if formulas.holds(entry.when, point)]
        for entries in (one, other)
    )
    for place in range(max(len(left), len(right))):
        here = [side[place] for side in (left, right) if place < len(side)]
        if len(here) == 1 or here[0].key != here[1].key:
            return [entry.when for entry in here]
    return [formulas.false]
