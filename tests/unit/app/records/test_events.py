"""The ring of events, and who listens."""

import asyncio
from collections.abc import Iterable, Sequence

from dfks_rules.app.records.events import KEPT, PORTION, EventRing
from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.model.values import Value
from dfks_rules.operations.events import GAP, Event, Listener
from dfks_rules.operations.ports import Sets
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.service.feed import Settled
from dfks_rules.service.ports import JournalEntry
from tests.helpers.journal import ALICE, MemoryJournal, nothing_stored
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.policy import ALICE as PHONE_OWNER
from tests.helpers.policy import NOON
from tests.helpers.subscription import active

_CFA = Feature.CALL_FORWARDING_ALWAYS


def _ring(journal: MemoryJournal) -> EventRing:
    return EventRing(journal, journal.durable, nothing_stored, "5eed")


async def _settled(target: str) -> Settled:
    asked = Asked(_CFA, FeatureState(True, ((Value.FORWARD_TO, target),)))
    result = await MemoryOperations().set(Sets(ALICE, (asked,)))
    return Settled(ALICE, result.outcomes, 1, Requester(Origin.OPERATOR), NOON, 0.0)


async def _take(listener: Listener, at_most: int = KEPT) -> Sequence[Event]:
    async with asyncio.timeout(5):
        await listener.wait()
        return await listener.take(at_most)


async def test_a_change_is_read_from_the_journal_once_for_all() -> None:
    """Each listener is given the same event."""
    journal = MemoryJournal()
    ring = _ring(journal)
    one, other = await ring.listen(None), await ring.listen(None)
    journal.add(ALICE)
    ring.hear(await _settled("201"))
    [first], [second] = await _take(one), await _take(other)
    assert first is second
    assert (first.type, first.seq) == ("feature-changed", 1)


async def test_what_is_spoilt_is_a_gap_and_the_others_are_told() -> None:
    """Who listens knows that he has missed something."""
    journal, bob = MemoryJournal(), Aor("bob", "example.com")

    async def but_alice(wanted: Iterable[Aor]) -> dict[Aor, Snapshot]:
        return {
            one: snapshot for one, snapshot in (await nothing_stored(wanted)).items() if one == bob
        }

    ring = EventRing(journal, journal.durable, but_alice, "5eed")
    listener = await ring.listen(None)
    journal.add(ALICE)
    journal.add(bob)
    ring.hear(await _settled("201"))
    events = await _take(listener)
    assert [(one.type, one.seq) for one in events] == [(GAP, 1), ("feature-changed", 2)]


async def test_a_refusal_is_told_as_it_comes() -> None:
    """With the id of its decision."""
    ring = _ring(MemoryJournal())
    listener = await ring.listen(None)
    ring.hear(await _settled(REFUSED_TARGET))
    [event] = await _take(listener)
    assert (event.type, event.data["decision"]) == ("feature-refused", "5eed-1")


async def test_nothing_is_read_or_kept_while_nobody_listens() -> None:
    """A server without listeners pays nothing."""
    journal = MemoryJournal()
    ring = _ring(journal)
    journal.is_broken = True
    ring.hear(await _settled("201"))
    ring.publish(Event("policies-changed", 0, None, {}))
    await asyncio.sleep(0)
    assert (ring.end, ring.counts) == (0, {"listeners": 0, "gaps": 0})


async def test_what_was_missed_comes_from_the_journal_and_then_what_happens() -> None:
    """In one order, nothing twice."""
    journal = MemoryJournal()
    for _ in range(PORTION + 10):
        journal.add(ALICE)
    ring = _ring(journal)
    listener = await ring.listen(5)
    seen: list[int] = []
    while not seen or seen[-1] < PORTION + 10:
        seen += [event.seq for event in await _take(listener)]
    journal.add(ALICE)
    ring.hear(await _settled("201"))
    while seen[-1] < PORTION + 11:
        seen += [event.seq for event in await _take(listener)]
    assert seen == list(range(6, PORTION + 12))


async def test_what_happens_while_somebody_catches_up_is_not_lost() -> None:
    """A refusal is only in the ring; a change of then is told once."""
    journal = MemoryJournal()
    journal.add(ALICE)
    ring = _ring(journal)
    listener = await ring.listen(0)
    seen = [(event.type, event.seq) for event in await _take(listener)]
    ring.hear(await _settled(REFUSED_TARGET))
    journal.add(ALICE)
    ring.hear(await _settled("201"))
    await asyncio.sleep(0)
    while len(seen) < 3:
        seen += [(event.type, event.seq) for event in await _take(listener)]
    assert sorted(seen) == [("feature-changed", 1), ("feature-changed", 2), ("feature-refused", 0)]
    journal.add(ALICE)
    ring.hear(await _settled("201"))
    assert [event.seq for event in await _take(listener) or await _take(listener)] == [3]


async def test_who_falls_behind_is_told_of_a_gap_and_goes_on() -> None:
    """It is counted; nobody else is held up, and memory does not grow."""
    ring = _ring(MemoryJournal())
    slow = await ring.listen(None)
    for number in range(KEPT + 5):
        ring.publish(Event("policies-changed", 0, None, {"number": number}))
    [gap] = await _take(slow)
    assert (gap.type, gap.seq, slow.seq) == (GAP, 0, 0)
    assert ring.counts == {"listeners": 1, "gaps": 1}
    ring.publish(Event("policies-changed", 0, None, {"number": -1}))
    assert [event.data["number"] for event in await _take(slow)] == [-1]


