"""Who changed what, asked of the journal: the newest changes, or those that follow."""

from typing import NamedTuple

from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Journal, JournalEntry

PAGE = 200
"""Entries read at once."""
ENOUGH = 1_000
"""Entries in a row that are older than what is asked for, before which all are older: fewer may
come of a clock that was slow for a while."""


class Which(NamedTuple):
    """Which entries are asked for."""

    presentity: Aor | None = None
    """None: of everybody."""
    feature: Feature | None = None
    """None: all."""
    since: float = 0.0
    """The earliest time, seconds since 1970."""


class History(NamedTuple):
    """Some entries, and where the next ones are."""

    entries: list[JournalEntry]
    """In the order in which they were stored."""
    last: int
    """Up to which number the journal was read: `follow` goes on from there."""
    more: bool
    """Whether there are more: older ones than `latest` gives, newer ones than `follow` gives."""
    missed: int = 0
    """How many were removed before `follow` could read them."""


async def latest(
    journal: Journal, which: Which, at_most: int, looked_at: int | None = None
) -> History:
    """The newest entries.

    Args:
        journal: where they are.
        which: which are asked for.
        at_most: how many.
        looked_at: how many the journal is searched for them; None: all.

    Raises:
        StoreError: it cannot be read.
    """
    newest = await journal.newest()
    found: list[JournalEntry] = []
    older, number, end = 0, -1, newest + 1
    while end > 1 and (page := await journal.of(which.presentity, PAGE, end)):
        for entry in page:
            number += 1
            if entry.at < which.since:
                older += 1
                if older == ENOUGH or number == looked_at:
                    return History(found[::-1], newest, more=False)
                continue
            older = 0
            if len(found) == at_most or number == looked_at:
                return History(found[::-1], newest, more=True)
            if which.feature in (None, entry.feature):
                found.append(entry)
        end = page[-1].seq
    return History(found[::-1], newest, more=False)


async def follow(
    journal: Journal, which: Which, after: int, at_most: int, looked_at: int | None = None
) -> History:
    """The entries that follow the one with the number `after`; else as `latest`.

    `last` is below `after` if the journal does not go that far: another file was put in its place.
    """
    newest = await journal.newest()
    last = min(after, newest)
    found: list[JournalEntry] = []
    end = newest if looked_at is None else min(newest, last + looked_at)
    missed = 0
    while last < end and (page := await journal.read(last, min(PAGE, end - last))):
        if page[0].seq > last + 1:
            missed += await _purged(journal, last)
        for entry in page:
            if len(found) == at_most:
                return History(found, last, more=True, missed=missed)
            last = entry.seq
            if _is_wanted(entry, which):
                found.append(entry)
    return History(found, last, more=last < newest, missed=missed)


async def _purged(journal: Journal, after: int) -> int:
    """How many entries with higher numbers than `after` are gone; where several nodes share the
    journal, some of these numbers may have been those of something else.
    """
    oldest = await journal.read(0, 1)
    return max(0, oldest[0].seq - after - 1) if oldest else 0


def _is_wanted(entry: JournalEntry, which: Which) -> bool:
    return (
        which.presentity in (None, entry.presentity)
        and which.feature in (None, entry.feature)
        and entry.at >= which.since
    )
