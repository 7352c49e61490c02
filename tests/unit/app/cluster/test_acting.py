"""What one node does for all."""

import asyncio
from typing import cast

import pytest

from dfks_rules.app.cluster.acting import LOOK, Acting, ActingWebhooks
from dfks_rules.errors import StoreError
from dfks_rules.operations.events import FEATURE_CHANGED
from dfks_rules.operations.webhooks import NewEndpoint
from dfks_rules.store.postgres.webhooks import WebhookTables
from tests.helpers.cluster import Site, virtually
from tests.helpers.engine import Fault, Loss, Script
from tests.helpers.journal import ALICE
from tests.helpers.webhooks import Bench, MemoryWebhookStore

_NEW = NewEndpoint("https://pbx.example.com/", frozenset({FEATURE_CHANGED}), "desk", None, False)


class _Tables(MemoryWebhookStore):
    """What all nodes keep, as one of them has loaded it."""

    loads = 0

    async def load(self) -> None:
        self.loads += 1

    async def written(self) -> None:
        """Everything is, at once."""


class _Acting:
    """One node; all of them have the journal and the tables of a bench."""

    def __init__(self, site: Site, bench: Bench, epoch: int, faults: Script | None = None) -> None:
        tables = cast(WebhookTables, bench.store)
        self.webhooks = ActingWebhooks(
            site.engine(faults), epoch, lambda: tables, lambda _tables: bench.service()
        )
        self.webhooks.begin()


def _bench() -> Bench:
    bench = Bench()
    bench.store = _Tables()
    return bench


@virtually
async def test_the_oldest_node_tells_and_the_others_say_so() -> None:
    """An operator is sent to it."""
    site, bench = Site(), _bench()
    one, other = await site.member("a"), await site.member("b")
    acting, waiting = _Acting(site, bench, one.epoch), _Acting(site, bench, other.epoch)
    await asyncio.sleep(LOOK / 2)
    await acting.webhooks.service.add(_NEW)
    assert len(acting.webhooks.rows()) == 1
    with pytest.raises(StoreError, match="a tells webhooks: ask it") as raised:
        _ = waiting.webhooks.service
    assert raised.value.code == "webhooks_elsewhere"
    assert (waiting.webhooks.rows(), waiting.webhooks.counts) == ([], {})
    for each in (acting, waiting):
        await each.webhooks.end()


@virtually
async def test_whoever_comes_next_goes_on_where_the_one_before_was() -> None:
    """Nothing is lost, though nobody told for a while."""
    site, bench = Site(), _bench()
    one, other = await site.member("a"), await site.member("b")
    acting, waiting = _Acting(site, bench, one.epoch), _Acting(site, bench, other.epoch)
    await asyncio.sleep(LOOK / 2)
    await acting.webhooks.service.add(_NEW)
    bench.journal.add(ALICE)
    acting.webhooks.heard()
    await asyncio.sleep(1.0)
    await acting.webhooks.end()
    await one.end(is_clean=True)
    bench.journal.add(ALICE)
    await asyncio.sleep(3 * LOOK)
    assert [sent.told["id"] for sent in bench.sends.sent] == ["abc-1", "abc-2"]
    assert waiting.webhooks.counts["delivered"] == 1
    await waiting.webhooks.end()


@virtually
async def test_a_silent_engine_is_asked_again() -> None:
    """Whose turn it is, is not known before."""
    site, bench, faults = Site(), _bench(), Script()
    one = await site.member("a")
    faults.add("nodes", *[Fault(loss=Loss.UNSENT)] * 2)
    acting = _Acting(site, bench, one.epoch, faults)
    await asyncio.sleep(LOOK)
    with pytest.raises(StoreError, match="the oldest node tells webhooks"):
        _ = acting.webhooks.service
    await asyncio.sleep(2 * LOOK)
    assert acting.webhooks.service.rows() == []
    await acting.webhooks.end()


@virtually
async def test_it_is_the_turn_of_the_oldest_node_for_as_long_as_it_lives() -> None:
    """Another one's when that has ended; who acts once does so without asking again."""
    site, faults = Site(), Script()
    one, other = await site.member("a"), await site.member("b")
    first, second = Acting(site.engine(faults), one.epoch), Acting(site.engine(), other.epoch)
    assert await first()
    assert not await second()
    faults.add("nodes", Fault(loss=Loss.UNSENT))
    assert await first()
    await one.end(is_clean=True)
    assert await second()
