"""What came of requests, passed on."""

from dfks_rules.errors import StoreError
from dfks_rules.service.feed import Event, Failed, Feed
from tests.helpers.policy import ALICE, PHONE


def test_every_listener_is_told_in_the_order_in_which_they_began() -> None:
    """The log hears of a change before the phones do."""
    feed, told = Feed(), list[tuple[str, Event]]()
    feed.listen(lambda event: told.append(("first", event)))
    feed.listen(lambda event: told.append(("second", event)))
    event = Failed(ALICE, StoreError("store_unavailable", "disk is full"), PHONE, 1.0)
    feed.publish(event)
    assert told == [("first", event), ("second", event)]


def test_a_feed_without_listeners_takes_events() -> None:
    """Tools have nobody to tell."""
    Feed().publish(Failed(ALICE, StoreError("store_unavailable", "x"), PHONE, 1.0))
