"""Policies over nodes: the engine in PostgreSQL, and the one that tests use in its place."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.policies import ALL_NODES, FILES, PolicyTask, scope_of
from dfks_rules.store.postgres.ports import Engine, Report
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine
from tests.helpers.postgres import Database, needs_postgres

NEW, OLD = "b" * 12, "a" * 12
ACTOR = "alice"


class Site:
    """Two nodes, `node-1` and `node-2`, of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.epochs: list[int] = []

    async def join(self, name: str, active: str = OLD) -> int:
        """Another one."""
        epoch = (await self.engine.join(name, "0.1.0", 60.0)).epoch
        await self.engine.renew(epoch, 60.0, Report(active, 0, 0.0, 0))
        self.epochs.append(epoch)
        return epoch

    async def propose(self, revision: str, scope: str = ALL_NODES) -> None:
        """Begin a rollout."""
        await self.engine.policy_propose(scope, revision, revision.encode(), ACTOR)

    async def say(self, node: int, revision: str, verdict: str = "") -> None:
        """A node says whether it can use a revision."""
        await self.engine.policy_verdict(self.epochs[node], revision, verdict)

    async def decide(self, revision: str, scope: str = ALL_NODES) -> None:
        """A rollout that everybody is ready for."""
        await self.propose(revision, scope)
        for node in range(len(self.epochs)):
            if revision in (await self.task(node)).prepare:
                await self.say(node, revision)

    async def task(self, node: int) -> PolicyTask:
        """What a node has to do."""
        return await self.engine.policy_task(self.epochs[node])

    async def goals(self) -> list[str | None]:
        """Of each node."""
        return [(await self.task(node)).goal for node in range(len(self.epochs))]

    async def states(self) -> dict[str, str]:
        """Scope → what became of its rollout."""
        return {one.scope: one.state for one in await self.engine.policy_rollouts()}


@pytest.fixture(params=["fake", pytest.param("postgres", marks=needs_postgres)])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """Two nodes that have joined, without a goal."""
    async with AsyncExitStack() as opened:
        engine: Engine
        if request.param == "fake":
            engine = FakeEngine(FakeDatabase(time.time))
        else:
            database: Database = request.getfixturevalue("empty_database")
            await migrate(database.url)
            engine = PostgresEngine(database.url, "node-1")
            opened.push_async_callback(engine.close)
        made = Site(engine)
        for name in ("node-1", "node-2"):
            await made.join(name)
        yield made


async def test_without_a_goal_files_decide(site: Site) -> None:
    """And everybody sees what decides where."""
    nothing = PolicyTask(None, (), (("node-1", OLD), ("node-2", OLD)))
    assert [await site.task(node) for node in (0, 1)] == [nothing] * 2
    assert await site.engine.policy_goal("node-1") is None
    assert await site.engine.policy_bundle(NEW) is None
    assert await site.engine.policy_goals() == []


async def test_a_goal_moves_when_all_nodes_are_ready(site: Site) -> None:
    """Not before; a node that starts later begins with it."""
    await site.propose(NEW)
    assert [(await site.task(node)).prepare for node in (0, 1)] == [(NEW,)] * 2
    assert await site.engine.policy_bundle(NEW) == NEW.encode()
    await site.say(0, NEW)
    assert (await site.task(0)).prepare == ()
    assert (await site.goals(), await site.states()) == ([None] * 2, {"*": "preparing"})
    assert await site.engine.policy_goal("node-3") is None
    await site.say(1, NEW)
    assert (await site.goals(), await site.states()) == ([NEW] * 2, {"*": "done"})
    assert await site.engine.policy_goal("node-3") == NEW.encode()
    [goal] = await site.engine.policy_goals()
    assert goal[:3] == (ALL_NODES, NEW, None)
    assert (goal.actor, abs(goal.at - time.time()) < 60) == (ACTOR, True)


