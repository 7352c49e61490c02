"""What operators do with webhooks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.operations.events import FEATURE_CHANGED, FEATURE_REFUSED, GAP, Event
from dfks_rules.operations.webhooks import LANES, MOST_BY_HAND, MOST_ENDPOINTS, Result
from dfks_rules.webhooks.service import ROTATION, WebhookService
from tests.helpers.in_german import left_in_english
from tests.helpers.journal import ALICE
from tests.helpers.webhooks import EPOCH, EVERYBODY, REFUSED, Bench, change, run_virtually


def _run(bench: Bench, life: Callable[[WebhookService], Awaitable[None]]) -> None:
    async def live() -> None:
        service = bench.service()
        service.begin()
        await life(service)
        await service.end()

    run_virtually(live())


def test_a_new_endpoint_is_told_what_happens_from_now_on() -> None:
    """It is stored with its cursors before anybody hears of it."""
    bench = Bench()
    bench.journal.add()

    async def life(service: WebhookService) -> None:
        row = await service.add(EVERYBODY)
        assert row.endpoint.created == EPOCH
        assert bench.store.endpoints() == [row.endpoint]
        assert [one.seq for one in bench.store.cursors()] == [1] * LANES
        bench.journal.add()
        service._pump.wake()
        await asyncio.sleep(1)

    _run(bench, life)
    assert [one.told["id"] for one in bench.sends.sent] == ["abc-2"]


def test_an_endpoint_that_cannot_be_stored_is_not_there() -> None:
    """Whoever adds it is told."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.store.is_broken = True
        with pytest.raises(StoreError):
            await service.add(EVERYBODY)
        assert service.rows() == []

    _run(bench, life)


def test_endpoints_are_bounded() -> None:
    """Each costs a little of every change."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        for _ in range(MOST_ENDPOINTS):
            await service.add(EVERYBODY)
        with pytest.raises(OverflowError):
            await service.add(EVERYBODY)

    _run(bench, life)


def test_for_a_day_after_a_rotation_both_secrets_sign() -> None:
    """Then only the new one."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        old = (await service.add(EVERYBODY)).endpoint
        new = (await service.rotate(old.id)).endpoint
        assert new.secret != old.secret
        assert new.secrets(EPOCH) == (new.secret, old.secret)
        for count in (2, 1):
            await service.test(old.id)
            assert len(bench.sends.sent[-1].headers["webhook-signature"].split()) == count
            await asyncio.sleep(ROTATION)

    _run(bench, life)


def test_a_removed_endpoint_leaves_nothing() -> None:
    """Also where an event is under way."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        id_ = (await service.add(EVERYBODY)).endpoint.id
        bench.sends.takes = 5.0
        bench.journal.add()
        service._pump.wake()
        await asyncio.sleep(1)
        await service.remove(id_)
        await asyncio.sleep(60)
        assert (bench.store.kept, bench.store.at, service.rows()) == ({}, {}, [])
        for missing in (service.row, service.remove, service.rotate, service.test):
            with pytest.raises(KeyError):
                await _call(missing, id_)

    _run(bench, life)


async def _call(function: Any, id_: str) -> None:
    result = function(id_)
    if asyncio.iscoroutine(result):
        await result


def test_an_endpoint_stays_where_its_removal_is_not_stored() -> None:
    """Otherwise it would come back with the next start."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        id_ = (await service.add(EVERYBODY)).endpoint.id
        bench.store.is_broken = True
        with pytest.raises(StoreError):
            await service.remove(id_)
        assert service.row(id_).endpoint.id == id_

    _run(bench, life)


def test_a_change_has_what_waits_tried_at_once() -> None:
    """An operator who corrects the URL need not wait for an hour."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        endpoint = (await service.add(EVERYBODY)).endpoint
        bench.sends.answer = lambda _sent: REFUSED
        bench.journal.add()
        service._pump.wake()
        await asyncio.sleep(1_000)
        before = len(bench.sends.sent)
        await change(service, endpoint.id, url="https://new.example.com/")
        await asyncio.sleep(0.1)
        assert [one.url for one in bench.sends.sent[before:]] == ["https://new.example.com/"]

    _run(bench, life)


def test_a_test_event_is_sent_once_and_changes_nothing() -> None:
    """What came of it is told."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        id_ = (await service.add(EVERYBODY)).endpoint.id
        bench.sends.answer = lambda _sent: REFUSED
        assert await service.test(id_) == REFUSED
        assert service.row(id_).failing == 0

    _run(bench, life)
    [sent] = bench.sends.sent
    assert sent.told["type"] == "dfks.test.v1"


