"""What came of requests, passed on."""

from dfks_rules.errors import StoreError
from dfks_rules.model.requests import Asked
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Event, Failed, Feed, Settled
from dfks_rules.store.memory import MemoryStore
from tests.helpers.playbook import default_policies
from tests.helpers.policy import ALICE, DND, NOON, ON, PHONE
from tests.helpers.states import TOLD


def test_every_listener_is_told_in_the_order_in_which_they_began() -> None:
    """The log hears of a change before the phones do."""
    feed, told = Feed(), list[tuple[str, Event]]()
    feed.listen(lambda event: told.append(("first", event)))
    feed.listen(lambda event: told.append(("second", event)))
    event = Failed(ALICE, StoreError("store_unavailable", "disk is full"), PHONE, 1.0)
    feed.publish(event)
    assert told == [("first", event), ("second", event)]


def test_who_listens_to_sets_is_not_told_of_gets() -> None:
    """Nearly all requests are gets, and they change nothing."""
    feed, told = Feed(), list[tuple[str, Event]]()
    feed.listen_to_sets(lambda event: told.append(("sets", event)))
    feed.listen(lambda event: told.append(("all", event)))
    features = Features(MemoryStore(lambda: 0.0), default_policies(), feed)
    features.get(ALICE, PHONE, NOON, 0.0, lambda _result, _now: None)
    [(who, got)] = told
    assert isinstance(got, Settled)
    assert (who, len(got.outcomes)) == ("all", len(TOLD))
    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, lambda _result, _now: None)
    feed.publish(Failed(ALICE, StoreError("store_unavailable", "x"), PHONE, 1.0))
    assert [who for who, _ in told[1:]] == ["sets", "all"] * 2


def test_a_feed_without_listeners_takes_events() -> None:
    """Tools have nobody to tell."""
    Feed().publish(Failed(ALICE, StoreError("store_unavailable", "x"), PHONE, 1.0))


def test_who_watches_for_a_while_is_told_last_and_not_when_he_has_gone() -> None:
    """A trace costs nothing while nobody traces."""
    feed, told = Feed(), list[str]()
    feed.be_watched_by(lambda _event: told.append("guest"))
    feed.listen(lambda _event: told.append("listener"))
    event = Failed(ALICE, StoreError("store_unavailable", "x"), PHONE, 1.0)
    feed.publish(event)
    feed.be_watched_by(None)
    feed.publish(event)
    assert told == ["listener", "guest", "listener"]
