"""The life of a node: renewals, burials, claims, and its end."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.cluster.member import DOUBT, LOOK, STEP, Hooks, Member
from dfks_rules.errors import StoreError
from dfks_rules.presence.standing import Standing
from dfks_rules.store.postgres.ports import COHORTS, Claimed, Joined, Report
from tests.helpers.cluster import GRACE, LEASE, Site, itself, virtually, wall
from tests.helpers.engine import Fault, Loss, Script


class _Life:
    """A member that goes on by itself, and what it tells."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.claimed: list[Claimed] = []
        self.buried = 0
        self.skews: list[float] = []
        member.begin(Hooks(self._beat, self.claimed.extend, self._bury), wall)

    def _beat(self, skew: float) -> Report:
        self.skews.append(skew)
        return Report("revision", 7, skew, 3)

    def _bury(self) -> None:
        self.buried += 1

    @property
    def standing(self) -> Standing:
        return self.member.standing(asyncio.get_running_loop().time())

    def die(self) -> None:
        for task in self.member._tasks:
            task.cancel()


@virtually
async def test_a_node_for_whose_notifys_no_cseq_is_left_says_what_helps() -> None:
    """After a million lives; else it would end by a trace, and all others, too."""
    site = Site()
    engine = site.engine()
    join = engine.join

    async def late(name: str, release: str, lease: float) -> Joined:
        return (await join(name, release, lease))._replace(epoch=1 << 20)

    engine.join = late  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="RESTART IDENTITY"):
        await Member.join(engine, itself(), wall)


@virtually
async def test_a_node_renews_its_lease_four_times_in_its_length() -> None:
    """And says what the others may see of it."""
    site, script = Site(), Script()
    life = _Life(await site.member(faults=script))
    await asyncio.sleep(10 * LEASE)
    assert 40 <= script.calls.count("renew") <= 41
    assert life.standing is Standing.SERVING
    stored = site.database.lives[life.member.epoch]
    assert (stored.policies, stored.position, stored.subscriptions) == ("revision", 7, 3)
    await life.member.end(is_clean=True)


@virtually
async def test_one_renewal_that_hangs_does_not_cost_the_lease() -> None:
    """It is given up in time for another one."""
    site, script = Site(), Script()
    life = _Life(await site.member(faults=script))
    await asyncio.sleep(0.1)
    script.add("renew", Fault(loss=Loss.QUESTION))
    for _ in range(40):
        await asyncio.sleep(0.1)
        assert life.standing is Standing.SERVING
    assert life.member.counts["engine_failures"] == 1
    await life.member.end(is_clean=True)


@virtually
async def test_a_node_that_does_not_reach_the_engine_is_blind_and_serves_again_when_it_does() -> (
    None
):
    """If nobody has buried it meanwhile."""
    site = Site()
    engine = site.engine()
    member = await Member.join(engine, (await site.member())._itself, wall)
    life = _Life(member)
    await asyncio.sleep(1.0)
    engine.is_out = True
    await asyncio.sleep(LEASE)
    standings = [life.standing]
    await asyncio.sleep(GRACE)
    standings.append(life.standing)
    assert standings == [Standing.BLIND, Standing.CUT_OFF]
    engine.is_out = False
    await asyncio.sleep(LEASE)
    assert (life.standing, life.buried) == (Standing.SERVING, 0)
    await member.end(is_clean=True)