def test_only_so_much_is_sent_by_hand_at_once() -> None:
    """Else a token could hold all connections by tests of an endpoint that hangs."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        id_ = (await service.add(EVERYBODY)).endpoint.id
        other = (await service.add(EVERYBODY._replace(actor="other"))).endpoint.id
        bench.sends.takes = 10.0
        tests = [asyncio.create_task(service.test(id_)) for _ in range(MOST_BY_HAND)]
        await asyncio.sleep(1)
        with pytest.raises(OverflowError) as refused:
            await service.test(id_)
        assert left_in_english(str(refused.value)) == []
        await service.test(other)
        await asyncio.gather(*tests)
        await service.test(id_)

    bench.sends.under_way = _Unchecked()
    _run(bench, life)


class _Unchecked(dict[str | None, int]):
    """Several are sent of nobody at once."""

    def __getitem__(self, _key: str | None) -> int:
        return 1


def test_another_life_goes_on_with_everything() -> None:
    """Endpoints, tries and dead letters."""
    bench = Bench()

    async def first(service: WebhookService) -> None:
        await service.add(EVERYBODY)
        bench.sends.answer = lambda _sent: REFUSED
        bench.journal.add()
        service._pump.wake()
        await asyncio.sleep(100)
        assert service.rows()[0].failing == 1

    async def second(service: WebhookService) -> None:
        assert service.rows()[0].failing == 1
        assert len(bench.sends.sent) == 3
        await asyncio.sleep(0.1)
        assert len(bench.sends.sent) == 4

    _run(bench, first)
    _run(bench, second)


class _Listener:
    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.is_closed = False

    async def wait(self) -> None:
        while not self.events:  # noqa: ASYNC110 - time is virtual
            await asyncio.sleep(1)

    async def take(self, at_most: int) -> list[Event]:
        taken, self.events[:] = self.events[:at_most], []
        return taken

    def close(self) -> None:
        self.is_closed = True


def test_what_is_not_in_the_journal_is_told_to_those_who_want_it() -> None:
    """Changes come from the journal only, and nobody listens where nobody wants more."""
    bench = Bench()
    listener = _Listener([])

    class Events:
        async def listen(self, after: int | None) -> _Listener:
            assert after is None
            return listener

    bench.events = Events()

    async def life(service: WebhookService) -> None:
        await service.add(EVERYBODY)
        row = await service.add(EVERYBODY._replace(types=frozenset([FEATURE_REFUSED])))
        listener.events += [
            Event(FEATURE_CHANGED, 1, ALICE, {}),
            Event(FEATURE_REFUSED, 0, ALICE, {"reason": "x"}),
            Event(GAP, 0, None, {}),
        ]
        await asyncio.sleep(5)
        await change(service, row.endpoint.id, types=frozenset([FEATURE_CHANGED]))
        await asyncio.sleep(5)
        assert listener.is_closed

    _run(bench, life)
    [sent] = bench.sends.sent
    assert (sent.told["type"], sent.told["data"]) == ("dfks.feature.refused.v1", {"reason": "x"})


def test_counts_are_of_all_endpoints() -> None:
    """Each result, and what was not sent."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        await service.add(EVERYBODY)
        bench.journal.add()
        service._pump.wake()
        await asyncio.sleep(1)
        counts = service.counts
        assert counts["endpoints"] == counts[Result.DELIVERED.value] == 1
        assert sum(counts.values()) == 2

    _run(bench, life)


def test_edits_at_the_same_time_undo_nothing_of_each_other() -> None:
    """A secret that was just shown must be the one that signs."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        id_ = (await service.add(EVERYBODY)).endpoint.id
        rotated, _ = await asyncio.gather(
            service.rotate(id_), change(service, id_, url="https://new.example.com/")
        )
        now = service.row(id_).endpoint
        assert (now.secret, now.url) == (rotated.endpoint.secret, "https://new.example.com/")
        assert bench.store.kept[id_] == now

    _run(bench, life)


def test_endpoints_that_are_added_at_once_are_bounded_too() -> None:
    """Each waits for the one before to be stored."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        many = [service.add(EVERYBODY) for _ in range(MOST_ENDPOINTS + 3)]
        results = await asyncio.gather(*many, return_exceptions=True)
        assert sum(isinstance(one, OverflowError) for one in results) == 3

    _run(bench, life)


def test_an_edit_while_a_410_comes_holds_in_memory_and_in_the_store() -> None:
    """The operator has said where to send next; the answer was of before."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        id_ = (await service.add(EVERYBODY)).endpoint.id
        box = service.boxes[id_]
        editing = asyncio.create_task(change(service, id_, url="https://new.example.com/"))
        await asyncio.sleep(0)
        box.endpoint = box.endpoint._replace(off="it answered 410 Gone")
        service._saver.put(box.endpoint)
        service._saver.save_soon()
        await editing
        await asyncio.sleep(5)
        assert box.endpoint.off is None
        assert bench.store.kept[id_] == box.endpoint

    _run(bench, life)


def test_what_cannot_be_read_waits_for_the_next_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without webhooks is better than none."""
    bench = Bench()

    def unreadable() -> int:
        raise StoreError("store_unavailable", "it is damaged")

    async def added(service: WebhookService) -> None:
        await service.add(EVERYBODY)

    async def life(service: WebhookService) -> None:
        bench.journal.add()
        await asyncio.sleep(1)
        assert [len(service.rows()), len(bench.sends.sent)] == expected

    _run(bench, added)
    expected = [0, 0]
    with monkeypatch.context() as broken:
        broken.setattr(bench.store, "last_dead", unreadable)
        _run(bench, life)
    expected = [1, 2]
    _run(bench, life)


@pytest.mark.parametrize(
    "error", [StoreError("store_unavailable", "the disk hangs"), ValueError("a bug of ours")]
)
def test_whatever_fails_keeps_nobody_from_listening_later(error: Exception) -> None:
    """Otherwise refusals would not be told until the next start."""
    bench = Bench()
    listener = _Listener([Event(FEATURE_REFUSED, 0, ALICE, {})])

    class Events:
        tries = 0

        async def listen(self, _after: int | None) -> _Listener:
            self.tries += 1
            if self.tries < 3:
                raise error
            return listener

    bench.events = Events()

    async def life(service: WebhookService) -> None:
        await service.add(EVERYBODY._replace(types=frozenset([FEATURE_REFUSED])))
        await asyncio.sleep(10)
        assert len(bench.sends.sent) == 1

    _run(bench, life)
