"""What one endpoint is still to be told."""

from typing import Any

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, FEATURE_REFUSED, GAP, Event
from dfks_rules.operations.webhooks import LANES, Endpoint, Result, Tried
from dfks_rules.webhooks.lanes import ROOM, Item, lane_of
from dfks_rules.webhooks.outbox import Outbox, Portion, cursors_at
from tests.helpers.journal import ALICE
from tests.helpers.webhooks import DELIVERED, REFUSED, SECRET, users

ENDPOINT = Endpoint(
    "wh_1", "https://pbx.example.com/", SECRET, frozenset([FEATURE_CHANGED]), "test", 0.0
)


class _Found:
    type = FEATURE_CHANGED

    def __init__(self, seq: int, presentity: Aor = ALICE, *, is_broken: bool = False) -> None:
        self.seq = seq
        self.presentity = presentity
        self.is_broken = is_broken

    def item(self) -> Item:
        if self.is_broken:
            raise StoreError("store_unavailable", "disk is full")
        event = Event(FEATURE_CHANGED, self.seq, self.presentity, {})
        return Item(event, str(self.seq), float(self.seq))


def _portion(after: int, *found: _Found, first: int | None = None) -> Portion:
    return Portion(after, first or after + 1, found[-1].seq, 1_000.0, found)


def _box(after: int = 0, **said: Any) -> Outbox:
    return Outbox(ENDPOINT._replace(**said), "node", cursors_at("wh_1", after))


def _waiting(box: Outbox) -> dict[int, list[str]]:
    return {n: [item.id for item in lane.queue] for n, lane in enumerate(box.lanes) if lane.queue}


def test_each_event_waits_in_the_lane_of_its_presentity() -> None:
    """In order, and all cursors follow once nothing waits."""
    box = _box()
    people = users(20)
    box.take(_portion(0, *(_Found(n + 1, one) for n, one in enumerate(people))))
    for number, one in enumerate(people):
        assert str(number + 1) in _waiting(box)[lane_of(one)]
    assert all(lane.read_to == 20 for lane in box.lanes)
    assert box.read_from == 20


def test_what_was_taken_is_not_taken_again() -> None:
    """Lanes read the same portion when one of them is behind."""
    box = _box()
    for _ in range(2):
        box.take(_portion(0, _Found(1), _Found(2)))
    assert _waiting(box) == {lane_of(ALICE): ["1", "2"]}


def test_a_full_lane_does_not_hold_up_the_others() -> None:
    """It reads on by itself when there is room, and misses nothing."""
    box, mine = _box(), lane_of(ALICE)
    other = next(one for one in users(20) if lane_of(one) != mine)
    for seq in range(1, 101):
        box.take(_portion(seq - 1, _Found(seq)))
    box.take(_portion(100, _Found(101, other)))
    assert box.read_from == 101
    assert len(box.lanes[mine].queue) == ROOM
    told = []
    for _ in range(ROOM):
        told.append(box.lanes[mine].queue[0].event.seq)
        box.settle(mine, DELIVERED, 0.0, 0.5)
    assert box.read_from == ROOM
    box.take(_portion(ROOM, *map(_Found, range(ROOM + 1, 101)), _Found(101, other)))
    told += [item.event.seq for item in box.lanes[mine].queue]
    assert told == list(range(1, 101))
    assert _waiting(box)[lane_of(other)] == ["101"]


def test_only_wanted_events_wait() -> None:
    """Of the endpoint's domains; of others nothing is even read from the store."""
    box = _box(domains=frozenset(["other.example"]))
    box.take(_portion(0, _Found(1, is_broken=True), _Found(2, Aor("a", "other.example"))))
    assert [*_waiting(box).values()] == [["2"]]


def test_a_store_that_fails_in_the_middle_loses_nothing() -> None:
    """What was taken is not taken again, and the rest is."""
    box = _box()
    with pytest.raises(StoreError):
        box.take(_portion(0, _Found(1), _Found(2, is_broken=True)))
    box.take(_portion(0, _Found(1), _Found(2)))
    assert _waiting(box) == {lane_of(ALICE): ["1", "2"]}


def test_a_purged_part_of_the_journal_is_told_as_one_gap() -> None:
    """It says how many changes are gone; the receiver reads all presentities again."""
    box = _box(3)
    box.take(_portion(3, _Found(10), first=10))
    gaps = [item for lane in box.lanes for item in lane.queue if item.event.type == GAP]
    assert [one.event.data for one in gaps] == [{"after": 3, "missed": 6}]
    assert gaps[0].event.seq == 9
    assert gaps[0].at == 1_000.0
    assert box.missed == 6
    box.take(_portion(10, _Found(11)))
    assert box.missed == 6


def test_a_gap_is_told_again_after_a_crash_that_came_before_it_was_delivered() -> None:
    """Its lane is still in front of it."""
    box = _box(3)
    box.take(_portion(3, _Found(10, users(1)[0]), first=10))
    again = Outbox(ENDPOINT, "node", sorted([*cursors_at("wh_1", 3)])[:LANES])
    again.take(_portion(3, _Found(10, users(1)[0]), first=10))
    assert _waiting(again) == _waiting(box)