@virtually
async def test_a_silent_node_is_buried_and_all_it_had_is_claimed_by_those_who_live() -> None:
    """Each takes its share; none is taken twice."""
    site = Site()
    lives = [_Life(await site.member(name)) for name in "abc"]
    dead, *living = lives
    await asyncio.sleep(2 * LEASE)
    for number in range(10 * COHORTS):
        site.subscribe(dead.member.epoch, number)
    dead.die()
    await asyncio.sleep(LEASE + 2 * LOOK)
    assert not site.database.holds(dead.member.epoch)
    taken = [one.cohort for life in living for one in life.claimed]
    assert sorted(taken) == [*range(dead.member.epoch * COHORTS, (dead.member.epoch + 1) * COHORTS)]
    assert all(len(life.claimed) >= COHORTS // 4 for life in living)
    assert sum(life.member.counts["buried"] for life in living) == 1
    assert all(not one.is_clean and one.term == 1 for life in living for one in life.claimed)
    for life in living:
        await life.member.end(is_clean=True)


@virtually
async def test_a_cohort_whose_claim_was_never_answered_is_found_all_the_same() -> None:
    """Else nobody would tell its phones anything, and all nodes would think that somebody does."""
    site, script = Site(), Script()
    dead, life = await site.member("a"), _Life(await site.member("b", script))
    for number in range(4):
        site.subscribe(dead.epoch, number)
    await asyncio.sleep(LEASE)
    script.add("claim", Fault(loss=Loss.ANSWER))
    await dead.end(is_clean=True)
    await asyncio.sleep(2 * DOUBT)
    assert len(life.claimed) == 4
    assert not any(one.is_clean for one in life.claimed)
    assert life.member.counts["claimed"] == 4
    await life.member.end(is_clean=True)


@virtually
async def test_a_claim_that_acts_late_is_found_too() -> None:
    """It was given up before it did anything."""
    site, script = Site(), Script()
    dead, life = await site.member("a"), _Life(await site.member("b", script))
    site.subscribe(dead.epoch, 1)
    await asyncio.sleep(LEASE)
    # Others would take the cohort before: here is nobody else, and later claims get lost.
    script.add("claim", Fault(before=12.0), *[Fault(loss=Loss.QUESTION)] * 2)
    await dead.end(is_clean=False)
    await asyncio.sleep(30.0)
    assert [one.cohort for one in life.claimed] == [dead.epoch * COHORTS + 1]
    await life.member.end(is_clean=True)


@virtually
async def test_a_node_that_was_buried_says_so_once_and_serves_nobody() -> None:
    """It is not asked again, and does not ask."""
    site, script = Site(), Script()
    life = _Life(await site.member(faults=script))
    await asyncio.sleep(1.0)
    site.database.end(life.member.epoch, is_clean=False)
    await asyncio.sleep(LEASE)
    asked = len(script.calls)
    assert (life.buried, life.standing) == (1, Standing.CUT_OFF)
    await asyncio.sleep(LEASE)
    assert len(script.calls) == asked
    await life.member.end(is_clean=True)


@virtually
async def test_after_an_outage_all_get_a_turn_to_renew_before_anybody_is_buried() -> None:
    """Whoever is back first must not bury the rest."""
    site = Site()
    engines = [site.engine() for _ in range(3)]
    itself = (await site.member("x"))._itself
    lives = [_Life(await Member.join(engine, itself, wall)) for engine in engines]
    await asyncio.sleep(4 * LEASE)
    for engine in engines:
        engine.is_out = True
    await asyncio.sleep(4 * LEASE)
    for engine in engines:
        engine.is_out = False
        await asyncio.sleep(0.4)
    await asyncio.sleep(2 * LEASE)
    assert [life.buried for life in lives] == [0, 0, 0]
    for life in lives:
        await life.member.end(is_clean=True)


@virtually
async def test_a_node_that_leaves_is_followed_at_once() -> None:
    """Nobody waits for its lease; what it has written need not be told again."""
    site = Site()
    left, life = _Life(await site.member("a")), _Life(await site.member("b"))
    site.subscribe(left.member.epoch, 1)
    await asyncio.sleep(LEASE)
    await left.member.end(is_clean=True)
    await asyncio.sleep(2 * LOOK)
    assert [one.is_clean for one in life.claimed] == [True]
    await life.member.end(is_clean=True)


@virtually
async def test_a_draining_node_claims_nothing_and_keeps_what_it_has() -> None:
    """Until it leaves."""
    site = Site()
    draining, dead = _Life(await site.member("a")), await site.member("b")
    site.subscribe(dead.epoch, 1)
    await asyncio.sleep(LEASE)
    await site.engine().drain(draining.member.epoch)
    await asyncio.sleep(LEASE / 2)
    await dead.end(is_clean=True)
    await asyncio.sleep(4 * LOOK)
    assert (draining.standing, draining.claimed) == (Standing.DRAINING, [])
    await draining.member.end(is_clean=True)


@virtually
async def test_the_clock_of_the_machine_is_compared_with_the_engines() -> None:
    """Policies go by it."""
    site = Site()
    member = await site.member()
    life = _Life(member)
    member._tasks[0].cancel()
    await member._renew(0.0, Hooks(life._beat, life.claimed.extend, life._bury), lambda: wall() + 5)
    assert member.skew == 5.0
    await member.end(is_clean=True)


@virtually
async def test_a_life_ends_when_the_engines_clock_is_set() -> None:
    """Its deadlines are by the clock before; the lease must not go on by one that nobody has."""
    for step, is_told in ((STEP - 2, False), (STEP + 2, True), (-3600.0, True)):
        site = Site()
        life, engines = _Life(await site.member()), site.database.clock
        await asyncio.sleep(LEASE)
        with capture_logs() as logs:
            site.database.clock = partial(_ahead, engines, step)
            await asyncio.sleep(LEASE)
        stepped = [one["seconds"] for one in logs if one["event"] == "cluster_clock_stepped"]
        assert stepped == ([step] if is_told else [])
        assert life.buried == is_told
        assert (life.standing is Standing.SERVING) is not is_told
        await life.member.end(is_clean=False)


def _ahead(clock: Callable[[], float], seconds: float) -> float:
    return clock() + seconds


@virtually
async def test_who_died_before_the_clock_was_set_back_is_buried_soon() -> None:
    """Its lease seems to last for an hour."""
    site = Site()
    one, dead = await site.member("a"), await site.member("b")
    site.database.clock = partial(_ahead, site.database.clock, -3600.0)
    assert site.database.bury(one.epoch) == [dead.epoch]
