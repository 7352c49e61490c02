"""The engine that tests use in place of PostgreSQL does what PostgreSQL does."""

import asyncio
import time
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, DialogRow, JournalEntry, Verdict
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import Changed, Claimed, Engine, Report, Sought, Step
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine
from tests.helpers.postgres import Cluster, fresh_database, needs_postgres
from tests.helpers.states import forwarding
from tests.helpers.wanted import change

USERS = tuple(Aor(name, "example.com") for name in ("alice", "bob", "Carol"))
CALLS = 150
"""In one history."""
LATE = time.time() + 10_000_000.0
_BEAT = Report("5eed", 7, 0.5, 3)


class _Play:
    """The same calls of both, and what each has to say."""

    def __init__(self, seed: int, real: Engine) -> None:
        self.random = Random(seed)
        self.fake = FakeEngine(FakeDatabase(time.time))
        self.real = real
        self.epochs: list[int] = []
        self.snapshots: list[dict[Aor, Snapshot]] = [{}, {}]
        """What holds, and what held some calls before."""
        self.numbers = [(1 << 32) + 7]
        """Of rows that are there, or were; a row keeps its tag and its presentity."""
        self.made: list[int] = []
        """Those in the commit at hand."""
        self.tags = {self.numbers[0]: b"nobody's"}
        self.count = 0

    async def both(self, name: str, *arguments: Any, **named: Any) -> Any:
        """What both say to one call."""
        said = [
            await _said(getattr(engine, name)(*arguments, **named))
            for engine in (self.fake, self.real)
        ]
        assert said[0] == said[1], (name, arguments)
        return said[0]

    async def play(self) -> None:
        """A whole history."""
        await self._join()
        calls = (
            *[self._commit] * 12,
            *[self._adopt] * 3,
            *[self._claim, self._end, self._read, self._read, self._join, self._purge],
        )
        for _ in range(CALLS):
            await self.random.choice(calls)()
        await self._read()

    async def _join(self) -> None:
        lease = self.random.choice([-1.0, 3_600.0])
        joined = await self.both("join", "node", "1.0", lease)
        self.epochs.append(joined[0])

    async def _end(self) -> None:
        epoch = self.random.choice(self.epochs)
        dice = self.random.random()
        if dice < 0.3:
            await self.both("leave", epoch, is_clean=dice < 0.15)
        elif dice < 0.5:
            # Leases of no length are over then, for both.
            await asyncio.sleep(0.002)
            await self.both("bury", epoch)
        elif dice < 0.9:
            await self.both("renew", epoch, 3_600.0, _BEAT)
        elif len(self.epochs) > 2:
            await self.both("drain", epoch)

    async def _claim(self) -> None:
        await self.both("claim", self.random.choice(self.epochs))

    async def _adopt(self) -> None:
        epoch, tags = self.random.choice(self.epochs), [*set(self.tags.values())]
        some = self.random.sample(sorted(tags), min(len(tags), self.random.randint(1, 4)))
        sought = [Sought(tag, self._number(epoch)) for tag in some]
        found = await self.both("adopt", epoch, sought)
        for one, row in zip(sought, found if isinstance(found, list) else [], strict=False):
            if isinstance(row, DialogRow) and row.row == one.row:
                self.numbers.append(row.row)
                self.tags[row.row] = one.tag

    async def _commit(self) -> None:
        epoch = self.random.choice(self.epochs)
        steps = [self._step(epoch, place) for place in range(self.random.randint(1, 5))]
        if self.random.random() < 0.2:
            # What is removed has ended, so nothing follows.
            steps.append(Step(gone=tuple(self.random.sample(self.numbers, 1))))
        outcomes = await self.both("commit", epoch, steps, "abc")
        self.numbers += self.made
        self.made = []
        held = self.snapshots[0]
        if self.random.random() < 0.3:
            self.snapshots[1] = dict(held)
        for step, outcome in zip(steps, outcomes, strict=True):
            if outcome.verdict is Verdict.STORED:
                held.update({one.presentity: one.after for one in step.changes})

    def _step(self, epoch: int, place: int) -> Step:
        random = self.random
        held = random.choice([*[self.snapshots[0]] * 5, self.snapshots[1]])
        users = random.sample(USERS, random.choice([0, 1, 1, 2]))
        seen = [one for one in USERS if one not in users and random.random() < 0.2]
        builds_on = (random.randrange(place),) if place and random.random() < 0.3 else ()
        return Step(
            tuple([self._change(one, held) for one in users]),
            tuple([(one, held.get(one, NOTHING_STORED).revision) for one in seen]),
            self._row(epoch) if random.random() < 0.5 else None,
            tuple([self._row(epoch) for _ in range(random.choice([0, 0, 1, 3]))]),
            builds_on=builds_on,
        )

    def _change(self, user: Aor, held: dict[Aor, Snapshot]) -> Change:
        self.count += 1
        before = held.get(user, NOTHING_STORED)
        feature = self.random.choice(FEATURES[1:4])
        after = before.replace(feature, forwarding(True, str(self.count)))
        return change(user, before, after, first=self.count)

    def _row(self, epoch: int) -> DialogRow:
        """A new one, perhaps of a dialog that has one; or one that somebody has, or had."""
        random = self.random
        number = random.choice([self._number(epoch), *self.numbers[-6:]])
        is_new = number not in self.numbers
        if is_new:
            self.made.append(number)
            self.tags.setdefault(number, b"%x" % number)
            if random.random() < 0.1:
                others = [tag for one, tag in self.tags.items() if one not in self.made]
                self.tags[number] = random.choice(others)
        is_whole = is_new or (number in self.fake.database.rows and random.random() < 0.1)
        tag = self.tags[number]
        last = b"again %d" % random.randrange(9) if random.random() < 0.2 else None
        return DialogRow(
            number,
            tag,
            USERS[tag[-1] % len(USERS)],
            LATE + 0.25,
            random.randint(1, 9),
            epoch + 5,
            random.randrange(1 << 40),
            b"SUBSCRIBE" if is_whole else None,
            last,
        )

    def _number(self, epoch: int) -> int:
        self.count += 1
        return (epoch << 32) + self.count

    async def _read(self) -> None:
        """Everything that there is to read."""
        random = self.random
        newest = self.fake.database.newest
        after, at_most = random.randint(0, newest), random.choice([1, 3, 1_000])
        await self.both("fetch", random.sample(USERS, 2))
        await self.both("feed", after, at_most)
        await self.both("journal", after, None, None, at_most)
        await self.both("journal", None, random.choice([None, after]), None, at_most)
        await self.both("journal", None, after, random.choice(USERS), at_most)
        await self.both("changed_since", random.choice([0.0, LATE]))
        await self.both("changed_after", random.randrange(20))
        cohorts = [*self.fake.database.cohorts]
        await self.both("rows", cohorts, random.choice([1 << 62, *self.numbers]), at_most)
        page = random.choice([None, *USERS]), random.choice([1, 9])
        await self.both("page", *page, random.choice([None, frozenset(["example.com"])]))
        await self.both("nodes")

    async def _purge(self) -> None:
        if self.random.random() < 0.3:
            await self.both("purge", _moment(self.random), self.random.choice([1, 20]))