async def test_a_goal_does_not_move_when_a_node_refuses(site: Site) -> None:
    """Not even when that node is gone: whoever asked was told that it is refused."""
    await site.propose(NEW)
    await site.say(0, NEW)
    await site.say(1, NEW, "line 3 is wrong")
    assert (await site.goals(), await site.states()) == ([None] * 2, {"*": "refused"})
    verdicts = [(one.revision, one.verdict) for one in await site.engine.policy_verdicts()]
    assert verdicts == [(NEW, ""), (NEW, "line 3 is wrong")]
    await site.engine.leave(site.epochs[1], is_clean=True)
    assert (await site.task(0)).goal is None


async def test_a_refused_revision_can_be_tried_again(site: Site) -> None:
    """Its tests may have been wrong: they are not part of the revision."""
    await site.propose(NEW)
    await site.say(1, NEW, "a case failed")
    await site.engine.policy_propose(ALL_NODES, NEW, b"other tests", ACTOR)
    assert await site.engine.policy_bundle(NEW) == b"other tests"
    assert [(await site.task(node)).prepare for node in (0, 1)] == [(NEW,)] * 2
    await site.say(0, NEW)
    await site.say(1, NEW)
    assert await site.goals() == [NEW] * 2


async def test_nobody_waits_for_a_node_that_is_gone(site: Site) -> None:
    """Whoever looks next moves the goal."""
    await site.propose(NEW)
    await site.say(0, NEW)
    await site.engine.leave(site.epochs[1], is_clean=False)
    assert (await site.task(0)).goal == NEW


async def test_what_a_buried_node_says_does_not_count(site: Site) -> None:
    """It may have been asleep."""
    await site.propose(NEW)
    await site.engine.leave(site.epochs[1], is_clean=False)
    await site.say(1, NEW, "no")
    await site.say(0, NEW)
    assert await site.states() == {"*": "done"}


async def test_a_canary_is_one_node(site: Site) -> None:
    """Only it prepares, and only it follows; then all of them do."""
    await site.decide(OLD)
    await site.propose(NEW, scope_of("node-2"))
    assert [(await site.task(node)).prepare for node in (0, 1)] == [(), (NEW,)]
    await site.say(1, NEW)
    assert await site.goals() == [OLD, NEW]
    assert await site.engine.policy_goal("node-2") == NEW.encode()
    assert await site.engine.policy_goal("node-1") == OLD.encode()
    await site.decide(NEW)
    assert await site.goals() == [NEW] * 2
    # What all nodes follow is in one place again.
    assert [one[:3] for one in await site.engine.policy_goals()] == [(ALL_NODES, NEW, OLD)]


async def test_a_canary_that_goes_back_follows_all_others(site: Site) -> None:
    """Or its files."""
    await site.decide(NEW, scope_of("node-2"))
    assert await site.goals() == [None, NEW]
    assert (await site.engine.policy_back(scope_of("node-2"), ACTOR, None)).is_done is True
    assert await site.goals() == [None, None]
    assert (await site.engine.policy_back(scope_of("node-2"), ACTOR, None)).is_done is False


async def test_a_goal_moves_back_and_forth(site: Site) -> None:
    """What it left is what the next rollback brings."""
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is False
    await site.decide(OLD)
    await site.decide(NEW)
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is True
    assert await site.goals() == [OLD] * 2
    assert await site.engine.policy_bundle(NEW) == NEW.encode()
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is True
    assert await site.goals() == [NEW] * 2


async def test_what_is_on_its_way_is_ended_first(site: Site) -> None:
    """Who goes back then means that, not what decides."""
    await site.decide(OLD)
    await site.decide(NEW)
    await site.propose("c" * 12)
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is True
    assert await site.states() == {"*": "replaced"}
    assert await site.goals() == [NEW] * 2
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is True
    assert await site.goals() == [OLD] * 2


