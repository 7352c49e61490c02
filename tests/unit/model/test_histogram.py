"""Durations, counted by size."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.model.histogram import Histogram

_BOUNDS = (0.001, 0.01, 0.1)


def test_duration_counts_in_the_first_bucket_that_it_fits_into() -> None:
    """A bound belongs to the bucket below it, as Prometheus says `le`."""
    histogram = Histogram(_BOUNDS)
    for seconds in (0.0, 0.001, 0.0011, 0.05, 7.0):
        histogram.observe(seconds)
    assert histogram.counts == [2, 1, 1, 1]
    assert histogram.total == 0.0 + 0.001 + 0.0011 + 0.05 + 7.0


@given(st.lists(st.floats(0, 1)))
def test_nothing_is_lost_and_nothing_counts_twice(durations: list[float]) -> None:
    """A share of all is worth nothing when the parts do not add up to it."""
    histogram = Histogram(_BOUNDS)
    for seconds in durations:
        histogram.observe(seconds)
    assert sum(histogram.counts) == len(durations)
    edges = [-1.0, *_BOUNDS, 2.0]
    expected = [sum(low < one <= high for one in durations) for low, high in pairwise(edges)]
    assert histogram.counts == expected


def test_bucket_remembers_the_last_decision_in_it() -> None:
    """Whoever sees that something took long wants to know what it was."""
    histogram = Histogram(_BOUNDS)
    histogram.observe(0.05, 3)
    histogram.observe(0.06, 4)
    histogram.observe(0.0, 5)
    assert histogram.examples == {2: (4, 0.06)}
