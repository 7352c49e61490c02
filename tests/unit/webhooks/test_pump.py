"""Events on their way, on a clock that jumps."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.operations.webhooks import LANES, NewEndpoint, Result, Tried
from dfks_rules.service.ports import JournalEntry
from dfks_rules.webhooks.lanes import lane_of
from dfks_rules.webhooks.pump import MOST_AT_ONCE, MOST_OF_TOKEN
from dfks_rules.webhooks.reading import PORTION
from dfks_rules.webhooks.retries import LIMIT
from dfks_rules.webhooks.service import WebhookService
from tests.helpers.journal import ALICE, MemoryJournal
from tests.helpers.webhooks import (
    DELIVERED,
    EVERYBODY,
    REFUSED,
    Bench,
    Sent,
    change,
    run_virtually,
    users,
)

HOUR = 3_600.0
DOWN = Tried(Result.UNREACHABLE, "connection refused")


def _press(bench: Bench, service: WebhookService, count: int, seed: int = 11) -> None:
    """So many keys are pressed, of 40 users; what is stored follows."""
    chance, people = random.Random(seed), users(40)
    for _ in range(count):
        _press_one(bench, chance.choice(people))
    service._pump.wake()


def _press_one(bench: Bench, presentity: object = ALICE) -> None:
    bench.journal.add(presentity)  # type: ignore[arg-type]
    entry = bench.journal.entries[-1]
    before = bench.states.get(entry.presentity, NOTHING_STORED)
    bench.states[entry.presentity] = before.replace(entry.feature, entry.after)


def _run(bench: Bench, *lives: Callable[[WebhookService], Awaitable[None]]) -> None:
    async def live() -> None:
        for number, life in enumerate(lives):
            service = bench.service()
            service.begin()
            if number == 0 and not service.boxes:
                await service.add(EVERYBODY)
            await life(service)
            await service.end()

    run_virtually(live())


def _seqs(sent: list[Sent]) -> dict[str, list[int]]:
    """Subject → numbers of what was sent, in order."""
    found: dict[str, list[int]] = {}
    for one in sent:
        if "subject" in one.told:
            found.setdefault(one.told["subject"], []).append(int(one.told["id"].split("-")[-1]))
    return found


def _newest(journal: MemoryJournal) -> dict[str, int]:
    return {entry.presentity.uri: entry.seq for entry in journal.entries}


def test_every_change_is_sent_once_and_in_order() -> None:
    """Where nothing fails."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        _press(bench, service, 500)
        await asyncio.sleep(HOUR)

    _run(bench, life)
    wanted: dict[str, list[int]] = {}
    for entry in bench.journal.entries:
        wanted.setdefault(entry.presentity.uri, []).append(entry.seq)
    assert _seqs(bench.sends.sent) == wanted
    assert {one.seq for one in bench.store.cursors()} == {500}
    assert bench.sends.is_closed


@pytest.mark.parametrize("coalesce", [False, True])
def test_a_receiver_that_was_away_for_an_hour_has_every_last_state_in_order(
    coalesce: bool,
) -> None:
    """Everything since, or only the newest of each; none before another of the same user."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        [row] = service.rows()
        await change(service, row.endpoint.id, is_coalescing=coalesce)
        loop = asyncio.get_running_loop()
        bench.sends.answer = lambda sent: DOWN if sent.at < HOUR else DELIVERED
        for minute in range(60):
            _press(bench, service, 100, seed=minute)
            await asyncio.sleep(60)
        assert service.rows()[0].lag > HOUR - 60
        await asyncio.sleep(3 * HOUR)
        assert service.rows()[0].lag == 0
        assert loop.time() < 5 * HOUR

    _run(bench, life)
    arrived = [one for one in bench.sends.sent if one.at >= HOUR]
    seqs = _seqs(arrived)
    assert {who: numbers[-1] for who, numbers in seqs.items()} == _newest(bench.journal)
    assert all(numbers == sorted(set(numbers)) for numbers in seqs.values())
    last = {one.told["subject"]: one.told["data"] for one in arrived}
    for who, snapshot in bench.states.items():
        on = last[who.uri]["features"]["DoNotDisturb"]["status"]
        assert on == ("on" if snapshot.states[0].status else "off")
    if coalesce:
        assert len(arrived) < 40 + 8 + 40
    else:
        assert len(arrived) == 6_000
    assert not bench.store.letters


def test_a_failing_presentity_holds_up_an_eighth() -> None:
    """The other lanes go on; the failing one in its order, once it is over."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.sends.answer = lambda sent: (
            REFUSED if sent.told["subject"] == ALICE.uri and sent.at < HOUR else DELIVERED
        )
        _press_one(bench)
        _press(bench, service, 300)
        await asyncio.sleep(HOUR / 2)
        waiting = {who for who in users(40) if who.uri not in _seqs(bench.sends.sent)}
        assert waiting == {who for who in users(40) if lane_of(who) == lane_of(ALICE)}
        await asyncio.sleep(2 * HOUR)

    _run(bench, life)
    seqs = _seqs(bench.sends.sent)
    assert {who: numbers[-1] for who, numbers in seqs.items()} == _newest(bench.journal)


