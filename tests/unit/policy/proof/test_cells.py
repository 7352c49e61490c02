"""Values sorted by the tests that they pass."""

from dfks_rules.policy.proof.cells import Cells, outcome
from tests.helpers.outcomes import atom


def test_a_kind_keeps_as_many_values_as_wanted() -> None:
    """The first ones, and values that are alike stay together."""
    some = [atom("user", "prefix", "a"), atom("user", "suffix", "b")]
    cells = Cells[str](lambda text: outcome(some, text), 2)
    for text in ("x", "ab", "y", "z", "y", "axb", "a"):
        cells.add(text)
    assert cells.values == ("x", "y", "ab", "axb", "a")


def test_it_does_not_matter_of_which_fact_a_test_is() -> None:
    """Facts that a rule compares share their values."""
    some = [atom("user", "prefix", "a"), atom("watcher.user", "suffix", "b")]
    assert outcome(some, "ax") == (True, False)
