"""Two nodes that follow policies by an engine of tests: no phones, no child processes, no files."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dfks_rules.app.cluster.policies import Policies
from dfks_rules.app.cluster.rollouts import EngineRollouts
from dfks_rules.app.desk.bundles import unpack
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.operations.studies import Text
from dfks_rules.policy.deciding.compiled import revision_of
from dfks_rules.store.postgres.ports import Report
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine

OF_FILES = "f" * 12
"""The revision of the files of each node."""


class FakeDesk:
    """Uses every bundle that does not say `broken`."""

    def __init__(self) -> None:
        self.revision = OF_FILES
        self.follows = False
        self.has_failed = False
        self.are_files_broken = False
        self.cannot: set[str] = set()
        """Revisions that it can check but not use."""
        self.calls: list[str] = []

    async def prepare(self, bundle: bytes) -> None:
        """Look for the word."""
        self.calls.append("prepare")
        self._revision_in(bundle)

    async def follow(self, bundle: bytes | None) -> None:
        """Decide by a bundle, or by files."""
        self.calls.append("follow")
        self.follows = bundle is not None
        self.has_failed = True
        revision = OF_FILES if bundle is None else self._revision_in(bundle)
        if revision in self.cannot or (bundle is None and self.are_files_broken):
            raise PolicyError([Finding("p.yaml", 1, 1, "policy_engine", "cannot be used")])
        self.revision, self.has_failed = revision, False

    def _revision_in(self, bundle: bytes) -> str:
        files = unpack(bundle)
        if any("broken" in one.text for one in files.sources):
            raise PolicyError([Finding("p.yaml", 3, 1, "policy_value", "it is broken")])
        return revision_of(files.sources)


class Peer:
    """A node, as far as policies are concerned."""

    def __init__(self, engine: FakeEngine, epoch: int) -> None:
        self.engine = engine
        self.epoch = epoch
        self.desk = FakeDesk()
        self.policies = Policies(engine, epoch, self.desk)

    async def look(self) -> bool:
        """Once, and the others know what decides here."""
        has_more = await self.policies.look()
        await self.engine.renew(self.epoch, 60.0, Report(self.desk.revision, 0, 0.0, 0))
        return has_more


class Peers:
    """Several of one engine; `node-1` is the first."""

    def __init__(self) -> None:
        self.engine = FakeEngine(FakeDatabase(time.time))
        self.rollouts = EngineRollouts(self.engine)
        self.all: list[Peer] = []

    async def join(self) -> Peer:
        """Another one."""
        name = f"node-{len(self.all) + 1}"
        peer = Peer(self.engine, (await self.engine.join(name, "0.1.0", 3600.0)).epoch)
        self.all.append(peer)
        await peer.look()
        return peer

    async def look(self, times: int = 3) -> None:
        """Each of them, in turn; three times are enough for a rollout."""
        for _ in range(times):
            for peer in self.all:
                await peer.look()

    @property
    def revisions(self) -> list[str]:
        """What decides on each."""
        return [peer.desk.revision for peer in self.all]


async def two_peers() -> Peers:
    """Two nodes."""
    peers = Peers()
    await peers.join()
    await peers.join()
    return peers


@asynccontextmanager
async def looking(peers: Peers) -> AsyncIterator[None]:
    """Have all of them look all the time until the block ends."""

    async def look() -> None:
        while True:
            await peers.look(1)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def policy(word: str, name: str = "p.yaml") -> Text:
    """A file with a policy that has this word in it."""
    head = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\nrules:\n"
    return Text(name, f"{head}  - {{id: r, when: {{op: set}}, then: {{deny: {word}}}}}\n")


def revision(*texts: Text) -> str:
    """The revision of files."""
    from dfks_rules.app.desk.texts import files_of

    return revision_of(files_of(texts).sources)
