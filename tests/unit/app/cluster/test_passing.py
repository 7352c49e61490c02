"""Events that are in no journal, on their way into the engine."""

import asyncio

import pytest

from dfks_rules.app.cluster.passing import FINISH_WITHIN, GATHER, MOST, RETRY, Passing
from dfks_rules.errors import StoreError
from dfks_rules.operations.events import FEATURE_REFUSED, POLICIES_CHANGED, Event
from tests.helpers.cluster import virtually
from tests.helpers.journal import ALICE, MemoryJournal
from tests.helpers.told import ONE
from tests.helpers.webhooks import MemoryEvents, MemoryWebhookStore, Tap

_REFUSED = Event(FEATURE_REFUSED, 0, ALICE, {})


class _Site:
    """A node, and what all nodes keep."""

    def __init__(self, *types: str) -> None:
        store = MemoryWebhookStore()
        self.store = store
        self.want(*types)
        self.table = MemoryEvents(MemoryJournal(), store)
        self.tap = Tap()
        self.passing = Passing(self.table, self.tap, "abc", lambda: 7.0)

    def want(self, *types: str) -> None:
        """Have a webhook want these."""
        self.store.kept = {"wh_1": ONE._replace(types=frozenset(types), off=None)}

    @property
    def kept(self) -> list[str]:
        """Types of events that are in the engine."""
        return [one.event.type for one in self.table.events]


@virtually
async def test_only_what_is_wanted_is_kept() -> None:
    """Where nothing is, nobody is even told of it."""
    site = _Site("feature-changed")
    await site.passing.look()
    assert site.tap.taker is None
    site.want("feature-changed", FEATURE_REFUSED)
    await site.passing.look()
    site.tap.tell(_REFUSED)
    site.tap.tell(Event(POLICIES_CHANGED, 0, None, {}))
    site.tap.tell(_REFUSED)
    await asyncio.sleep(2 * GATHER)
    assert site.kept == [FEATURE_REFUSED] * 2
    assert [one.at for one in site.table.events] == [7.0] * 2
    assert len({one.id for one in site.table.events}) == 2
    assert site.passing.counts == {"kept": 2, "lost": 0}
    site.want("feature-changed")
    await site.passing.look()
    assert site.tap.taker is None


@virtually
async def test_a_silent_engine_is_asked_again_in_order() -> None:
    """What has no room meanwhile is counted."""
    site = _Site(FEATURE_REFUSED, POLICIES_CHANGED)
    await site.passing.look()
    site.table.error = StoreError("store_unavailable", "it is away")
    site.tap.tell(Event(POLICIES_CHANGED, 0, None, {}))
    for _ in range(MOST + 2):
        site.tap.tell(_REFUSED)
    await asyncio.sleep(5 * RETRY)
    site.table.error, site.table.removes = None, 3
    await asyncio.sleep(2 * RETRY)
    assert site.kept == [POLICIES_CHANGED, *[FEATURE_REFUSED] * (MOST - 1)]
    # Of older ones, some had to go for each of the four portions.
    assert site.passing.counts == {"kept": MOST, "lost": 3 + 4 * 3}


@pytest.mark.parametrize("error", [StoreError("store_fenced", "dead"), TypeError("a bug of ours")])
def test_what_will_never_be_kept_is_given_up(error: Exception) -> None:
    """What follows is not held up by it."""

    @virtually
    async def run() -> None:
        site = _Site(FEATURE_REFUSED)
        await site.passing.look()
        site.table.error = error
        site.tap.tell(_REFUSED)
        await asyncio.sleep(2 * GATHER)
        site.table.error = None
        site.tap.tell(_REFUSED)
        await asyncio.sleep(2 * GATHER)
        assert site.passing.counts == {"kept": 1, "lost": 1}

    run()


@virtually
async def test_what_waits_at_the_end_is_kept_or_counted() -> None:
    """A stop does not wait for long."""
    site = _Site(FEATURE_REFUSED)
    await site.passing.look()
    site.tap.tell(_REFUSED)
    await site.passing.end()
    assert site.tap.taker is None
    assert site.passing.counts == {"kept": 1, "lost": 0}
    site = _Site(FEATURE_REFUSED)
    await site.passing.look()
    site.table.error = StoreError("store_unavailable", "it is away")
    site.tap.tell(_REFUSED)
    began = asyncio.get_running_loop().time()
    await site.passing.end()
    assert asyncio.get_running_loop().time() - began == pytest.approx(FINISH_WITHIN)
    assert site.passing.counts == {"kept": 0, "lost": 1}
