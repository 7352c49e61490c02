"""How often sets are asked for."""

from collections import defaultdict
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.service.rates import MAX_KEYS, MINUTE, WINDOWS, Counts, Rates, Tally


def counting() -> Counts:
    """Counts over a minute."""
    return Counts(MINUTE, {"rates_forgotten": 0})


def test_what_is_counted_includes_the_one_at_hand() -> None:
    """A rule that says more than ten stops the eleventh."""
    rates = counting()
    assert [rates.add("alice", 0.0) for _ in range(3)] == [1, 2, 3]
    assert (rates.count("alice", 1.0), rates.count("bob", 1.0)) == (3, 0)


def test_a_minute_later_all_is_forgotten() -> None:
    """A phone that has calmed down is served again."""
    rates = counting()
    rates.add("alice", 1.0)
    assert rates.count("alice", 54.0) == 1
    assert rates.count("alice", 61.0) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=60))
def test_a_count_is_that_of_the_last_minute_give_or_take_five_seconds(
    events: list[tuple[str, float]],
) -> None:
    """Counting in steps costs no more than the length of one step."""
    rates, at = counting(), defaultdict[str, list[float]](list)
    for (key, _), now in zip(events, accumulate(gap for _, gap in events), strict=True):
        at[key].append(now)
        least = sum(now - one < MINUTE.seconds - 5 for one in at[key])
        most = sum(now - one <= MINUTE.seconds for one in at[key])
        assert least <= rates.add(key, now) <= most


def test_room_is_bounded_and_the_quietest_is_forgotten_first() -> None:
    """Invented users must not fill the memory, nor hide a phone that floods."""
    rates = counting()
    rates.add("quiet", 0.0)
    rates.add("loud", 0.0)
    for number in range(MAX_KEYS - 2):
        rates.add(number, 0.0)
    rates.add("loud", 0.0)
    rates.add("one more", 0.0)
    assert (rates.count("quiet", 0.0), rates.count("loud", 0.0)) == (0, 2)


def test_whoever_is_forgotten_in_its_window_is_counted() -> None:
    """Of those who were quiet for the whole window nothing is lost."""
    told: dict[str, int] = {}
    rates = Rates(told)
    for number in range(MAX_KEYS + 2):
        rates.add(frozenset({"rate.user", "rate.user.hour"}), {"user": number}, number / 1000)
    assert told == {"rates_forgotten": 2}


def test_an_hour_and_a_day_are_counted_apart_from_a_minute() -> None:
    """Ten changes a day are many, and no storm."""
    rates, keys = Rates({}), {"user": "alice"}
    names = frozenset({"rate.user", "rate.user.hour", "rate.user.day"})
    for now in (0.0, 1000.0, 5000.0):
        rates.add(names, keys, now)
    assert rates.count(names, keys, 5030.0) == {
        "rate.user": 1,
        "rate.user.hour": 1,
        "rate.user.day": 3,
    }
    assert rates.count(names, keys, 5000.0 + WINDOWS[".day"].seconds + 1)["rate.user.day"] == 0


def test_a_set_counts_by_all_that_it_has() -> None:
    """An operator has no device, and a set that names no target counts for none."""
    rates, names = Rates({}), frozenset({"rate.domain", "rate.device", "rate.target.hour"})
    assert rates.add(names, {"domain": "a", "target": "+49"}, 0.0) == {
        "rate.domain": 1,
        "rate.target.hour": 1,
    }
    assert rates.add(names, {"domain": "a"}, 0.0) == {"rate.domain": 2}
    assert rates.count(names, {"domain": "a", "target": "+49"}, 1.0)["rate.target.hour"] == 1


def test_a_request_that_is_decided_again_counts_once() -> None:
    """However often somebody else was faster."""
    rates = Rates({})
    tally, names = Tally(rates, 0.0), frozenset({"rate.user"})
    for _ in range(3):
        tally.begin()
        assert [tally.add(names, {"user": "a"}) for _ in range(2)] == [
            {"rate.user": 1},
            {"rate.user": 2},
        ]
    assert tally.count(names, {"user": "a"}) == {"rate.user": 2}
