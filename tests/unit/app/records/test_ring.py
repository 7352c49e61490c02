"""The last requests, by place and by number."""

from typing import Any

from dfks_rules.app.records.ring import Ring


def outcomes(count: int) -> Any:
    """So many outcomes, of which the ring reads nothing."""
    return tuple(object() for _ in range(count))


def test_the_oldest_makes_way_for_the_newest() -> None:
    """Memory is bounded; places go on."""
    ring = Ring(2)
    for number in (1, 2, 3):
        ring.add(number, outcomes(1))
    assert (ring.begin, ring.end) == (1, 3)
    assert [ring.at(place)[0] for place in (1, 2)] == [2, 3]
    assert ring.place_of(1) is None
    assert ring.place_of(3) == 2


def test_a_decision_is_found_by_its_number_wherever_its_request_was_kept() -> None:
    """A request has several, and others overtake it."""
    ring = Ring(10)
    ring.add(5, outcomes(1))
    ring.add(2, outcomes(3))
    ring.add(7, outcomes(2))
    assert [ring.place_of(number) for number in range(1, 10)] == [
        *(None, 1, 1, 1, 0),
        *(None, 2, 2, None),
    ]


def test_neighbours_are_given_in_order_also_over_the_end() -> None:
    """The slots are used again from the first one on."""
    ring = Ring(4)
    for number in range(6):
        ring.add(number, outcomes(1))
    assert [number for number, _ in ring.between(2, 5)] == [2, 3, 4, 5]
    assert [number for number, _ in ring.between(4, 5)] == [4, 5]
    assert [number for number, _ in ring.between(3, 3)] == [3]


def test_a_ring_that_keeps_nothing_finds_nothing() -> None:
    """`decisions.keep: 0`."""
    ring = Ring(0)
    ring.add(1, outcomes(1))
    assert (ring.begin, ring.end, ring.place_of(1)) == (0, 0, None)
