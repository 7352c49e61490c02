"""The engine that simulated nodes share: what it holds, and what goes wrong on the way to it.

What a call does takes place in the time of the world, not of the node that asks: it goes on while
that is paused, and after its death. A step of a call may be an event of its own (`acts_in`): so
what locks are for can be seen where they are missing.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES
from dfks_rules.service.ports import DialogRow, Gone, JournalEntry
from dfks_rules.store.postgres.ports import (
    Claimed,
    NotSentError,
    Outcome,
    Sought,
    Step,
    cohort_of,
)
from tests.helpers import database, engine
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import PATIENCE, FakeEngine, Fault, Loss
from tests.helpers.history import Began, Held, Lapsed, Owned, Stored
from tests.simulation.disk import text_of
from tests.simulation.node_loop import NodeLoop
from tests.simulation.world import WALL, World

T = TypeVar("T")


class Way(NamedTuple):
    """How bad the way to the engine is."""

    delay: float = 0.005
    """Most seconds that a call usually takes until it acts, and as long until it is answered."""
    stalls: float = 0.0
    """Share of calls that take up to 3 s."""
    freezes: float = 0.0
    """Share of calls that act long after their node has given them up."""
    unsent: float = 0.0
    """Share of calls that cannot be made, and the node knows."""
    questions: float = 0.0
    """Share of calls that get lost."""
    answers: float = 0.0
    """Share of calls that act, and whose answer gets lost."""

    @property
    def is_sure(self) -> bool:
        """Whether every call acts in time, and says so. Else a node may give a dialog up that its
        phone has spoken in last, until the phone speaks again.
        """
        return not (self.freezes or self.unsent or self.questions or self.answers)


GOOD = Way()


class SimulatedDatabase(FakeDatabase):
    """What the engine holds."""

    def __init__(self, world: World) -> None:
        """Nothing is stored.

        Args:
            world: has the time.
        """
        super().__init__(world.wall)
        self.world = world
        self.crashes = 0
        """How often it has crashed: connections of before are broken."""
        self.is_down = False
        self.journal: list[Stored] = []
        """All that was ever in the feed."""
        self.stored_by: list[tuple[int, JournalEntry]] = []
        """Which life has stored what."""
        self.ended: set[str] = set()
        """Tags of dialogs that their phones have ended, as nodes have answered."""
        self.buried: Callable[[int], None] = _nobody
        """Called before a life is ended by another one."""
        self.written: Callable[[int], None] = _nobody
        """Called after a commit of a life."""

    def crash(self) -> None:
        """Nothing that was committed is lost; whatever is under way is broken off."""
        self.crashes += 1
        self.is_down = True

    def bury(self, epoch: int) -> list[int]:
        """End the lives whose lease is over."""
        late = super().bury(epoch)
        for one in late:
            self.world.count("nodes_buried")
            self.world.note("buried", one, "by", epoch)
            self.buried(one)
        return late

    def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        """Store steps, and what is stored in the history."""
        known = len(self.feed)
        outcomes = super().commit(epoch, steps, start)
        for one in self.feed[known:]:
            if isinstance(one, database.Stored):
                self._note(epoch, one.entry)
        for step, outcome in zip(steps, outcomes, strict=True):
            self.world.count(f"commits_{outcome.verdict.value}")
            self.world.note("commit", epoch, outcome.verdict.value, *_brief(step))
        self.written(epoch)
        return outcomes

    def _note(self, epoch: int, entry: JournalEntry) -> None:
        self.stored_by.append((epoch, entry))
        self.journal.append(
            Stored(
                entry.at - WALL,
                entry.seq,
                entry.presentity.uri,
                entry.revision,
                entry.feature.value,
                text_of(entry.after),
                text_of(entry.before),
            )
        )

    def rehearse(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        """What a commit would say; nothing is stored."""
        snapshots, rows = dict(self.snapshots), dict(self.rows)
        known, newest = len(self.feed), self.newest
        outcomes = super().commit(epoch, steps, start)
        self.snapshots, self.rows, self.newest = snapshots, rows, newest
        del self.feed[known:]
        return outcomes

    def check_alive(self, epoch: int) -> None:
        """The fence.

        Raises:
            StoreError: this life has ended.
        """
        if not self.holds(epoch):
            raise StoreError("store_fenced", "the others take this node for dead")

    def adopt(self, epoch: int, sought: Sought) -> DialogRow | Gone:
        """Make a dialog this life's."""
        # Where an answer was late it is asked for again.
        before = self.row_of(sought.tag)
        found = super().adopt(epoch, sought)
        self.world.note("adopt", epoch, *sought, found if isinstance(found, Gone) else found.row)
        if found is Gone.ELSEWHERE:
            self.world.count("dialogs_kept_elsewhere")
        elif isinstance(found, DialogRow) and found is not before:
            self.world.count("dialogs_adopted")
            self._begins(found, self.world.now)
        return found

    def _take(self, epoch: int, number: int) -> Claimed:
        ended = self.lives[self.cohorts[number].owner].ended - WALL
        claimed = super()._take(epoch, number)
        for row in self.rows.values():
            if cohort_of(row.row) == number:
                self.world.count("dialogs_claimed")
                self._begins(row, ended)
        return claimed

    def _begins(self, row: DialogRow, at: float) -> None:
        """A life has a dialog; who had it may have told what was stored then."""
        term = row.base + self.cohorts[cohort_of(row.row)].term
        self.world.note("owner", row.tag, "epoch", self.cohorts[cohort_of(row.row)].owner, row.row)
        self.world.history.append(Began(at, row.tag.decode(), term))

    def owned(self) -> list[Owned | Lapsed]:
        """Whose each dialog is that its phone has not ended, and which lives have ended."""
        lapsed = [Lapsed(one.ended - WALL, n) for n, one in self.lives.items() if not one.is_alive]
        return lapsed + [
            Owned(tag, self.cohorts[cohort_of(row.row)].owner, self.latest_of(row))
            for row in self.rows.values()
            if (tag := row.tag.decode()) not in self.ended
        ]

    def held(self) -> list[Held]:
        """Everything, as the history has it."""
        return [
            Held(aor.uri, one.revision, {f.value: text_of(one.state(f)) for f in FEATURES})
            for aor, one in self.snapshots.items()
        ]