def _moment(random: Random) -> float:
    """Before everything, or after it."""
    return random.choice([0.0, LATE])


async def _said(call: Any) -> Any:
    """What was said, without what the clock has to do with."""
    try:
        said = await call
    except StoreError as error:
        return error.code
    return _timeless(said)


def _timeless(said: Any) -> Any:
    if isinstance(said, JournalEntry):
        return said._replace(at=0.0)
    if isinstance(said, Changed):
        return said._replace(entry=_timeless(said.entry))
    if isinstance(said, list):
        listed = [_timeless(one) for one in said]
        # Claims come in no order.
        return sorted(listed) if said and isinstance(said[0], Claimed) else listed
    if isinstance(said, tuple) and hasattr(said, "_replace"):
        named = {"clock": 0.0, "renewed": 0.0, "until": 0.0, "secret": b""}
        kept = {name: value for name, value in named.items() if hasattr(said, name)}
        if hasattr(said, "told") and hasattr(said, "last"):
            kept["told"] = _timeless(said.told)
        return said._replace(**kept)
    return said


@needs_postgres
@settings(max_examples=4)
@given(st.integers(0, 2**32))
def test_the_engine_in_dictionaries_does_what_the_real_one_does(
    postgres_server: Cluster, seed: int
) -> None:
    """Whatever is asked of it, in whatever order, by one after the other."""

    async def main(url: str) -> None:
        await migrate(url)
        engine = PostgresEngine(url, "node")
        try:
            await _Play(seed, engine).play()
        finally:
            await engine.close()

    with fresh_database(postgres_server) as database:
        asyncio.run(main(database.url))
