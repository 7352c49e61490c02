"""Which entries of the journal are shown."""

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.service import history
from dfks_rules.service.history import Which, follow, latest
from tests.helpers.journal import ALICE, AT, DND, MemoryJournal

BOB = Aor("bob", "example.com")
CFA = Feature.CALL_FORWARDING_ALWAYS


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> MemoryJournal:
    """Ten entries in four pages: bob's are 3, 6 and 9, forwardings 4 and 8."""
    monkeypatch.setattr(history, "PAGE", 3)
    journal = MemoryJournal()
    for number in range(1, 11):
        presentity = ALICE if number % 3 else BOB
        journal.add(presentity, DND if number % 4 else CFA)
    return journal


def _seqs(found: history.History) -> list[int]:
    return [entry.seq for entry in found.entries]


@pytest.mark.parametrize(
    ("which", "at_most", "seqs", "more"),
    [
        (Which(), 99, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False),
        (Which(), 10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False),
        (Which(), 4, [7, 8, 9, 10], True),
        (Which(BOB), 99, [3, 6, 9], False),
        (Which(BOB), 2, [6, 9], True),
        (Which(None, CFA), 99, [4, 8], False),
        (Which(ALICE, CFA), 1, [8], True),
        (Which(BOB, CFA), 99, [], False),
        (Which(since=AT + 8), 99, [8, 9, 10], False),
        (Which(ALICE, since=AT + 8), 1, [10], True),
    ],
)
async def test_the_newest_are_last(
    journal: MemoryJournal, which: Which, at_most: int, seqs: list[int], more: bool
) -> None:
    """As in a log."""
    found = await latest(journal, which, at_most)
    assert (_seqs(found), found.last, found.more) == (seqs, 10, more)


async def test_clock_that_was_slow_for_a_while_hides_nothing(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times go by the wall clock, and somebody may have set it; but a search comes to an end."""
    for place in (6, 7):
        journal.entries[place] = journal.entries[place]._replace(at=AT - 3600)
    assert _seqs(await latest(journal, Which(since=AT + 5), 99)) == [5, 6, 9, 10]
    monkeypatch.setattr(history, "ENOUGH", 2)
    assert _seqs(await latest(journal, Which(since=AT + 5), 99)) == [9, 10]


async def test_what_was_purged_is_not_looked_for(journal: MemoryJournal) -> None:
    """The oldest are gone; the numbers go on."""
    del journal.entries[:6]
    assert _seqs(await latest(journal, Which(), 99)) == [7, 8, 9, 10]
    assert _seqs(await follow(journal, Which(), 2, 99)) == [7, 8, 9, 10]


@pytest.mark.parametrize(("after", "missed"), [(2, 4), (5, 1), (6, 0), (10, 0)])
async def test_who_comes_too_late_learns_how_many_were_purged(
    journal: MemoryJournal, after: int, missed: int
) -> None:
    """A gap that nobody notices would be a loss."""
    del journal.entries[:6]
    assert (await follow(journal, Which(BOB), after, 99)).missed == missed


async def test_an_empty_journal_has_no_history() -> None:
    """A new server."""
    assert await latest(MemoryJournal(), Which(), 9) == ([], 0, False, 0)
    assert await follow(MemoryJournal(), Which(), 0, 9) == ([], 0, False, 0)


async def test_a_search_is_bounded(journal: MemoryJournal) -> None:
    """Phones wait meanwhile; the caller is told that there may be more."""
    found = await latest(journal, Which(None, CFA), 99, looked_at=4)
    assert (_seqs(found), found.more) == ([8], True)
    found = await follow(journal, Which(None, CFA), 0, 99, looked_at=5)
    assert (_seqs(found), found.last, found.more) == ([4], 5, True)


@pytest.mark.parametrize("which", [Which(), Which(BOB), Which(None, CFA), Which(BOB, CFA)])
@pytest.mark.parametrize("at_most", [1, 2, 3, 99])
async def test_who_follows_misses_nothing(
    journal: MemoryJournal, which: Which, at_most: int
) -> None:
    """Page by page, from the start to the end."""
    seqs: list[int] = []
    last, more = 0, True
    while more:
        found = await follow(journal, which, last, at_most, looked_at=4)
        assert found.last > last
        seqs += _seqs(found)
        last, more = found.last, found.more
    assert seqs == _seqs(await latest(journal, which, 99))
    assert last == 10


async def test_a_journal_that_ends_earlier_is_told(journal: MemoryJournal) -> None:
    """Another file was put in its place."""
    assert await follow(journal, Which(), 12, 9) == ([], 10, False, 0)
