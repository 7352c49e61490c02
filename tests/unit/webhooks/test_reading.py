"""Reads the journal."""

from collections.abc import Iterable

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_REFUSED, Event
from dfks_rules.operations.webhooks import KeptEvent
from dfks_rules.webhooks.reading import PORTION, read
from tests.helpers.journal import AT
from tests.helpers.webhooks import NODE, Bench, MemoryEvents


def _bench(count: int) -> Bench:
    bench = Bench()
    for _ in range(count):
        bench.journal.add()
    return bench


async def test_a_portion_has_what_follows() -> None:
    """Each change as an event with its name and time."""
    portion = await read(_bench(3).source(), 1, NODE, 5.0)
    assert portion is not None
    assert portion[:4] == (1, 2, 3, 5.0)
    items = [one.item() for one in portion.found]
    assert [(one.id, one.at) for one in items] == [("abc-2", AT + 2), ("abc-3", AT + 3)]
    assert items[0].event.data["changed"][0]["feature"] == "DoNotDisturb"


async def test_what_is_spoilt_is_passed_over() -> None:
    """Else nothing would be told of anybody until it is mended."""
    bench, bob = _bench(1), Aor("bob", "example.com")
    bench.journal.add(bob)

    async def only_bob(wanted: Iterable[Aor]) -> dict[Aor, Snapshot]:
        return {one: NOTHING_STORED for one in wanted if one == bob}

    portion = await read(bench.source()._replace(current=only_bob), 0, NODE, 5.0)
    assert portion is not None
    assert (portion.end, [one.presentity for one in portion.found]) == (2, [bob])


async def test_an_event_is_made_once_for_all_who_want_it() -> None:
    """And not at all where nobody does."""
    portion = await read(_bench(1).source(), 0, NODE, 5.0)
    assert portion is not None
    assert portion.found[0].item() is portion.found[0].item()


async def test_portions_are_bounded_and_leave_nothing_out() -> None:
    """Phones wait while one is read."""
    bench, after, seen = _bench(PORTION * 2 + 3), 0, []
    while (portion := await read(bench.source(), after, NODE, 5.0)) is not None:
        assert len(portion.found) <= PORTION
        seen += [one.seq for one in portion.found]
        after = portion.end
    assert seen == list(range(1, PORTION * 2 + 4))


async def test_what_one_request_has_changed_is_one_event() -> None:
    """Also where a portion would end in the middle of it."""
    bench = _bench(PORTION - 1)
    bob = Aor("bob", "example.com")
    for _ in range(3):
        bench.journal.add(bob)
        bench.journal.entries[-1] = bench.journal.entries[-1]._replace(revision=7)
    first = await read(bench.source(), 0, NODE, 5.0)
    assert first is not None
    assert first.end == PORTION - 1
    second = await read(bench.source(), first.end, NODE, 5.0)
    assert second is not None
    assert [(one.seq, one.presentity) for one in second.found] == [(PORTION + 2, bob)]
    assert len(second.found[0].item().event.data["changed"]) == 3


async def test_only_what_is_durable_is_told() -> None:
    """A power cut must not take back what somebody was told."""
    bench = _bench(3)
    source = bench.source()._replace(durable=lambda: 2)
    portion = await read(source, 0, NODE, 5.0)
    assert portion is not None
    assert portion.end == 2
    assert await read(source, 2, NODE, 5.0) is None


async def test_a_purged_part_shows() -> None:
    """By the first number that is there."""
    bench = _bench(9)
    del bench.journal.entries[:5]
    portion = await read(bench.source(), 2, NODE, 5.0)
    assert portion is not None
    assert (portion.after, portion.first) == (2, 6)


async def test_a_number_that_no_change_has_is_no_purged_part() -> None:
    """Where nodes share the journal, it may be that of something else; nobody has missed it."""
    bench = _bench(9)
    del bench.journal.entries[2:5]
    portion = await read(bench.source(), 2, NODE, 5.0)
    assert portion is not None
    assert (portion.after, portion.first, portion.found[0].seq) == (2, 3, 6)


async def test_a_broken_journal_is_told() -> None:
    """Whoever reads tries again."""
    bench = _bench(1)
    bench.journal.is_broken = True
    with pytest.raises(StoreError):
        await read(bench.source(), 0, NODE, 5.0)


@pytest.mark.parametrize("pattern", ["c", "e", "ce", "eec", "cce", "c" * 20 + "e", "e" * 20 + "c"])
async def test_what_is_in_no_journal_comes_in_one_order_with_changes(pattern: str) -> None:
    """Nothing is left out where either of the two is cut off."""
    bench = Bench()
    bench.kept = MemoryEvents(bench.journal, bench.store)
    wanted = []
    for number in range(60):
        if pattern[number % len(pattern)] == "c":
            bench.journal.add()
            wanted.append(f"abc-{bench.journal.durable()}")
        else:
            await bench.kept.append(
                [KeptEvent(Event(FEATURE_REFUSED, 0, None, {}), str(number), 0)]
            )
            wanted.append(str(number))
    after, seen = 0, []
    while (portion := await read(bench.source(), after, NODE, 5.0)) is not None:
        assert len(portion.found) <= 2 * PORTION
        assert portion.first == after + 1
        seen += [one.item().id for one in portion.found]
        after = portion.end
    assert seen == wanted
    assert after == bench.journal.durable()


async def test_of_numbers_without_a_change_it_is_known_whether_any_was_purged() -> None:
    """They may be those of other events, which are gone since all were told."""
    bench = Bench()
    bench.kept = MemoryEvents(bench.journal, bench.store)
    for _ in range(5):
        bench.journal.skip()
    bench.journal.add()
    for purged, first in ((0, 4), (3, 4), (5, 6)):
        bench.kept.last_purged = purged
        portion = await read(bench.source(), 3, NODE, 5.0)
        assert portion is not None
        assert portion.first == first