def test_a_kill_loses_nothing_and_repeats_only_what_was_not_noted() -> None:
    """Each life goes on from what is in the store; ids stay the same."""
    bench = Bench()
    noted: list[dict[int, int]] = []

    async def killed(service: WebhookService) -> None:
        _press(bench, service, 200, seed=len(noted))
        await asyncio.sleep(0.4)
        noted.append({one.lane: one.seq for one in bench.store.cursors()})
        # What comes from now on does not reach the store: the process is gone.
        bench.store.write = lambda *_: None  # type: ignore[method-assign]

    async def last(service: WebhookService) -> None:
        del bench.store.write
        await asyncio.sleep(HOUR)

    async def next_life(service: WebhookService) -> None:
        del bench.store.write
        await killed(service)

    _run(bench, killed, next_life, next_life, last)
    seen: dict[str, int] = {}
    for one in bench.sends.sent:
        seen[one.told["id"]] = seen.get(one.told["id"], 0) + 1
    assert len(seen) == 600
    assert max(seen.values()) > 1
    for who, numbers in _seqs(bench.sends.sent).items():
        # A repetition begins anew behind the last that was noted; nothing is left out.
        expected = [one.seq for one in bench.journal.entries if one.presentity.uri == who]
        assert sorted(set(numbers)) == expected


def test_an_event_that_is_never_taken_is_a_dead_letter_after_a_day() -> None:
    """And its lane goes on; it can be sent again by hand."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        [row] = service.rows()
        id_ = row.endpoint.id
        bench.sends.answer = lambda sent: REFUSED if sent.told["id"] == "abc-1" else DELIVERED
        _press_one(bench)
        _press_one(bench)
        service._pump.wake()
        await asyncio.sleep(LIMIT - HOUR)
        assert service.rows()[0].failing == 1
        assert not bench.store.letters
        await asyncio.sleep(2 * HOUR)
        [letter] = await service.dead(id_, 1 << 62, 10)
        assert (letter.event, letter.presentity, letter.tries) == ("abc-1", ALICE, 28)
        assert letter.reason == "500"
        assert service.rows()[0].dead == 1
        assert {one.seq for one in bench.store.cursors()} == {2}
        assert (await service.retry(id_, letter.number)).result is Result.REFUSED
        bench.sends.answer = lambda _sent: DELIVERED
        assert (await service.retry(id_, letter.number)).result is Result.DELIVERED
        with pytest.raises(KeyError):
            await service.retry(id_, letter.number)
        assert service.rows()[0].dead == 0

    _run(bench, life)
    assert [one.told["id"] for one in bench.sends.sent][-3:] == ["abc-2", "abc-1", "abc-1"]


def test_tries_of_one_event_have_one_id_one_body_and_their_own_time() -> None:
    """So a receiver can tell a repetition from something new."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.sends.answer = lambda sent: REFUSED if sent.at < 30 else DELIVERED
        _press(bench, service, 1)
        await asyncio.sleep(HOUR)

    _run(bench, life)
    assert len(bench.sends.sent) == 3
    assert len({(one.headers["webhook-id"], one.body) for one in bench.sends.sent}) == 1
    assert len({one.headers["webhook-timestamp"] for one in bench.sends.sent}) == 3


