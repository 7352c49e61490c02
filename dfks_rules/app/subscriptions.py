"""The live subscriptions for operators, page by page: phones do not wait for a long list."""

import asyncio
import heapq
from collections.abc import Iterable, Iterator

from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import Place, SubscriptionPage, SubscriptionRow
from dfks_rules.operations.turns import Turns
from dfks_rules.presence.package import EVENT
from dfks_rules.presence.subscriptions import Subscriptions

LOOKED_AT = 20_000
"""Most that are looked at for one page: those of a small tenant are far apart."""
PORTION = 64
"""How many of them at once; 0.2 ms where all are shown."""


def rows_of(
    subscriptions: Subscriptions, tags: Iterable[bytes], now: float
) -> Iterator[SubscriptionRow]:
    """What operators see of these, of those that live.

    Args:
        subscriptions: all of them.
        tags: of those that are wanted.
        now: monotonic seconds.
    """
    for tag in tags:
        subscription = subscriptions.at(tag)
        if subscription is None:
            continue
        dialog = subscription.dialog
        yield SubscriptionRow(
            subscription.presentity.uri,
            subscription.watcher.uri,
            dialog.call_id.decode(errors="replace"),
            max(0, int(subscription.deadline - now)),
            dialog.contact.decode(errors="replace"),
            EVENT.decode(),
            dialog.flow.listener.transport,
            subscription.proof.value,
        )


async def page_of(
    subscriptions: Subscriptions, domains: frozenset[str] | None, place: Place, at_most: int
) -> SubscriptionPage:
    """Some of everybody's, from a place on; see `operations.ports.Operations.subscription_page`."""
    loop = asyncio.get_running_loop()
    rows: list[SubscriptionRow] = []
    shown: set[bytes] = set()
    """The calendar has one twice whose deadline came nearer, and moved back."""
    turns = Turns()
    second, index = place.second, max(0, place.entry)
    for _ in range(LOOKED_AT // PORTION):
        found, goes_on = subscriptions.listed(second, index, PORTION)
        left = at_most - len(rows)
        seen = [one for one in found if domains is None or one[3].domain in domains][:left]
        tags = dict.fromkeys(tag for _, _, tag, _ in seen if tag not in shown)
        rows += rows_of(subscriptions, tags, loop.time())
        shown.update(tags)
        if len(seen) == left:
            last_second, last_index, _, _ = seen[-1]
            return SubscriptionPage(rows, Place(last_second, last_index))
        if goes_on is None:
            return SubscriptionPage(rows, None)
        second, index = goes_on
        await turns.rest()
    return SubscriptionPage(rows, Place(second, index))


async def page_of_presentity(
    subscriptions: Subscriptions, presentity: Aor, place: Place, at_most: int
) -> SubscriptionPage:
    """Some of those of one presentity, in the order of their tags."""
    loop = asyncio.get_running_loop()
    last = place.tag.encode()
    tags = heapq.nsmallest(
        at_most + 1, [tag for tag in subscriptions.tags(presentity) if tag > last]
    )
    rows: list[SubscriptionRow] = []
    turns = Turns()
    for tag in tags[:at_most]:
        await turns.rest()
        rows += rows_of(subscriptions, (tag,), loop.time())
    goes_on = len(tags) > at_most
    return SubscriptionPage(rows, Place(tag=tags[at_most - 1].decode()) if goes_on else None)