async def test_a_journal_that_cannot_be_read_holds_up_but_loses_nothing() -> None:
    """The next change brings what was missed."""
    journal = MemoryJournal()
    ring = _ring(journal)
    listener = await ring.listen(None)
    journal.add(ALICE)
    journal.is_broken = True
    ring.hear(await _settled("201"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ring.end == 0
    journal.is_broken = False
    journal.add(ALICE)
    ring.hear(await _settled("201"))
    assert [event.seq for event in await _take(listener)] == [1, 2]


async def test_subscriptions_are_told_only_while_somebody_listens() -> None:
    """Nothing is made of them for nobody."""
    subscriptions = Subscriptions()
    ring = _ring(MemoryJournal())
    ring.watch(subscriptions, lambda: NOON)
    assert subscriptions.told is None
    listener = await ring.listen(None)
    subscriptions.add(active())
    [event] = await _take(listener)
    assert (event.type, event.presentity) == ("subscription-started", PHONE_OWNER)
    assert event.data["at"] == NOON.isoformat(timespec="milliseconds")
    other = await ring.listen(None)
    listener.close()
    listener.close()
    assert subscriptions.told is not None
    other.close()
    assert subscriptions.told is None


async def test_who_comes_back_too_late_is_a_gap_that_is_counted() -> None:
    """The journal no longer has what he missed."""
    journal = MemoryJournal()
    for _ in range(5):
        journal.add(ALICE)
    del journal.entries[:3]
    ring = _ring(journal)
    listener = await ring.listen(1)
    [gap] = await _take(listener)
    assert (gap.type, gap.seq, listener.seq) == (GAP, 5, 5)
    assert ring.counts["gaps"] == 1


class _SlowJournal(MemoryJournal):
    """A journal that is somewhere else: an answer may be old when it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def read(self, after: int, at_most: int) -> list[JournalEntry]:
        """What there was when it was asked."""
        found = await super().read(after, at_most)
        await self.may_answer.wait()
        return found


async def test_what_changes_while_the_journal_is_being_read_is_told_once_and_in_order() -> None:
    """One read at a time; the next one has what this one was too early for."""
    journal = _SlowJournal()
    ring = _ring(journal)
    journal.may_answer.set()
    listener = await ring.listen(None)
    journal.may_answer.clear()
    seen: list[int] = []
    for _ in range(3):
        journal.add(ALICE)
        ring.hear(await _settled("201"))
        await asyncio.sleep(0)
    journal.may_answer.set()
    while len(seen) < 3:
        seen += [event.seq for event in await _take(listener)]
    assert seen == [1, 2, 3]
    assert ring.end == 3


async def test_everybody_has_a_place_to_come_back_to() -> None:
    """Whatever he was told of it, and whether he has missed something."""
    journal = MemoryJournal()
    for _ in range(3):
        journal.add(ALICE)
    ring = _ring(journal)
    new, late = await ring.listen(None), await ring.listen(1)
    assert (new.seq, late.seq) == (3, 1)
    await _take(late)
    assert late.seq == 3
    journal.add(ALICE)
    ring.hear(await _settled("201"))
    ring.publish(Event("policies-changed", 0, None, {}))
    await _take(new)
    await _take(new)
    assert new.seq == 4


async def test_what_another_node_has_changed_is_told() -> None:
    """No request of this node says so; it hears of it."""
    journal = MemoryJournal()
    ring = _ring(journal)
    ring.heard()
    listener = await ring.listen(None)
    journal.add(ALICE)
    ring.heard()
    assert [event.seq for event in await _take(listener)] == [1]


async def test_who_knows_more_than_this_node_has_heard_of_goes_on_without_a_gap() -> None:
    """He comes from another node, which was told earlier."""
    journal = MemoryJournal()
    for _ in range(3):
        journal.add(ALICE)
    heard = [1]
    ring = EventRing(journal, lambda: heard[0], nothing_stored, "5eed")
    listener = await ring.listen(2)
    seen = [event.seq for event in await listener.take(KEPT)]
    heard[0] = 3
    ring.heard()
    while not seen:
        seen += [event.seq for event in await _take(listener)]
    assert seen == [3]
    assert ring.counts["gaps"] == 0


async def test_who_knows_more_than_there_ever_was_is_told_of_a_gap() -> None:
    """The database may be another one."""
    journal = MemoryJournal()
    journal.add(ALICE)
    [gap] = await _take(await _ring(journal).listen(2))
    assert gap.type == GAP


async def test_a_tap_gives_what_is_in_no_journal_though_nobody_listens() -> None:
    """And reads nothing."""
    journal = MemoryJournal()
    ring, told = _ring(journal), list[Event]()
    journal.is_broken = True
    ring.tap(told.append)
    ring.hear(await _settled(REFUSED_TARGET))
    ring.hear(await _settled("201"))
    ring.publish(Event("policies-changed", 0, None, {}))
    await asyncio.sleep(0)
    assert [one.type for one in told] == ["feature-refused", "policies-changed"]
    assert ring.end == 0
    ring.tap(None)
    ring.publish(Event("policies-changed", 0, None, {}))
    assert len(told) == 2
