"""Pages of subscriptions for operators."""

import asyncio

from dfks_rules.app import subscriptions as listing
from dfks_rules.app.subscriptions import page_of, page_of_presentity
from dfks_rules.operations.ports import Place, SubscriptionRow
from dfks_rules.presence.subscriptions import Subscriptions
from tests.helpers.policy import ALICE, PHONE
from tests.helpers.subscription import active


def _some(count: int) -> Subscriptions:
    subscriptions = Subscriptions()
    for number in range(count):
        subscriptions.add(active(b"%04d" % number, 10.0 + number % 3))
    return subscriptions


async def _all(subscriptions: Subscriptions, at_most: int) -> list[SubscriptionRow]:
    rows: list[SubscriptionRow] = []
    place: Place | None = Place()
    while place is not None:
        page = await page_of(subscriptions, None, place, at_most)
        assert len(page.rows) <= at_most
        rows += page.rows
        place = page.next
    return rows


async def test_all_are_listed_page_by_page() -> None:
    """Each once."""
    subscriptions = _some(25)
    assert len(await _all(subscriptions, 4)) == 25
    assert len(await _all(subscriptions, 500)) == 25


async def test_one_that_came_back_to_its_second_is_listed_once() -> None:
    """A phone presses a key at once: its deadline came nearer, and moved back."""
    subscriptions = Subscriptions()
    one = active(b"moved", 20.0)
    subscriptions.add(one)
    for deadline, now in ((12.0, 0.0), (20.0, 12.0)):
        one.refreshing()
        one.refreshed(PHONE, deadline)
        subscriptions.schedule(one)
        subscriptions.due(now)
    assert subscriptions._entries == 2
    assert len(await _all(subscriptions, 500)) == 1


async def test_another_domain_sees_none_of_them() -> None:
    """The list is over all the same."""
    page = await page_of(_some(25), frozenset(["acme.example"]), Place(), 100)
    assert (page.rows, page.next) == ([], None)


async def test_only_so_many_are_looked_at_for_a_page() -> None:
    """The rest is for the next one, and the loop turns in between."""
    subscriptions = _some(listing.LOOKED_AT + 10)
    turned: list[int] = []
    asyncio.get_running_loop().call_soon(turned.append, 1)
    page = await page_of(subscriptions, frozenset(["acme.example"]), Place(), 100)
    assert page.rows == []
    assert page.next is not None
    assert turned


async def test_those_of_one_presentity_come_by_their_tags() -> None:
    """Whoever comes or goes meanwhile moves nobody."""
    subscriptions = _some(25)
    first = await page_of_presentity(subscriptions, ALICE, Place(), 10)
    assert len(first.rows) == 10
    assert first.next == Place(tag="0009")
    gone = subscriptions.at(b"0003")
    assert gone is not None
    subscriptions.remove(gone)
    second = await page_of_presentity(subscriptions, ALICE, first.next, 100)
    assert (len(second.rows), second.next) == (15, None)
