"""The engine of several nodes without PostgreSQL, with whatever may go wrong on the way to it.

All nodes share one `FakeDatabase`; each has a `FakeEngine`. A call takes a while until it acts, and
another until its answer is there: both, and what is lost, a `Faults` says. Time is that of the
event loop, so on a virtual loop everything is repeatable.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.identity import Aor
from dfks_rules.operations import ports
from dfks_rules.service.ports import DialogRow, Gone, JournalEntry
from dfks_rules.store.postgres.policies import (
    PolicyBack,
    PolicyFollower,
    PolicyGoal,
    PolicyRollout,
    PolicyTask,
    PolicyVerdict,
)
from dfks_rules.store.postgres.ports import (
    Changed,
    Claimed,
    Joined,
    Moved,
    Node,
    NotSentError,
    Outcome,
    Page,
    Renewed,
    Report,
    Sought,
    Step,
    cohort_of,
)
from tests.helpers.database import FakeDatabase, Life, Stored, seq_of

T = TypeVar("T")

PATIENCE = 5.0
"""How long a node waits for an answer, s."""
SHOWN = 3600.0
"""How long a life is listed after its end, s."""


class Loss(Enum):
    """What is lost of a call."""

    NOTHING = "nothing"
    UNSENT = "it could not be sent, and the node knows"
    QUESTION = "it never arrives"
    ANSWER = "it acts, and its answer never arrives"


class Fault(NamedTuple):
    """What becomes of a call."""

    before: float = 0.0
    """Seconds until it acts: above `PATIENCE`, when the node has given it up."""
    after: float = 0.0
    """Seconds from then until the answer is there."""
    loss: Loss = Loss.NOTHING


NO_FAULT = Fault()


class Faults(Protocol):
    """Says what becomes of each call."""

    def __call__(self, call: str, /) -> Fault:
        """Of the next one; `call` is the name of its method."""
        ...


class Script:
    """Faults of the next calls, then none."""

    def __init__(self, usually: Fault = NO_FAULT) -> None:
        """`usually` is what becomes of those of which nothing is said."""
        self.usually = usually
        self._next: dict[str, list[Fault]] = {}
        self.calls: list[str] = []
        """The names of all calls until now."""

    def add(self, call: str, *faults: Fault) -> None:
        """What becomes of the next calls of a method."""
        self._next.setdefault(call, []).extend(faults)

    def __call__(self, call: str) -> Fault:
        """Of the next one."""
        self.calls.append(call)
        said = self._next.get(call)
        return said.pop(0) if said else self.usually


class FakeEngine:
    """A node's connections to the engine.

    Reference: `dfks_rules.store.postgres.ports.Engine`.
    """

    def __init__(self, database: FakeDatabase, faults: Faults | None = None) -> None:
        """Calls need a running loop.

        Args:
            database: what all nodes share.
            faults: what becomes of each call; None: nothing goes wrong.
        """
        self.database = database
        # Not its `id`: another engine may get that later, and another place among those who listen.
        self._line = next(database.lines)
        self.faults = faults or Script()
        self.is_out = False
        """An outage: nothing can be sent."""
        self.is_closed = False
        self._is_cut = False

    def cut(self) -> None:
        """The node is dead: what it has sent may still act, and nobody hears of it."""
        self._is_cut = True
        self.database.listeners.pop(self._line, None)

    # --- Life ---

    async def join(self, name: str, release: str, lease: float) -> Joined:
        """Begin a life."""
        database = self.database

        def act() -> Joined:
            epoch = database.join(name, release, lease)
            return Joined(epoch, database.secret, database.clock(), database.newest)

        return await self._call("join", act)

    async def renew(self, epoch: int, lease: float, report: Report) -> Renewed:
        """Have the lease go on."""

        def act() -> Renewed:
            life, now = self.database.lives[epoch], self.database.clock()
            if life.is_alive:
                life.until, life.renewed = now + lease, now
                life.policies, life.position, life.skew, life.subscriptions = report
            return Renewed(life.is_alive, now, life.is_draining)

        return await self._call("renew", act)

    async def bury(self, epoch: int) -> list[int]:
        """End all other lives whose lease is over."""
        return await self._call("bury", lambda: self.database.bury(epoch))

    async def claim(self, epoch: int, *, again: bool = False) -> list[Claimed]:
        """Take cohorts of lives that have ended."""
        return await self._call("claim", lambda: self.database.claim(epoch, again=again))

    async def drain(self, epoch: int) -> None:
        """Tell the others that it is about to leave."""

        def act() -> None:
            self.database.lives[epoch].is_draining = True

        await self._call("drain", act)

    async def leave(self, epoch: int, *, is_clean: bool, heard: int = 0) -> None:
        """End my life."""
        leave = partial(self.database.leave, epoch, is_clean=is_clean, heard=heard)
        await self._call("leave", leave)

    async def nodes(self) -> list[Node]:
        """All that live, and those that have ended lately."""

        def act() -> list[Node]:
            lives, now = self.database.lives.items(), self.database.clock()
            shown = [one for one in lives if one[1].is_alive or one[1].ended > now - SHOWN]
            return [self._node(epoch, life, now) for epoch, life in shown]

        return await self._call("nodes", act)

    def _node(self, epoch: int, life: Life, now: float) -> Node:
        cohorts = [one.owner for one in self.database.cohorts.values()]
        return Node(
            epoch,
            life.name,
            life.release,
            life.policies,
            _state_of(life, now),
            life.until,
            cohorts.count(epoch),
            life.subscriptions,
            life.position,
            life.skew,
        )

    # --- What is stored ---

    async def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        """Store steps, in order."""
        sent = tuple(steps)
        return await self._call("commit", lambda: self.database.commit(epoch, sent, start))

    async def fetch(self, presentities: Sequence[Aor]) -> list[ports.Stored]:
        """What is stored for each."""
        asked = tuple(presentities)
        return await self._call("fetch", lambda: [self._fetched(one) for one in asked])

    def _fetched(self, presentity: Aor) -> ports.Stored:
        return ports.Stored(presentity, self.database.snapshots.get(presentity, NOTHING_STORED))

    async def adopt(self, epoch: int, sought: Sequence[Sought]) -> list[DialogRow | Gone]:
        """Make dialogs mine.

        Raises:
            StoreError: `store_fenced`: my life has ended; `store_unavailable`.
        """
        wanted = tuple(sought)

        def act() -> list[DialogRow | Gone]:
            if not self.database.holds(epoch):
                raise StoreError("store_fenced", "the others take this node for dead")
            return [self.database.adopt(epoch, one) for one in wanted]

        return await self._call("adopt", act)

    async def rows(self, cohorts: Sequence[int], before: int, at_most: int) -> list[DialogRow]:
        """Dialogs of cohorts."""
        wanted = frozenset(cohorts)

        def act() -> list[DialogRow]:
            rows = self.database.rows
            found = [one for one in rows if one < before and cohort_of(one) in wanted]
            return [rows[one] for one in sorted(found, reverse=True)[:at_most]]

        return await self._call("rows", act)

    # --- The feed ---

    async def feed(self, after: int, at_most: int) -> Page:
        """What was committed after a change."""

        def act() -> Page:
            found = [one for one in self.database.feed if seq_of(one) > after][:at_most]
            newest, purged = self.database.newest, self.database.purged
            last = seq_of(found[-1]) if len(found) == at_most else newest
            told = [one if isinstance(one, Moved) else self._changed(one) for one in found]
            return Page(told, last, not purged <= after <= newest)

        return await self._call("feed", act)

    def _changed(self, stored: Stored) -> Changed:
        snapshot = self._fetched(stored.entry.presentity).snapshot
        return Changed(stored.epoch, stored.entry, stored.tells, snapshot)

    async def changed_since(self, moment: float) -> frozenset[Aor]:
        """Whose features have changed since then."""
        return await self._call(
            "changed_since",
            lambda: frozenset([one.presentity for one in self._entries() if one.at >= moment]),
        )

    async def changed_after(self, seq: int) -> frozenset[Aor]:
        """Whose features have changed after a change."""
        return await self._call(
            "changed_after",
            lambda: frozenset([one.presentity for one in self._entries() if one.seq > seq]),
        )

    async def journal(
        self, after: int | None, before: int | None, presentity: Aor | None, at_most: int
    ) -> list[JournalEntry]:
        """Changes, of one presentity or all."""

        def act() -> list[JournalEntry]:
            found = [one for one in self._entries() if presentity in (None, one.presentity)]
            if after is not None:
                return [one for one in found if one.seq > after][:at_most]
            below = [one for one in found if before is None or one.seq < before]
            return below[::-1][:at_most]

        return await self._call("journal", act)

    def _entries(self) -> list[JournalEntry]:
        return [one.entry for one in self.database.feed if isinstance(one, Stored)]

    async def purge(self, older_than: float, at_most: int) -> int:
        """Remove what nobody needs any more."""
        return await self._call("purge", lambda: self.database.purge(older_than, at_most))

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None
    ) -> list[ports.Stored]:
        """The next presentities."""
        first = ("", "") if after is None else (after.domain, after.user)

        def act() -> list[ports.Stored]:
            names = sorted((one.domain, one.user) for one in self.database.snapshots)
            follow = [
                one for one in names if one > first and (domains is None or one[0] in domains)
            ]
            return [self._fetched(Aor(user, domain)) for domain, user in follow[:at_most]]

        return await self._call("page", act)

    # --- What expires ---

    async def due(self, until: int, at_most: int) -> list[Aor]:
        """Presentities with a deadline by then."""

        def act() -> list[Aor]:
            found = [one for one in self._deadlines() if one[0] <= until]
            return [presentity for _, presentity in sorted(found)[:at_most]]

        return await self._call("due", act)

    async def next(self) -> int | None:
        """The earliest deadline of all."""
        return await self._call("next", lambda: min(self._deadlines(), default=(None,))[0])

    def _deadlines(self) -> list[tuple[int, Aor]]:
        return [
            (min(one.at for one in snapshot.deadlines), presentity)
            for presentity, snapshot in self.database.snapshots.items()
            if snapshot.deadlines
        ]

    # --- Policies ---

    async def policy_task(self, epoch: int) -> PolicyTask:
        """What a node has to do about policies."""
        return await self._call("policy_task", lambda: self.database.policies.task(epoch))

    async def policy_goal(self, name: str) -> bytes | None:
        """The bundle that a node with this name begins with."""
        policies = self.database.policies
        return await self._call(
            "policy_goal", lambda: policies.bundles.get(policies.goal(name) or "")
        )

    async def policy_bundle(self, revision: str) -> bytes | None:
        """The bundle of a revision."""
        bundles = self.database.policies.bundles
        return await self._call("policy_bundle", lambda: bundles.get(revision))

    async def policy_verdict(self, epoch: int, revision: str, verdict: str) -> None:
        """Say whether this node can use a revision."""
        say = self.database.policies.say
        await self._call("policy_verdict", lambda: say(epoch, revision, verdict))

    async def policy_followed(self, epoch: int, revision: str | None, verdict: str) -> None:
        """Say which goal this node follows."""
        say = self.database.policies.follow
        await self._call("policy_followed", lambda: say(epoch, revision, verdict))

    async def policy_propose(self, scope: str, revision: str, files: bytes, actor: str) -> None:
        """Begin a rollout."""
        propose = self.database.policies.propose
        await self._call("policy_propose", lambda: propose(scope, revision, files, actor))

    async def policy_back(self, scope: str, actor: str, seen: str | None) -> PolicyBack:
        """Move a goal back."""
        back = self.database.policies.back
        return await self._call("policy_back", lambda: back(scope, actor, seen))

    async def policy_drop(self, scope: str, actor: str) -> bool:
        """Remove a goal."""
        return await self._call("policy_drop", lambda: self.database.policies.drop(scope, actor))

    async def policy_goals(self) -> list[PolicyGoal]:
        """All goals."""
        goals = self.database.policies.goals
        return await self._call("policy_goals", lambda: [goals[one] for one in sorted(goals)])

    async def policy_rollouts(self) -> list[PolicyRollout]:
        """The last rollout of each scope."""
        rollouts = self.database.policies.rollouts
        return await self._call(
            "policy_rollouts", lambda: [rollouts[one] for one in sorted(rollouts)]
        )

    async def policy_followers(self) -> list[PolicyFollower]:
        """What nodes have said of the goals that they follow."""
        return await self._call("policy_followers", lambda: [*self.database.policies.followers()])

    async def policy_verdicts(self) -> list[PolicyVerdict]:
        """What nodes have said."""
        return await self._call("policy_verdicts", self.database.policies.said)

    # --- Hints ---

    async def hint(self) -> None:
        """Hint at changes."""

        def act() -> None:
            for heard in self.database.listeners.values():
                asyncio.get_running_loop().call_soon(heard)

        await self._call("hint", act)

    async def listen(self, heard: Callable[[], None]) -> None:
        """Have `heard` called for hints."""
        await self._call("listen", lambda: self.database.listeners.update({self._line: heard}))

    async def close(self) -> None:
        """Close every connection."""
        self.is_closed = True
        self.database.listeners.pop(self._line, None)

    # --- On the way ---

    async def _call(self, name: str, act: Callable[[], T]) -> T:
        """What `act` gives, once, unless something is lost on the way.

        What is sent acts whatever becomes of who has sent it.
        """
        fault = self.faults(name)
        if self.is_closed or self.is_out or fault.loss is Loss.UNSENT:
            raise NotSentError("the engine is out of reach")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def arrive() -> None:
            give = _attempt(act, answer)
            if fault.loss is not Loss.ANSWER:
                loop.call_later(fault.after, self._answer, answer, give)

        if fault.loss is not Loss.QUESTION:
            loop.call_later(fault.before, arrive)
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            raise StoreError("store_unavailable", "the engine does not answer") from None

    def _answer(self, answer: "asyncio.Future[T]", give: Callable[[], None]) -> None:
        if not (self._is_cut or answer.done()):
            give()


def _attempt(act: Callable[[], T], answer: "asyncio.Future[T]") -> Callable[[], None]:
    """Act; what gives the answer, later."""
    try:
        return partial(answer.set_result, act())
    except StoreError as error:
        return partial(answer.set_exception, error)


def _state_of(life: Life, now: float) -> str:
    if not life.is_alive:
        return "dead"
    if life.until < now:
        return "late"
    return "draining" if life.is_draining else "serving"
