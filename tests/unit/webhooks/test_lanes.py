"""One lane."""

from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, FEATURE_REFUSED, Event
from dfks_rules.operations.webhooks import LANES, Cursor
from dfks_rules.webhooks.lanes import ROOM, Item, Lane, lane_of
from dfks_rules.webhooks.retries import LIMIT
from tests.helpers.journal import ALICE
from tests.helpers.webhooks import users

BOB = Aor("bob", "example.com")


def _item(seq: int, presentity: Aor = ALICE) -> Item:
    return Item(Event(FEATURE_CHANGED, seq, presentity, {}), str(seq), float(seq))


def _lane(*items: Item) -> Lane:
    lane = Lane(Cursor("wh", 0, 10))
    for item in items:
        lane.push(item)
    return lane


def test_presentities_are_spread_over_lanes_that_never_change() -> None:
    """Cursors outlive the server, so this must not depend on the process."""
    assert lane_of(ALICE) == 1
    assert lane_of(None) == 0
    assert {lane_of(one) for one in users(100)} == set(range(LANES))


def test_done_to_is_below_whatever_waits() -> None:
    """What was read but not sent is read again after a crash."""
    lane = _lane(_item(12), _item(15))
    lane.read_to = 20
    assert lane.done_to == 10
    lane.finish()
    assert lane.done_to == 12
    lane.finish()
    assert lane.done_to == 20
    lane.push(_item(25))
    assert lane.done_to == 20


def test_events_that_are_not_in_the_journal_move_nothing() -> None:
    """They have no number."""
    lane = _lane(_item(0))
    assert lane.read_to == lane.done_to == 10
    lane.finish()
    assert lane.done_to == 10


def test_a_newer_event_supersedes_those_of_the_same_presentity() -> None:
    """Only where nobody has tried to send them."""
    lane = _lane(_item(12), _item(13, BOB), _item(14))
    assert lane.supersede(ALICE) == 2
    assert [item.id for item in lane.queue] == ["13"]
    lane.fail(0.0, 0.5, None)
    assert lane.supersede(BOB) == 0


def test_a_change_supersedes_nothing_but_changes() -> None:
    """What is not in the journal would be lost: a refusal is told by no state that follows."""
    refusal = Item(Event(FEATURE_REFUSED, 0, ALICE, {}), "refusal", 1.0)
    lane = _lane(refusal, _item(12))
    assert lane.supersede(ALICE) == 1
    assert [item.id for item in lane.queue] == ["refusal"]


def test_a_failed_event_waits_longer_each_time_and_is_given_up_after_a_day() -> None:
    """And the next one begins anew."""
    lane, now = _lane(_item(12), _item(13)), 0.0
    while lane.fail(now, 0.5, None):
        assert lane.due > now
        now = lane.due
    assert LIMIT - 3_600 < now <= LIMIT
    assert lane.finish().id == "12"
    assert (lane.tries, lane.waited, lane.due) == (0, 0.0, 0.0)


def test_tries_go_on_from_where_the_life_before_was() -> None:
    """Otherwise a server that restarts often would never give up."""
    lane = Lane(Cursor("wh", 0, 10, tries=27, waited=LIMIT - 60))
    lane.push(_item(12))
    assert not lane.fail(0.0, 0.5, None)


def test_a_lane_holds_a_bounded_number_and_is_filled_when_half_of_it_is_gone() -> None:
    """Otherwise each event that is delivered would read a portion of the journal."""
    lane = _lane(*map(_item, range(11, 11 + ROOM)))
    assert not lane.has_room
    lane.finish()
    assert lane.has_room
    assert not lane.is_low
    while len(lane.queue) > ROOM // 2:
        lane.finish()
    assert lane.is_low
