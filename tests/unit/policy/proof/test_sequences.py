"""Lines that are logged, in order."""

import pytest

from dfks_rules.policy.proof import sequences
from dfks_rules.policy.proof.formulas import Formulas
from dfks_rules.policy.proof.meaning import Entry
from dfks_rules.policy.proof.sequences import unlike_sequences, where_they_part
from dfks_rules.policy.proof.undecided import Undecided


def _formulas(variables: int) -> Formulas:
    formulas = Formulas()
    for _ in range(variables):
        formulas.variable(2)
    return formulas


def _entries(formulas: Formulas, *said: tuple[int, str]) -> list[Entry]:
    return [Entry(formulas.literal(number, 0b10), text, text) for number, text in said]


def test_sequences_differ_where_what_is_said_in_them_differs() -> None:
    """Compared with what comes out at each point."""
    formulas = _formulas(3)
    one = _entries(formulas, (0, "a"), (1, "b"), (2, "a"))
    other = _entries(formulas, (1, "b"), (0, "a"), (2, "c"))
    unlike = unlike_sequences(one, other, formulas)
    for number in range(8):
        point = (number & 1, number >> 1 & 1, number >> 2 & 1)
        said = [
            [entry.said for entry in side if formulas.holds(entry.when, point)]
            for side in (one, other)
        ]
        assert formulas.holds(unlike, point) is (said[0] != said[1])
        if said[0] != said[1]:
            parts = where_they_part(one, other, point, formulas)
            assert all(formulas.holds(part, point) for part in parts)


def test_what_both_begin_and_end_with_costs_nothing() -> None:
    """One edit among thousands is one edit."""
    formulas = _formulas(2)
    same = _entries(formulas, *[(0, "a")] * 3_000)
    other = _entries(formulas, (1, "b"))
    assert unlike_sequences([*same, *same], [*same, *same], formulas) is formulas.false
    assert unlike_sequences([*same, *other], same, formulas) is other[0].when


def test_sequences_that_are_too_long_are_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their table would be too large."""
    monkeypatch.setattr(sequences, "MAX_PAIRS", 3)
    formulas = _formulas(4)
    one, other = (_entries(formulas, (n, "a"), (n + 1, "b")) for n in (0, 2))
    with pytest.raises(Undecided, match="log a line"):
        unlike_sequences(one, other, formulas)
