"""When cursors are stored."""

import asyncio

from structlog.testing import capture_logs

from dfks_rules.operations.webhooks import DeadLetter
from dfks_rules.webhooks.outbox import Outbox, cursors_at
from dfks_rules.webhooks.saving import RETRY, SAVE_AFTER, Saver
from tests.helpers.webhooks import NODE, MemoryWebhookStore, run_virtually
from tests.unit.webhooks.test_outbox import ENDPOINT

LETTER = DeadLetter(1, "wh_1", "abc-1", "dfks.feature.changed.v1", None, 0.0, 28, "500", b"{}")


def _box() -> Outbox:
    return Outbox(ENDPOINT, NODE, cursors_at("wh_1", 0))


def test_moves_are_gathered_into_one_write() -> None:
    """Each is a sync of the disk."""

    async def test() -> None:
        store, box = MemoryWebhookStore(), _box()
        saver = Saver(store, {"wh_1": box})
        for _ in range(10):
            box.lanes[0].read_to += 1
            saver.save_soon()
        await asyncio.sleep(SAVE_AFTER + 0.1)
        assert store.writes == 1
        assert store.at["wh_1", 0].seq == 10
        await asyncio.sleep(10)
        assert store.writes == 1

    run_virtually(test())


def test_what_moves_while_something_is_written_is_written_next() -> None:
    """Nobody has to say so again."""

    async def test() -> None:
        store, box = MemoryWebhookStore(), _box()
        saver = Saver(store, {"wh_1": box})
        box.lanes[0].read_to = 5
        saver.save()
        box.lanes[0].read_to = 6
        await asyncio.sleep(1)
        assert store.at["wh_1", 0].seq == 6

    run_virtually(test())


def test_a_failed_write_is_written_again_with_everything() -> None:
    """It is told once."""

    async def test() -> None:
        store, box = MemoryWebhookStore(), _box()
        saver = Saver(store, {"wh_1": box})
        store.is_broken = True
        box.lanes[0].read_to = 5
        saver.bury(LETTER)
        saver.put(ENDPOINT)
        saver.save()
        with capture_logs() as logs:
            await asyncio.sleep(RETRY * 3.5)
        assert [one["event"] for one in logs] == ["webhooks_not_saved"]
        store.is_broken = False
        await asyncio.sleep(RETRY)
        assert store.letters == {1: LETTER}
        assert store.kept == {"wh_1": ENDPOINT}
        assert store.at["wh_1", 0].seq == 5

    run_virtually(test())


def test_nothing_is_stored_of_an_endpoint_that_is_gone() -> None:
    """Its rows would stay for ever."""

    async def test() -> None:
        store = MemoryWebhookStore()
        saver = Saver(store, {})
        saver.bury(LETTER)
        saver.put(ENDPOINT)
        saver.save()
        assert store.writes == 0

    run_virtually(test())


def test_a_store_that_is_closed_is_asked_no_more() -> None:
    """A server that goes on after a failed hand-over would ask it every second."""

    async def test() -> None:
        store, box = MemoryWebhookStore(), _box()
        saver = Saver(store, {"wh_1": box})
        store.is_broken = True
        box.lanes[0].read_to = 5
        saver.end()
        await asyncio.sleep(RETRY * 3.5)
        assert store.writes == 1

    run_virtually(test())
