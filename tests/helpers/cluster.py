"""Nodes on an engine of dictionaries, on a loop whose time jumps."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from dfks_rules.app.cluster.member import Itself, Member
from dfks_rules.app.cluster.node import Node, Served
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.presence.claim import Before, Claim
from dfks_rules.service.ports import DialogRow, Verdict
from dfks_rules.store.postgres.ports import Outcome, Step
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine, Script
from tests.helpers.policy import CFA, NOON
from tests.helpers.states import forwarding
from tests.helpers.wanted import change, dialog_row
from tests.helpers.webhooks import run_virtually

LEASE, GRACE = 2.0, 120.0
WALL = 1_790_000_000.0
"""Seconds since 1970 when the loop's time was 0, by the engine's clock."""
KEPT = 3_600.0
ALICE, BOB = Aor("alice", "example.com"), Aor("bob", "example.com")


def itself(name: str = "a") -> Itself:
    """What a node says of itself."""
    return Itself(name, "1", LEASE, GRACE)


def wall() -> float:
    """The clock of the machines, which is the engine's."""
    return WALL + asyncio.get_running_loop().time()


class Told:
    """What a notifier and the use cases are told."""

    def __init__(self) -> None:
        self.all: list[tuple[Any, ...]] = []
        self.subscriptions: list[object] = []
        self.held: set[bytes] = set()
        """Tags of dialogs that are here."""

    def of(self, what: str) -> list[tuple[Any, ...]]:
        """All of one kind."""
        return [one[1:] for one in self.all if one[0] == what]

    def restore(self, before: Before, now: float) -> Claim:
        self.all.append(("restore", before.beat_at, before.is_clean))
        return Claim(before, now)

    def take(self, claim: Claim | None, rows: Sequence[DialogRow], now: float) -> None:
        assert claim is not None
        self.all.append(("take", [row.row for row in rows], frozenset(claim.changed)))

    def loaded(self, claim: Claim | None) -> None:
        self.all.append(("loaded",))

    def has(self, tag: bytes) -> bool:
        return tag in self.held

    def adopted(self, row: DialogRow, now: float) -> None:
        self.all.append(("adopted", row.row))

    def lose(self, tag: bytes, row: int, now: float) -> None:
        self.all.append(("lose", tag, row))

    def lost(self, rows: list[int], now: float) -> None:
        self.all.append(("lost", list(rows)))

    def forget_all(self, now: float) -> None:
        self.all.append(("forget_all",))

    def learned(self, presentity: Aor, *news: Any, **said: Any) -> None:
        if not news or isinstance(news[0], Origin):
            self.all.append(("rated", presentity))
        else:
            self.all.append(("learned", presentity, *news, said["tells"]))

    def changed_elsewhere(self, presentity: Aor) -> None:
        self.all.append(("changed", presentity))


class Site:
    """An engine, and the nodes on it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.database = FakeDatabase(lambda: WALL + loop.time())
        self.nodes: list[Node] = []

    def engine(self, faults: Script | None = None) -> FakeEngine:
        """The way of another node to it."""
        return FakeEngine(self.database, faults)

    async def member(self, name: str = "a", faults: Script | None = None) -> Member:
        """Join."""
        return await Member.join(self.engine(faults), itself(name), wall)

    async def node(self, name: str = "a", faults: Script | None = None) -> "TestedNode":
        """A node that serves."""
        engine = self.engine(faults)
        node = Node(engine, await Member.join(engine, itself(name), wall), name, KEPT, wall)
        tested = TestedNode(node, engine)
        self.nodes.append(node)
        return tested

    async def end(self) -> None:
        """Stop all."""
        for node in self.nodes:
            await node.end()

    def store(self, epoch: int, revision: int = 1, presentity: Aor = ALICE) -> Outcome:
        """Another node has stored a change."""
        step = Step((change(presentity, at(revision - 1), at(revision)),))
        return self.database.commit(epoch, [step], "x")[0]

    def subscribe(self, epoch: int, number: int) -> DialogRow:
        """A node has made a dialog."""
        row = dialog_row(epoch << 32 | number)
        [outcome] = self.database.commit(epoch, [Step(visit=row)], "x")
        assert outcome.verdict is Verdict.STORED
        return row


def at(revision: int) -> Snapshot:
    """What is stored under a revision."""
    if revision == 0:
        return NOTHING_STORED
    state = forwarding(True, str(revision))
    return NOTHING_STORED.replace(CFA, state)._replace(revision=revision)


class TestedNode:
    """A node whose notifier writes down what it is told."""

    __test__ = False

    def __init__(self, node: Node, engine: FakeEngine) -> None:
        self.node = node
        self.engine = engine
        self.epoch = node.member.epoch
        self.told = Told()
        self.buried = 0
        self.woken = 0
        stub: Any = self.told
        served = Served(stub, stub, _noon, self._wake, lambda: "revision", self._bury)
        node.begin(served)

    def _wake(self) -> None:
        self.woken += 1

    def _bury(self) -> None:
        self.buried += 1

    def die(self) -> None:
        """Kill -9: nothing of it goes on."""
        self.engine.is_out = True
        for task in (*self.node.member._tasks, *self.node._tasks):
            task.cancel()
        self.node._following.end()


def _noon() -> datetime:
    return NOON


def virtually(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on a loop whose time jumps."""

    def run() -> None:
        async def main() -> None:
            await test()

        run_virtually(main())

    run.__name__ = getattr(test, "__name__", "test")
    run.__doc__ = test.__doc__
    return run
