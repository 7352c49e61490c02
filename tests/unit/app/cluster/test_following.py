"""The feed of all nodes: read in order, soon, and again after whatever went wrong."""

import asyncio

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.cluster import following
from dfks_rules.app.cluster.following import AGAIN, PAUSE, TRIES, Following
from dfks_rules.store.postgres.ports import Changed, Moved, Sought
from tests.helpers.cluster import ALICE, Site, virtually
from tests.helpers.engine import Fault, Loss, Script
from tests.helpers.webhooks import run_virtually


class _Learns:
    """Writes down what it is told; may be wrong about some of it."""

    def __init__(self) -> None:
        self.told: list[int | str] = []
        self.times: list[float] = []
        self.position = 0
        self.missed_at: list[float] = []
        self.fails_at: int | None = None

    def changed(self, changes: list[Changed], now: float) -> None:
        self.times.append(now)
        for one in changes:
            if one.entry.seq == self.fails_at:
                raise RuntimeError("a bug")
            self.told.append(one.entry.seq)

    def moved(self, moved: Moved, now: float) -> None:
        self.told.append(f"moved {moved.seq}")

    def missed(self, now: float) -> None:
        self.missed_at.append(now)

    def read(self, last: int) -> None:
        self.position = last


async def _reader(
    site: Site, script: Script | None = None, position: int = 0
) -> tuple[Following, _Learns]:
    learns = _Learns()
    feed = Following(site.engine(script), position, learns)
    feed.begin()
    await asyncio.sleep(0.01)
    return feed, learns


@virtually
async def test_a_change_of_any_node_is_told_within_a_tenth_of_a_second() -> None:
    """Where no hint comes."""
    site = Site()
    member = await site.member()
    feed, learns = await _reader(site)
    for revision in (1, 2, 3):
        site.store(member.epoch, revision)
        await asyncio.sleep(PAUSE + 0.01)
        assert learns.told[-1] == learns.position == feed.position == revision
    assert learns.told == [1, 2, 3]
    feed.end()


@virtually
async def test_a_hint_is_followed_at_once() -> None:
    """That is what it is for."""
    site = Site()
    member = await site.member()
    feed, learns = await _reader(site)
    site.store(member.epoch)
    feed.hint()
    await asyncio.sleep(0.001)
    assert learns.told == [1]
    feed.end()


@virtually
async def test_what_was_before_it_began_is_not_told() -> None:
    """Nothing was known then."""
    site = Site()
    member = await site.member()
    site.store(member.epoch, 1)
    feed, learns = await _reader(site, position=site.database.newest)
    site.store(member.epoch, 2)
    await asyncio.sleep(2 * PAUSE)
    assert learns.told == [2]
    feed.end()


@virtually
async def test_changes_and_moves_are_told_in_the_order_of_the_feed() -> None:
    """A dialog is told what changed while it was here, and nothing later."""
    site = Site()
    one, other = await site.member("a"), await site.member("b")
    row = site.subscribe(one.epoch, 1)
    site.store(one.epoch, 1)
    site.database.adopt(other.epoch, Sought(row.tag, other.epoch << 32, 1))
    site.store(other.epoch, 2)
    feed, learns = await _reader(site)
    assert learns.told == [1, "moved 2", 3]
    feed.end()


@pytest.mark.parametrize("fault", [Loss.UNSENT, Loss.QUESTION, Loss.ANSWER])
def test_what_could_not_be_read_is_read_later(fault: Loss) -> None:
    """Once, whatever was lost."""

    async def main() -> None:
        site, script = Site(), Script()
        member = await site.member()
        script.add("feed", Fault(loss=fault))
        feed, learns = await _reader(site, script)
        site.store(member.epoch)
        await asyncio.sleep(5.0 + 2 * AGAIN)
        assert (learns.told, feed.counts["feed_failures"]) == ([1], 1)
        feed.end()

    run_virtually(main())


def test_full_pages_follow_one_another_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is behind catches up, a few changes in each turn of the loop."""
    monkeypatch.setattr(following, "PORTION", 10)
    monkeypatch.setattr(following, "TURN", 3)

    async def main() -> None:
        site = Site()
        member = await site.member()
        for revision in range(1, 36):
            site.store(member.epoch, revision)
        feed, learns = await _reader(site)
        assert learns.told == [*range(1, 36)]
        assert feed.counts["feed_reads"] == 4
        assert feed.counts["feed_changes"] == 35
        feed.end()

    run_virtually(main())


def test_a_bug_of_ours_keeps_nobody_from_what_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is met once, not again and again."""
    monkeypatch.setattr(following, "TURN", 1)

    async def main() -> None:
        site = Site()
        member = await site.member()
        for revision in (1, 2, 3):
            site.store(member.epoch, revision)
        learns = _Learns()
        learns.fails_at = 2
        feed = Following(site.engine(), 0, learns)
        feed.begin()
        await asyncio.sleep(3 * AGAIN)
        assert learns.told == [1, 3]
        assert feed.counts["feed_failures"] == 1
        feed.end()

    run_virtually(main())


@virtually
async def test_a_bug_hides_no_other_change_that_is_told_with_it() -> None:
    """Most are told many at once."""
    site = Site()
    member = await site.member()
    for revision in (1, 2, 3, 4):
        site.store(member.epoch, revision)
    learns = _Learns()
    learns.fails_at = 2
    feed = Following(site.engine(), 0, learns)
    feed.begin()
    await asyncio.sleep(3 * AGAIN)
    assert {*learns.told} == {1, 3, 4}
    assert feed.position == 4
    feed.end()


@virtually
async def test_a_feed_that_stays_away_is_told_operators_once() -> None:
    """The lease may go on: nothing else says that changes are not told."""
    site, script = Site(), Script()
    script.add("feed", *[Fault(loss=Loss.UNSENT)] * 3 * TRIES)
    with capture_logs() as logs:
        feed, _ = await _reader(site, script)
        await asyncio.sleep(AGAIN * (TRIES - 2))
        assert logs == []
        await asyncio.sleep(AGAIN * 4 * TRIES)
    assert [(one["event"], one["reason"]) for one in logs] == [
        ("feed_silent", "the engine is out of reach")
    ]
    feed.end()


@virtually
async def test_where_a_part_of_the_feed_is_purged_it_is_said() -> None:
    """Somebody may not have been told."""
    site = Site()
    member = await site.member()
    for revision in (1, 2, 3):
        site.store(member.epoch, revision)
    site.database.purge(site.database.clock() + 1.0, 10)
    feed, learns = await _reader(site)
    feed.end()
    assert len(learns.missed_at) == feed.counts["feed_gaps"] == 1
    assert learns.told == []


@virtually
async def test_who_wants_to_have_caught_up_waits_for_a_read_that_began_later() -> None:
    """What was committed before is told then, even where the next read fails."""
    site, script = Site(), Script()
    member = await site.member()
    feed, learns = await _reader(site, script)
    script.add("feed", Fault(0.0, 0.5), Fault(loss=Loss.UNSENT))
    await asyncio.sleep(PAUSE)
    site.store(member.epoch, presentity=ALICE)
    assert learns.told == []
    await feed.caught_up()
    assert learns.told == [1]
    feed.end()


@virtually
async def test_nobody_waits_for_a_feed_that_has_ended() -> None:
    """Else the end would wait, too."""
    site, script = Site(), Script(Fault(loss=Loss.QUESTION))
    feed, _ = await _reader(site, script)
    waiting = asyncio.ensure_future(feed.caught_up())
    await asyncio.sleep(0.1)
    feed.end()
    with pytest.raises(asyncio.CancelledError):
        await waiting