def test_an_endpoint_that_answers_410_is_switched_off() -> None:
    """Also in the store; whoever switches it on again has it told what it has missed."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.sends.answer = lambda _sent: Tried(Result.GONE, "410", 410)
        bench.sends.takes = 0.0
        _press_one(bench)
        service._pump.wake()
        await asyncio.sleep(HOUR)
        _press_one(bench)
        service._pump.wake()
        await asyncio.sleep(HOUR)
        assert len(bench.sends.sent) == 1
        [endpoint] = bench.store.endpoints()
        assert endpoint.off == "it answered 410 Gone"
        bench.sends.answer = lambda _sent: DELIVERED
        await change(service, endpoint.id, off=None)
        await asyncio.sleep(HOUR)

    _run(bench, life)
    assert _seqs(bench.sends.sent) == {ALICE.uri: [1, 1, 2]}


def test_retry_after_is_obeyed() -> None:
    """By the whole endpoint: 429 says that there are too many requests."""
    bench = Bench()
    limited = Tried(Result.LIMITED, "429", 429, retry_after=1_000.0)

    async def life(service: WebhookService) -> None:
        bench.sends.answer = lambda sent: limited if sent.at < 10 else DELIVERED
        _press(bench, service, 100)
        await asyncio.sleep(HOUR)

    _run(bench, life)
    assert not [one for one in bench.sends.sent if 10 < one.at < 1_000]
    assert {who: n[-1] for who, n in _seqs(bench.sends.sent).items()} == _newest(bench.journal)


def test_a_part_of_the_journal_that_is_gone_is_told() -> None:
    """As an event of its own, with how many changes are missing."""
    bench = Bench()

    async def first(service: WebhookService) -> None:
        _press_one(bench)
        service._pump.wake()
        await asyncio.sleep(HOUR)

    async def second(service: WebhookService) -> None:
        await asyncio.sleep(HOUR)
        assert service.counts["missed"] == 49

    async def between(service: WebhookService) -> None:
        for _ in range(50):
            _press_one(bench)
        del bench.journal.entries[:-1]

    _run(bench, first, between, second)
    told = [one.told for one in bench.sends.sent]
    assert [one["type"] for one in told] == [
        "dfks.feature.changed.v1",
        "dfks.gap.v1",
        "dfks.feature.changed.v1",
    ]
    assert told[1]["data"] == {"after": 1, "missed": 49}


def test_a_store_that_fails_holds_nothing_up() -> None:
    """Cursors are written once it works again."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.store.is_broken = True
        _press(bench, service, 50)
        await asyncio.sleep(60)
        assert len(bench.sends.sent) == 50
        assert {one.seq for one in bench.store.cursors()} == {0}
        bench.store.is_broken = False
        await asyncio.sleep(60)
        assert {one.seq for one in bench.store.cursors()} == {50}

    _run(bench, life)


def test_a_journal_that_cannot_be_read_is_read_later() -> None:
    """As while a disk hangs."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.journal.add()
        bench.journal.is_broken = True
        service._pump.wake()
        await asyncio.sleep(10)
        assert bench.sends.sent == []
        bench.journal.is_broken = False
        await asyncio.sleep(10)
        assert len(bench.sends.sent) == 1

    _run(bench, life)


def test_tries_at_once_are_bounded_and_endpoints_take_turns() -> None:
    """One that hangs does not keep the others from being told."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.sends.takes = 10.0
        for number in range(9):
            url = f"https://pbx{number}.example.com/"
            await service.add(NewEndpoint(url, EVERYBODY.types, "test", None, False))
        _press(bench, service, 300)
        await asyncio.sleep(1)
        assert len(bench.sends.sent) == MOST_AT_ONCE
        assert len({one.url for one in bench.sends.sent}) == 10

    bench.sends.under_way = _Unchecked()
    _run(bench, life)