async def test_a_rollout_without_a_goal_can_be_ended(site: Site) -> None:
    """Both by a rollback and by a drop."""

    async def back() -> bool:
        return (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done

    async def drop() -> bool:
        return await site.engine.policy_drop(ALL_NODES, ACTOR)

    for end in (back, drop):
        await site.propose(NEW)
        assert await end() is True
        assert await site.states() == {"*": "replaced"}
        assert await end() is False
    await site.say(0, NEW)
    await site.say(1, NEW)
    assert await site.goals() == [None] * 2


async def test_two_rollbacks_of_the_same_do_not_undo_each_other(site: Site) -> None:
    """The second one is told what there is now; it may be asked for by name."""
    back, canary = site.engine.policy_back, scope_of("node-2")
    assert await back(ALL_NODES, ACTOR, NEW) == (False, None)
    await site.decide(NEW)
    both = [back(ALL_NODES, ACTOR, NEW) for _ in range(2)]
    assert sorted(await asyncio.gather(*both)) == [(False, FILES), (True, NEW)]
    assert await site.goals() == [None] * 2
    assert await back(ALL_NODES, ACTOR, FILES) == (True, FILES)
    assert await site.goals() == [NEW] * 2
    await site.propose(OLD)
    assert await back(ALL_NODES, ACTOR, NEW) == (False, OLD)
    assert await site.states() == {"*": "preparing"}
    assert await back(ALL_NODES, ACTOR, OLD) == (True, OLD)
    assert await site.states() == {"*": "replaced"}
    await site.decide(OLD, canary)
    assert await back(canary, ACTOR, OLD) == (True, OLD)
    assert await back(canary, ACTOR, OLD) == (False, None)


async def test_the_first_rollout_goes_back_to_files(site: Site) -> None:
    """They decided before."""
    await site.decide(NEW)
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is True
    assert await site.goals() == [None] * 2
    assert await site.engine.policy_goal("node-1") is None


async def test_a_goal_is_dropped_for_all_or_for_one_node(site: Site) -> None:
    """Then files decide; a rollback brings the goal back."""
    assert await site.engine.policy_drop(ALL_NODES, ACTOR) is False
    await site.decide(OLD)
    await site.decide(NEW, scope_of("node-1"))
    assert await site.engine.policy_drop(scope_of("node-2"), ACTOR) is False
    assert await site.engine.policy_drop(scope_of("node-1"), ACTOR) is True
    assert await site.goals() == [OLD, OLD]
    await site.decide(NEW, scope_of("node-1"))
    assert await site.engine.policy_drop(ALL_NODES, ACTOR) is True
    assert await site.goals() == [None] * 2
    assert (await site.engine.policy_back(ALL_NODES, ACTOR, None)).is_done is True
    assert await site.goals() == [OLD] * 2


async def test_nodes_say_what_they_follow(site: Site) -> None:
    """The newest word of each that lives."""
    first, second = site.epochs
    await site.engine.policy_followed(first, None, "")
    await site.engine.policy_followed(second, NEW, "it cannot")
    assert await site.engine.policy_followers() == [(first, None, ""), (second, NEW, "it cannot")]
    await site.engine.leave(second, is_clean=True)
    await site.engine.policy_followed(first, NEW, "")
    assert await site.engine.policy_followers() == [(first, NEW, "")]


async def test_bundles_that_nobody_needs_are_removed(site: Site) -> None:
    """The goal, what it was before, and the last rollout are kept."""
    for number in range(4):
        await site.decide(f"{number:012}")
    kept = [await site.engine.policy_bundle(f"{number:012}") for number in range(4)]
    # What is needed no more goes with the rollout after that.
    assert kept == [None, b"000000000001", b"000000000002", b"000000000003"]
    await site.propose(NEW)
    assert await site.engine.policy_bundle("000000000001") is None


async def test_the_bundle_of_a_goal_stays_as_it_was_proved(site: Site) -> None:
    """A node that starts must be able to use it, whatever tests come with it later."""
    await site.decide(NEW)
    await site.engine.policy_propose(ALL_NODES, NEW, b"other tests", ACTOR)
    assert await site.engine.policy_bundle(NEW) == NEW.encode()
