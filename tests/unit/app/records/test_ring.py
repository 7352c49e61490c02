"""The last requests, by place and by number."""

from typing import Any

from dfks_rules.app.records.ring import Keeper, Ring
from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.gets import Came, Got
from dfks_rules.model.requests import Requester
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.service.feed import Failed, Settled
from tests.helpers.playbook import default_policies
from tests.helpers.policy import ALICE, NOON, OPERATOR, PHONE


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


def _got(requester: Requester) -> Got:
    gets = default_policies().decide_gets(ALICE, requester, NOTHING_STORED, NOON)
    return Got(gets, ALICE, requester, NOTHING_STORED, NOON, NOWHERE)


def test_what_is_decided_is_kept_and_written_but_failures_are_not() -> None:
    """They have decided nothing."""
    ring, written = Ring(10), list[tuple[int, Came]]()
    keeper = Keeper(ring, lambda first, came: written.append((first, came)))
    got = _got(PHONE)
    keeper.hear(Settled(ALICE, got, 7, PHONE, NOON, 0.0))
    keeper.hear(Failed(ALICE, StoreError("store_unavailable", "full"), PHONE, 0.0))
    assert keeper.made == got.count
    assert [ring.at(place) for place in range(ring.begin, ring.end)] == written == [(7, got)]


def test_what_an_operator_reads_is_only_written() -> None:
    """It must not displace what others were refused."""
    ring, written = Ring(10), list[tuple[int, Came]]()
    keeper = Keeper(ring, lambda first, came: written.append((first, came)))
    got = _got(OPERATOR)
    keeper.keep(1, got)
    keeper.keep(6, got.outcomes)
    assert (ring.end, keeper.made) == (0, 2 * got.count)
    assert written == [(1, got), (6, got.outcomes)]
    Keeper(ring).keep(1, got)
    assert ring.end == 0
