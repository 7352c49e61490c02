"""So many lines a second."""

from dfks_rules.app.records.limit import Limit


def test_what_is_over_the_limit_is_counted_and_told_with_the_next_line() -> None:
    """Nobody must take ten lines for ten refusals when there were ten thousand."""
    now = 100.0
    limit = Limit(2, lambda: now)
    assert [limit.admit() for _ in range(5)] == [0, 0, None, None, None]
    now += 1
    assert [limit.admit() for _ in range(3)] == [3, 0, None]


def test_real_clock_is_used_where_none_is_given() -> None:
    """The first line is always there."""
    assert Limit(1).admit() == 0
