"""Rows of claimed cohorts are loaded while phones are served."""

import asyncio

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.cluster import taking
from dfks_rules.app.cluster.member import Member
from dfks_rules.app.cluster.taking import TakingOver
from dfks_rules.model.identity import Aor
from dfks_rules.presence.claim import UNSURE, Claim
from dfks_rules.service.ports import DialogRow
from dfks_rules.store.postgres.ports import Sought
from dfks_rules.store.postgres.store import PostgresStore
from tests.helpers.cluster import ALICE, Site, Told, virtually
from tests.helpers.engine import Fault, Loss, Script
from tests.helpers.webhooks import run_virtually


class _Taker:
    """A node that takes over."""

    def __init__(self, site: Site, member: Member, script: Script | None = None) -> None:
        self.engine = site.engine(script)
        self.member = member
        loop = asyncio.get_running_loop()
        self.store = PostgresStore(self.engine, member.joined, loop)
        self.told = Told()
        self.caught_up = 0
        self.woken = 0
        self.taking = TakingOver(self.engine, self.store, self.told, self._catch_up, self._wake)
        self._site = site

    async def _catch_up(self) -> None:
        self.caught_up += 1
        assert self.told.of("take") == []

    def _wake(self) -> None:
        self.woken += 1

    def claim(self) -> None:
        self.taking.begin(self._site.database.claim(self.member.epoch))


@virtually
async def test_rows_are_taken_the_newest_first_once_the_feed_is_known() -> None:
    """Phones must not be told anything older than before; and the driver is woken."""
    site = Site()
    dead, member = await site.member("a"), await site.member("b")
    rows = [site.subscribe(dead.epoch, number).row for number in range(5)]
    site.database.end(dead.epoch, is_clean=False)
    taker = _Taker(site, member)
    taker.claim()
    await asyncio.sleep(0.1)
    [(taken, _)] = taker.told.of("take")
    assert taken == rows[::-1]
    assert taker.told.of("loaded") == [()]
    assert (taker.caught_up, taker.woken, taker.taking.counts["taken"]) == (1, 1, 5)


@virtually
async def test_whose_state_changed_before_its_node_died_is_to_be_told() -> None:
    """It may not have been, however long the others waited."""
    site = Site()
    dead, member = await site.member("a"), await site.member("b")
    site.subscribe(dead.epoch, 1)
    site.store(member.epoch)
    await asyncio.sleep(UNSURE / 2)
    site.database.lives[dead.epoch].renewed = site.database.clock()
    site.database.end(dead.epoch, is_clean=False)
    taker = _Taker(site, member)
    taker.claim()
    await asyncio.sleep(0.1)
    assert taker.told.of("restore") == [(site.database.clock() - 0.1, False)]
    [(_, changed)] = taker.told.of("take")
    assert changed == {ALICE}


@virtually
async def test_who_left_as_planned_has_told_all_but_what_it_had_not_heard_of() -> None:
    """So few phones are told again."""
    site = Site()
    left, member = await site.member("a"), await site.member("b")
    site.subscribe(left.epoch, 1)
    site.store(member.epoch, 1, Aor("bob", "example.com"))
    heard = site.database.newest
    site.store(member.epoch)
    await asyncio.sleep(UNSURE / 2)
    site.database.leave(left.epoch, is_clean=True, heard=heard)
    taker = _Taker(site, member)
    taker.claim()
    await asyncio.sleep(0.1)
    [(_, is_clean)] = taker.told.of("restore")
    [(_, changed)] = taker.told.of("take")
    assert (is_clean, changed) == (True, {ALICE})


@virtually
async def test_those_who_left_and_those_who_died_are_taken_apart() -> None:
    """Claimed together, and told differently."""
    site = Site()
    left, dead, member = [await site.member(name) for name in "abc"]
    site.subscribe(left.epoch, 1)
    site.subscribe(dead.epoch, 2)
    site.database.leave(left.epoch, is_clean=True)
    site.database.end(dead.epoch, is_clean=False)
    taker = _Taker(site, member)
    taker.claim()
    await asyncio.sleep(0.1)
    assert sorted(is_clean for _, is_clean in taker.told.of("restore")) == [False, True]
    assert sorted(rows for [rows], _ in taker.told.of("take")) == [
        left.epoch << 32 | 1,
        dead.epoch << 32 | 2,
    ]