def test_endpoints_of_one_token_do_not_hold_up_those_of_others() -> None:
    """A tenant may have many that hang."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.sends.takes = 10.0
        for number in range(9):
            url = f"https://pbx{number}.example.com/"
            await service.add(NewEndpoint(url, EVERYBODY.types, "tenant", None, False))
        _press(bench, service, 300)
        await asyncio.sleep(1)
        of_tenant = sum("pbx.example.com" not in one.url for one in bench.sends.sent)
        assert (of_tenant, len(bench.sends.sent)) == (MOST_OF_TOKEN, MOST_OF_TOKEN + LANES)

    bench.sends.under_way = _Unchecked()
    _run(bench, life)


def test_endpoints_that_are_removed_hold_up_nobody_either() -> None:
    """Else a tenant who adds and removes some that hang would have all tries."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        bench.sends.takes = 10.0
        for turn in range(2):
            mine = []
            for number in range(9):
                url = f"https://pbx{number}.example.com/{turn}"
                new = NewEndpoint(url, EVERYBODY.types, "tenant", None, False)
                mine.append((await service.add(new)).endpoint.id)
            _press(bench, service, 300)
            await asyncio.sleep(1)
            for one in mine:
                await service.remove(one)
        of_tenant = sum("pbx.example.com" not in one.url for one in bench.sends.sent)
        assert of_tenant == MOST_OF_TOKEN

    bench.sends.under_way = _Unchecked()
    _run(bench, life)


class _Unchecked(dict[str | None, int]):
    """Several endpoints are told of one presentity at once."""

    def __getitem__(self, _key: str | None) -> int:
        return 1


def test_a_turn_of_the_loop_begins_one_try_and_reads_one_portion() -> None:
    """However much there is to do: phones come in between."""
    bench = Bench()
    reads: list[int] = []
    read = bench.journal.read

    async def counted(after: int, at_most: int) -> list[JournalEntry]:
        reads.append(asyncio.get_running_loop().turns)  # type: ignore[attr-defined]
        return await read(after, at_most)

    bench.journal.read = counted  # type: ignore[method-assign]

    async def life(service: WebhookService) -> None:
        _press(bench, service, 400)
        await asyncio.sleep(HOUR)

    _run(bench, life)
    assert len(bench.sends.turns) == len(set(bench.sends.turns)) == 400
    assert len(reads) == len(set(reads)) >= 400 / (PORTION + 1)


def test_what_is_sent_is_signed() -> None:
    """With the secret that the operator was shown."""
    bench = Bench()

    async def life(service: WebhookService) -> None:
        _press(bench, service, 1)
        await asyncio.sleep(1)

    _run(bench, life)
    [sent], [endpoint] = bench.sends.sent, bench.store.endpoints()
    assert sent.headers["Content-Type"].startswith("application/cloudevents+json")
    verifier = Webhook(endpoint.secret)
    at = int(sent.headers["webhook-timestamp"])
    signed = verifier.sign(
        sent.headers["webhook-id"], datetime.fromtimestamp(at, UTC), sent.body.decode()
    )
    assert sent.headers["webhook-signature"] == signed


def test_nothing_runs_where_there_is_no_endpoint() -> None:
    """It costs nothing."""
    bench = Bench()

    async def live() -> None:
        service = bench.service()
        service.begin()
        service._pump.wake()
        assert len(asyncio.all_tasks()) == 1
        await service.end()

    run_virtually(live())
    assert bench.store.writes == 0


def test_an_end_waits_a_moment_for_tries_and_cuts_off_those_that_hang() -> None:
    """They are made again by the next life."""
    bench = Bench()

    async def first(service: WebhookService) -> None:
        bench.sends.takes = HOUR
        _press_one(bench)
        service._pump.wake()
        await asyncio.sleep(5)

    async def second(service: WebhookService) -> None:
        bench.sends.takes = 0.1
        await asyncio.sleep(5)

    _run(bench, first, second)
    assert [one.told["id"] for one in bench.sends.sent] == ["abc-1", "abc-1"]
    assert {one.seq for one in bench.store.cursors()} == {1}