class SimulatedEngine(FakeEngine):
    """The way of one process to the engine."""

    database: SimulatedDatabase

    def __init__(self, database: SimulatedDatabase, loop: NodeLoop, way: Way) -> None:
        """It is open.

        Args:
            database: what all share.
            loop: of the process.
            way: how bad it is.
        """
        super().__init__(database, self._fate)
        self.way = way
        self.is_lost = False
        """Whatever is sent gets lost, as are all answers: a partition."""
        self._world = database.world
        self._loop = loop

    def _fate(self, _call: str) -> Fault:
        """What becomes of the next call."""
        way, random = self.way, self._world.random.random
        before, after = way.delay * random(), way.delay * random()
        chance = random()
        for share, name in (
            (way.stalls, "calls_stalled"),
            (way.freezes, "calls_frozen"),
            (way.unsent, "calls_unsent"),
            (way.questions, "questions_lost"),
            (way.answers, "answers_lost"),
        ):
            if chance < share:
                self._world.count(name)
                return _FATES[name](before, after, random())
            chance -= share
        return Fault(before, after)

    def _heard(self, call: Callable[[], None]) -> Callable[[], None]:
        def hear() -> None:
            if not self._is_cut:
                self._loop.call_soon(call)

        return hear

    async def hint(self) -> None:
        """Hint at changes."""

        def act() -> None:
            for heard in self.database.listeners.values():
                self._world.later(0.001, heard)

        await self._call("hint", act)

    async def listen(self, heard: Callable[[], None]) -> None:
        """Have `heard` called for hints."""
        on_loop = self._heard(heard)
        await self._call("listen", lambda: self.database.listeners.update({self._line: on_loop}))

    async def _call(self, name: str, act: Callable[[], T]) -> T:
        """What `act` gives, once, unless something is lost on the way."""
        fault, world, crashes = self.faults(name), self._world, self.database.crashes
        if self.is_closed or self.database.is_down or fault.loss is Loss.UNSENT:
            await asyncio.sleep(0)
            raise NotSentError("the engine is out of reach")
        answer: asyncio.Future[T] = self._loop.create_future()

        def arrive() -> None:
            if self.database.crashes != crashes:
                hear(lambda: answer.set_exception(_broken()))
                return
            give = engine._attempt(act, answer)
            if fault.loss is not Loss.ANSWER:
                world.later(fault.after, hear, give)

        def hear(give: Callable[[], None]) -> None:
            if self.is_lost or self._is_cut:
                return
            if self.database.crashes != crashes:
                give = lambda: answer.set_exception(_broken())  # noqa: E731
            self._loop.call_soon(self._answer, answer, give)

        if fault.loss is not Loss.QUESTION and not self.is_lost:
            world.later(fault.before, arrive)
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            raise StoreError("store_unavailable", "the engine does not answer") from None


_FATES: dict[str, Callable[[float, float, float], Fault]] = {
    "calls_stalled": lambda before, after, random: Fault(before + 3.0 * random, after),
    "calls_frozen": lambda _, after, random: Fault(PATIENCE + 4.0 * random, after),
    "calls_unsent": lambda _, __, ___: Fault(loss=Loss.UNSENT),
    "questions_lost": lambda _, __, ___: Fault(loss=Loss.QUESTION),
    "answers_lost": lambda before, _, __: Fault(before, loss=Loss.ANSWER),
}


def _brief(step: Step) -> Iterator[str]:
    for change in step.changes:
        yield f"{change.presentity.user}@{change.after.revision}"
    if step.visit is not None:
        yield f"visit {step.visit.tag!r} {step.visit.row} cseq {step.visit.cseq}"
    yield from (f"row {row.tag!r} {row.row} cseq {row.cseq}" for row in step.rows)
    yield from (f"gone {row}" for row in step.gone)


def _broken() -> StoreError:
    return StoreError("store_unavailable", "the connection was broken off")


def _nobody(*_: object) -> None:
    """Nobody wants to know."""
