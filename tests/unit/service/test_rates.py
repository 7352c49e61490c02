"""How often sets are asked for."""

from collections import defaultdict
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.service.rates import MAX_KEYS, WINDOW, Rates


def test_what_is_counted_includes_the_one_at_hand() -> None:
    """A rule that says more than ten stops the eleventh."""
    rates = Rates()
    assert [rates.add("alice", 0.0) for _ in range(3)] == [1, 2, 3]
    assert (rates.count("alice", 1.0), rates.count("bob", 1.0)) == (3, 0)


def test_a_minute_later_all_is_forgotten() -> None:
    """A phone that has calmed down is served again."""
    rates = Rates()
    rates.add("alice", 1.0)
    assert rates.count("alice", 54.0) == 1
    assert rates.count("alice", 61.0) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=60))
def test_a_count_is_that_of_the_last_minute_give_or_take_five_seconds(
    events: list[tuple[str, float]],
) -> None:
    """Counting in steps costs no more than the length of one step."""
    rates, at = Rates(), defaultdict[str, list[float]](list)
    for (key, _), now in zip(events, accumulate(gap for _, gap in events), strict=True):
        at[key].append(now)
        least = sum(now - one < WINDOW - 5 for one in at[key])
        most = sum(now - one <= WINDOW for one in at[key])
        assert least <= rates.add(key, now) <= most


def test_room_is_bounded_and_the_quietest_is_forgotten_first() -> None:
    """Invented users must not fill the memory, nor hide a phone that floods."""
    rates = Rates()
    rates.add("quiet", 0.0)
    rates.add("loud", 0.0)
    for number in range(MAX_KEYS - 2):
        rates.add(number, 0.0)
    rates.add("loud", 0.0)
    rates.add("one more", 0.0)
    assert (rates.count("quiet", 0.0), rates.count("loud", 0.0)) == (0, 2)
