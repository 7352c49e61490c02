"""Counts of members against a scan of what is stored, whatever happens meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, POSITION
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.policy.deciding.live import LivePolicies, SpotCheck
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source
from dfks_rules.service import counts
from dfks_rules.service.counts import GroupCounters
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.ports import NotKnownError, Store
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.open import open_store
from dfks_rules.store.postgres.store import PostgresStore
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine
from tests.helpers.policy import CFA, DND, NOON, PHONE, source
from tests.helpers.states import forwarding

DOMAIN = "a.example"
USERS = [Aor(f"u{number}", DOMAIN) for number in range(40)]
GROUPS = ("desk", "night")
RULES = """
- id: count
  when: {op: set, group.desk.DoNotDisturb.off: {lt: 0}}
  then: {log: x}
- id: hour
  when: {op: set, feature: CallForwardingAlways, request.status: 1}
  then: {expire: 1h}
- id: mirror
  when: {op: set, feature: DoNotDisturb, user: u1, origin: {ne: internal}}
  then: {also: [{feature: DoNotDisturb, status: request, group: night}]}
"""
OPERATOR = Requester(Origin.OPERATOR)


def some_policies(source_of: random.Random) -> PolicySet:
    """Policies whose directory has some users in some groups."""
    lines = ["user,domain,groups"]
    for user in USERS:
        groups = " ".join(group for group in GROUPS if source_of.random() < 0.6)
        if source_of.random() < 0.9:
            lines.append(f"{user.user},{user.domain},{groups}")
    return load([source(RULES), Source("users.csv", "\n".join(lines) + "\n")])


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Every kind, with little memory, so that much has to be read."""
    loop = asyncio.get_running_loop()
    opened: MemoryStore | SqliteStore | PostgresStore
    if request.param == "memory":
        opened = MemoryStore(loop.time)
    elif request.param == "sqlite":
        opened = SqliteStore(tmp_path / "s.db", loop, cached=5, start="x")
    else:
        engine = FakeEngine(FakeDatabase(loop.time))
        joined = await engine.join("node-1", "0.1.0", 60.0)
        opened = PostgresStore(engine, joined, loop, "x", cached=5)
    yield opened
    closing = opened.close()
    if closing is not None:
        await closing


class World:
    """Phones, operators, time and files change things, and somebody asks how many."""

    def __init__(self, store: Store, seed: int) -> None:
        self.random = random.Random(seed)
        self.store = store
        self.live = LivePolicies(some_policies(self.random), SpotCheck(lambda _: None))
        self.feed = Feed()
        self.features = Features(store, self.live, self.feed)
        self.counters: GroupCounters = self.features._around.groups
        self.hour = 0

    async def run(self) -> None:
        """Some steps, most of which are under way at the same time."""
        for _ in range(self.random.randint(5, 25)):
            self.random.choice(
                (self.set, self.set, self.operate, self.expire, self.files, self.ask)
            )()
            if self.random.random() < 0.3:
                await asyncio.sleep(0)

    def set(self) -> None:
        """A phone, or a set that a group follows."""
        user, is_on = self.random.choice(USERS), self.random.random() < 0.5
        state = forwarding(is_on, "1") if self.random.random() < 0.5 else OFF._replace(status=is_on)
        feature = CFA if state.values else DND
        self.features.set(user, [Asked(feature, state)], PHONE, NOON, 0.0, lambda *_: None)

    def operate(self) -> None:
        """An operator, as an import does it row by row."""
        for user in self.random.sample(USERS, 5):
            state = OFF._replace(status=self.random.random() < 0.5)
            self.features.set(user, [Asked(DND, state)], OPERATOR, NOON, 0.0, lambda *_: None)

    def expire(self) -> None:
        """A deadline passes."""
        later = NOON.replace(hour=min(NOON.hour + 2, 23))
        for user in self.random.sample(USERS, 3):
            self.features.expire(user, later, 0.0, lambda *_: None)

    def files(self) -> None:
        """The directory changes."""
        self.live.activate(some_policies(self.random))

    async def settled(self) -> None:
        """Nothing is under way."""
        for _ in range(1_000):
            if not self.features._under_way._latest.newest:
                return
            await asyncio.sleep(0.01)
        pytest.fail("something is under way for ever")

    def ask(self) -> None:
        """Somebody asks, and may have to wait."""
        with suppress(NotKnownError):
            self.count(self.random.choice(GROUPS))

    def count(self, group: str) -> tuple[int, int] | None:
        """How many have do not disturb off, and on."""
        return self.counters.of(DOMAIN, group, DND)

    async def counted(self, group: str) -> dict[str, tuple[int, int] | None]:
        """Of each feature, once that is known."""
        while True:
            try:
                return {one.value: self.counters.of(DOMAIN, group, one) for one in FEATURES}
            except NotKnownError as unknown:
                await self.fetched(unknown.presentities)

    async def fetched(self, presentities: tuple[Aor, ...]) -> None:
        """They are known."""
        read = asyncio.get_running_loop().create_future()
        self.features.fetch(presentities, lambda error, _now: read.set_result(error))
        assert await read is None

    async def scanned(self, group: str) -> dict[str, tuple[int, int] | None]:
        """The same, by a look at each member."""
        members = self.live.members_of(DOMAIN, group)
        on = dict.fromkeys(FEATURES, 0)
        for user in members:
            await self.fetched((Aor(user, DOMAIN),))
            snapshot = self.store.known(Aor(user, DOMAIN)) or NOTHING_STORED
            for one in FEATURES:
                on[one] += snapshot.states[POSITION[one]].status
        return {
            one.value: (len(members) - on[one], on[one]) if members else None for one in FEATURES
        }


@pytest.mark.parametrize("seed", range(12))
async def test_counts_are_what_a_scan_finds(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After sets, imports, what has expired and other directories, many of them at once."""
    monkeypatch.setattr(counts, "AT_ONCE", 3)
    monkeypatch.setattr(counts, "BATCH", 4)
    if seed % 3 == 0:
        monkeypatch.setattr(counts, "MAX_MEMBERS", 30)
    world = World(store, seed)
    for _ in range(6):
        await world.run()
        if seed % 2:
            # Whatever is under way: what is counted is what is settled, once all of it is.
            await asyncio.gather(*(world.counted(group) for group in GROUPS))
        await world.settled()
        for group in GROUPS:
            assert await world.counted(group) == await world.scanned(group)


async def test_a_large_group_is_counted_in_turns(tmp_path: Path) -> None:
    """Phones are served between the batches."""
    loop = asyncio.get_running_loop()
    store = open_store(f"sqlite:{tmp_path}/s.db", loop)
    users = [f"u{number}" for number in range(20 * counts.BATCH)]
    lines = "".join(f"{user},{DOMAIN},desk\n" for user in users)
    policies = load([source(RULES), Source("users.csv", f"user,domain,groups\n{lines}")])
    features = Features(store, policies, Feed())
    turns, told = 0, loop.create_future()
    with pytest.raises(NotKnownError) as unknown:
        features._around.groups.of(DOMAIN, "desk", DND)
    features.fetch(unknown.value.presentities, lambda error, _now: told.set_result(error))
    while not told.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 20
    assert features._around.groups.of(DOMAIN, "desk", DND) == (len(users), 0)
    store.close()