def test_coalescing_keeps_the_newest_of_each() -> None:
    """What is being tried stays."""
    box, mine = _box(is_coalescing=True), lane_of(ALICE)
    box.take(_portion(0, _Found(1), _Found(2), _Found(3)))
    assert _waiting(box) == {mine: ["3"]}
    box.lanes[mine].is_busy = True
    box.take(_portion(3, _Found(4), _Found(5)))
    assert _waiting(box) == {mine: ["3", "5"]}
    assert box.superseded == 3


def test_retry_after_holds_all_lanes() -> None:
    """429 says that there are too many requests, not which."""
    box = _box()
    box.take(_portion(0, *(_Found(n + 1, one) for n, one in enumerate(users(30)))))
    assert [*box.due(0.0)] == list(range(LANES))
    limited = Tried(Result.LIMITED, "429", 429, retry_after=60.0)
    assert box.settle(0, limited, 0.0, 0.5) is None
    assert [*box.due(59.0)] == []
    assert box.next_at == 60.0
    assert [*box.due(60.0)] == list(range(LANES))


def test_a_failing_lane_leaves_the_others_alone() -> None:
    """A presentity that the receiver chokes on holds up an eighth."""
    box = _box()
    box.take(_portion(0, *(_Found(n + 1, one) for n, one in enumerate(users(30)))))
    box.settle(3, REFUSED, 0.0, 0.5)
    assert [*box.due(1.0)] == [0, 1, 2, 4, 5, 6, 7]
    assert box.next_at == 0.0


def test_an_endpoint_that_is_off_takes_nothing() -> None:
    """Its cursors stay where they are."""
    box = _box(off="it answered 410 Gone")
    box.take(_portion(0, _Found(1)))
    box.take_passing(Item(Event(FEATURE_REFUSED, 0, ALICE, {}), "x", 0.0))
    assert _waiting(box) == {}
    assert box.read_from is None
    assert box.next_at is None
    assert [*box.due(0.0)] == []


def test_gone_keeps_the_event() -> None:
    """It is sent when somebody switches the endpoint on again."""
    box, mine = _box(), lane_of(ALICE)
    box.take(_portion(0, _Found(1)))
    box.lanes[mine].is_busy = True
    assert box.settle(mine, Tried(Result.GONE, "410", 410), 0.0, 0.5) is None
    assert _waiting(box) == {mine: ["1"]}
    assert not box.lanes[mine].is_busy


def test_passing_events_wait_while_there_is_room() -> None:
    """What finds none is counted."""
    box = _box(types=frozenset([FEATURE_REFUSED]))
    for _ in range(ROOM + 3):
        box.take_passing(Item(Event(FEATURE_REFUSED, 0, ALICE, {}), "x", 0.0))
    assert box.lost == 3
    box.take_passing(Item(Event("policies-changed", 0, None, {}), "x", 0.0))
    assert box.lost == 3


def test_lag_is_the_age_of_the_oldest() -> None:
    """And 0 where nothing waits."""
    box = _box()
    assert box.lag(1_000.0) == 0.0
    box.take(_portion(0, _Found(1), _Found(2)))
    assert box.lag(1_000.0) == 999.0


def test_moved_cursors_are_told_until_they_are_saved() -> None:
    """A write that failed is written again."""
    box = _box()
    assert box.moved() == []
    box.take(_portion(0, _Found(1)))
    moved = box.moved()
    assert len(moved) == LANES - 1
    assert box.moved() == moved
    box.saved(moved)
    assert box.moved() == []
    box.settle(lane_of(ALICE), DELIVERED, 0.0, 0.5)
    assert [one.seq for one in box.moved()] == [1]


def test_where_nobody_answers_one_lane_tries_for_all() -> None:
    """Tries that time out take places from other endpoints; when one is answered, all go on."""
    box = _box()
    box.take(_portion(0, *(_Found(n + 1, one) for n, one in enumerate(users(30)))))
    down = Tried(Result.TIMEOUT, "no answer within 10 s")
    for lane in range(LANES):
        box.lanes[lane].is_busy = True
    for lane in range(LANES - 1):
        box.settle(lane, down, 0.0, 0.5)
    assert [*box.due(5.0)] == []
    assert box.next_at is None
    box.settle(LANES - 1, down, 0.0, 0.5)
    assert box.next_at == 5.0
    assert [*box.due(4.9)] == []
    box.lanes[0].is_busy = True
    box.settle(0, DELIVERED, 5.0, 0.5)
    assert [*box.due(5.0)] == list(range(LANES))


def test_what_is_in_no_journal_is_taken_as_it_is_wanted_and_superseded_by_nothing() -> None:
    """It says something else than states."""
    box = _box(is_coalescing=True, types=frozenset([FEATURE_CHANGED, FEATURE_REFUSED]))

    class _Refused(_Found):
        type = FEATURE_REFUSED

        def item(self) -> Item:
            return Item(Event(self.type, self.seq, self.presentity, {}), str(self.seq), 0.0)

    class _Policies(_Refused):
        type = "policies-changed"

    box.take(_portion(0, _Refused(1), _Found(2), _Policies(3), _Found(4), _Refused(5)))
    assert _waiting(box) == {lane_of(ALICE): ["1", "4", "5"]}
    assert box.superseded == 1