@pytest.mark.parametrize("call", ["rows", "changed_since"])
def test_what_cannot_be_read_is_asked_for_again(call: str) -> None:
    """Else nobody would tell these phones anything."""

    async def main() -> None:
        site, script = Site(), Script()
        dead, member = await site.member("a"), await site.member("b")
        site.subscribe(dead.epoch, 1)
        site.database.end(dead.epoch, is_clean=False)
        script.add(call, Fault(loss=Loss.UNSENT), Fault(loss=Loss.ANSWER))
        taker = _Taker(site, member, script)
        with capture_logs() as logs:
            taker.claim()
            await asyncio.sleep(10.0)
        assert taker.taking.counts["taken"] == 1
        assert [one["event"] for one in logs] == ["cluster_taking_over_late", "cluster_taken_over"]

    run_virtually(main())


@virtually
async def test_one_row_that_runs_into_a_bug_keeps_no_other_one_away() -> None:
    """And the claim comes to its end: else all that changes would be noted for ever."""
    site = Site()
    dead, member = await site.member("a"), await site.member("b")
    rows = [site.subscribe(dead.epoch, number).row for number in range(3)]
    site.database.end(dead.epoch, is_clean=False)
    taker = _Taker(site, member)
    take = taker.told.take

    def fail(claim: Claim, taken: list[DialogRow], now: float) -> None:
        if rows[1] in [row.row for row in taken]:
            raise ZeroDivisionError
        take(claim, taken, now)

    taker.told.take = fail  # type: ignore[assignment, method-assign]
    with capture_logs() as logs:
        taker.claim()
        await asyncio.sleep(0.1)
    assert [taken for taken, _ in taker.told.of("take")] == [[rows[2]], [rows[0]]]
    assert taker.told.of("loaded") == [()]
    assert [one["event"] for one in logs] == ["cluster_taking_over_failed", "cluster_taken_over"]


def test_many_rows_come_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are served between them."""
    monkeypatch.setattr(taking, "PORTION", 4)

    async def main() -> None:
        site = Site()
        dead, member = await site.member("a"), await site.member("b")
        for number in range(10):
            site.subscribe(dead.epoch, number)
        site.database.end(dead.epoch, is_clean=False)
        taker = _Taker(site, member)
        taker.claim()
        await asyncio.sleep(0.1)
        assert [len(rows) for rows, _ in taker.told.of("take")] == [4, 4, 2]

    run_virtually(main())


@virtually
async def test_rows_have_the_term_of_whoever_has_them_now() -> None:
    """Each owner's NOTIFYs have higher CSeqs than those of the one before."""
    site = Site()
    dead, second, third = [await site.member(name) for name in "abc"]
    row = site.subscribe(dead.epoch, 1)
    site.database.end(dead.epoch, is_clean=False)
    site.database.claim(second.epoch)
    site.database.end(second.epoch, is_clean=False)
    taker = _Taker(site, third)
    taker.claim()
    [taken] = await taker.store.rows_of([dead.epoch * 64 + 1], 1 << 62, 10)
    assert taken.base + taker.store.term == row.base + 2


@virtually
async def test_nothing_is_loaded_after_the_end() -> None:
    """The next owner does."""
    site, script = Site(), Script(Fault(loss=Loss.QUESTION))
    dead, member = await site.member("a"), await site.member("b")
    site.subscribe(dead.epoch, 1)
    site.database.end(dead.epoch, is_clean=False)
    taker = _Taker(site, member, script)
    taker.claim()
    await asyncio.sleep(0.1)
    taker.taking.end()
    await asyncio.sleep(10.0)
    assert taker.told.of("take") == []


@virtually
async def test_a_dialog_whose_adoption_nobody_waits_for_any_more_is_taken_all_the_same() -> None:
    """Else its phone would hear nothing until it refreshes; others' dialogs are let be."""
    site, script = Site(), Script()
    other, member = await site.member("a"), await site.member("b")
    rows = [site.subscribe(other.epoch, number) for number in range(4)]
    numbers = [(member.epoch << 32) + number for number in range(4)]
    for row, number in zip(rows[:3], numbers, strict=False):
        site.database.adopt(member.epoch, Sought(row.tag, number, 1))
    site.database.adopt(other.epoch, Sought(rows[1].tag, (other.epoch << 32) + 9, 1))
    script.add("adopt", Fault(loss=Loss.ANSWER))
    taker = _Taker(site, member, script)
    for row in rows:
        taker.taking.adopted(row.tag)
    await asyncio.sleep(taking.ANSWERED / 2)
    taker.told.held.add(rows[2].tag)
    assert taker.told.of("adopted") == []
    await asyncio.sleep(20.0)
    assert taker.told.of("adopted") == [(numbers[0],)]
    assert taker.woken == taker.caught_up == 1
    assert len(site.database.rows) == 4
