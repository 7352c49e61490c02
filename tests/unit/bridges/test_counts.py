"""Counters of a bridge."""

from dfks_rules.bridges.counts import Counts


def test_line_has_every_counter() -> None:
    """Scripts split it at blanks and `=`."""
    counts = Counts(events=3)
    counts.refused += 1
    pairs = dict(one.split("=") for one in counts.line.split(" "))
    assert (pairs["events"], pairs["refused"], pairs["sweeps"]) == ("3", "1", "0")
    assert len(pairs) == 14
