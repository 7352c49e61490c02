"""Group commit: one call of the engine at a time; what is asked for meanwhile forms the next one.

| what is asked for                       | then                                                  |
|-----------------------------------------|-------------------------------------------------------|
| nothing is under way                    | sent with all that is asked for in this turn          |
| a batch is under way                    | waits for it                                          |
| it builds on one of the same batch      | sent, and says so: CONFLICT unless that one is stored |
| it builds on one that was not stored    | CONFLICT, without asking                              |
| the engine is out of reach              | waits for `PATIENCE` at most, then UNAVAILABLE        |
| the call fails otherwise                | UNAVAILABLE: what came of it is unknown               |
| others have buried this node            | FENCED, as is all that is asked for later             |
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, final

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.histogram import Histogram
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, Settle, Verdict, Wanted
from dfks_rules.store.counts import COMMITTED_WITHIN, OF_VERDICT
from dfks_rules.store.plan import REPEATED, STORED, Result, Rows, conflict
from dfks_rules.store.postgres.known import Known
from dfks_rules.store.postgres.ports import Engine, NotSentError, Outcome, Step

MAX_BATCH = 256
"""Most requests in one commit: bounds how long other nodes wait for its numbers."""
PATIENCE = 2.0
"""How long a request waits while the engine is out of reach, s."""
RETRY = 0.1
"""How often it is tried again meanwhile, s."""
MOST_WAITING = 10_000
"""Requests that wait while the engine hangs; more are refused at once."""
# CPython 3.11 calls a Python function for each look at a member of an Enum.
_STORED: Final = Verdict.STORED

_log = structlog.get_logger("dfks.store")

Asked = Wanted | Rows


@final
class _Waiting:
    """Somebody waits for the outcome."""

    __slots__ = ("asked", "builds_on", "later", "place", "settle", "since", "step", "verdict")

    def __init__(self, asked: Asked, step: Step, settle: Settle, since: float) -> None:
        self.asked: Final = asked
        self.step: Final = step
        """The same, as the engine has it."""
        self.settle: Final = settle
        self.since: Final = since
        self.builds_on: list[_Waiting] = []
        """Those whose changes it was decided on, and that were not settled then."""
        self.verdict: Verdict | None = None
        """What came of it, once that is known."""
        self.place = -1
        """Its position in the commit that is under way."""
        self.later: list[Callable[[], None]] = []
        """What waits until it is settled."""


class GroupCommit:
    """Has stored what is asked for, and tells what came of it once that is durable."""

    def __init__(
        self,
        engine: Engine,
        life: tuple[int, str],
        known: Known,
        counts: dict[str, int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Nothing is asked for.

        Args:
            engine: stores.
            life: number of this life of the server, and what ids of its decisions begin with.
            known: follows what is settled.
            counts: see `store.counts`.
            loop: on its thread all calls are made; its time is that of settlements.
        """
        self._engine: Final = engine
        self._epoch, self._start = life
        self._known: Final = known
        self._counts: Final = counts
        self._loop: Final = loop
        self._asked: list[_Waiting] = []
        self._under_way: list[_Waiting] = []
        """In the commit that is under way, and not settled."""
        self._unsettled: dict[Aor, deque[tuple[_Waiting, Change]]] = {}
        """The changes of each presentity of which nobody was told what came of them, in order."""
        self._last: dict[Aor, _Waiting] = {}
        """The last one that changes a presentity, or has read it, and is not settled."""
        self._task: asyncio.Task[None] | None = None
        self._failures: set[str] = set()
        """Why commits have failed since one was stored."""
        self.told = 0
        """Number of the newest change of which it is told what came of it."""
        self.is_closed = False
        self.is_fenced = False
        self.on_fenced: Callable[[], None] = _nothing
        self.on_lost: Callable[[Sequence[int]], None] = _nothing
        self.on_changed: Callable[[], None] = _nothing
        """Told that there is something new in the feed."""
        self.committed = Histogram(COMMITTED_WITHIN)
        """From when a commit was asked for until somebody was told what came of it."""

    @property
    def has_requests(self) -> bool:
        """Whether there are requests of which nobody knows yet what came of them."""
        return any(isinstance(one.asked, Wanted) for one in (*self._under_way, *self._asked))

    @property
    def queue(self) -> int:
        """How many wait for the outcome."""
        return len(self._asked) + len(self._under_way)

    @property
    def is_failing(self) -> bool:
        """Whether the last commit failed, or none will ever be stored."""
        return self.is_fenced or bool(self._failures)

    def concerns(self, presentity: Aor) -> bool:
        """Whether a change of a presentity is not settled."""
        return presentity in self._unsettled

    def ask(self, asked: Asked, step: Step, settle: Settle) -> None:
        """Store it soon; `settle` is called on the loop, unless it is refused at once.

        Args:
            asked: a request, or rows.
            step: the same, as the engine has it.
            settle: told what came of it.
        """
        now = self._loop.time()
        if self.is_fenced:
            settle(*_fenced(), now)
            return
        if self.is_closed:
            settle(*_unavailable("the store is closed"), now)
            return
        if len(self._asked) >= MOST_WAITING:
            settle(*_unavailable("too many wait for the engine"), now)
            return
        waiting = _Waiting(asked, step, settle, now)
        for change in step.changes:
            self._queue(waiting, change)
            self._last[change.presentity] = waiting
        for presentity in _read_by(step):
            self._last[presentity] = waiting
        self._asked.append(waiting)
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    def fence(self) -> None:
        """The others take this node for dead: this life stores nothing any more."""
        if not self.is_fenced:
            self.is_fenced = True
            _log.error("store_fenced")
            self._loop.call_soon(self.on_fenced)

    def when_settled(self, presentity: Aor, call: Callable[[], None]) -> None:
        """Call once all that changes a presentity, or has read it, and is under way now is settled:
        at once where there is nothing.
        """
        last = self._last.get(presentity)
        if last is None:
            call()
        else:
            last.later.append(call)

    async def settled(self) -> None:
        """Wait until everything that was asked for until now is settled."""
        waiting = self._asked or self._under_way
        if waiting:
            done = asyncio.Event()
            waiting[-1].later.append(done.set)
            await done.wait()

    async def close(self, within: float) -> None:
        """Take nothing more; settle what is under way, as far as that is possible in this time.

        Args:
            within: seconds.
        """
        self.is_closed = True
        if (task := self._task) is not None:
            await asyncio.wait([task], timeout=within)
            task.cancel()
        left, self._asked = [*self._under_way, *self._asked], []
        self._settle(left, [_unavailable("the store was closed meanwhile") for _ in left])

    def _queue(self, waiting: _Waiting, change: Change) -> None:
        """Note a change, and on which one it builds."""
        unsettled = self._unsettled.setdefault(change.presentity, deque())
        before = change.before
        for earlier, one in reversed(unsettled):
            if one.after is before or one.after == before:
                waiting.builds_on.append(earlier)
                break
        unsettled.append((waiting, change))

    # --- Batches ---

    async def _run(self) -> None:
        while self._asked:
            batch, self._asked = self._asked[:MAX_BATCH], self._asked[MAX_BATCH:]
            self._under_way = batch
            sent = self._sent(batch)
            try:
                outcomes = await self._commit(sent)
                results = self._results(batch, sent, outcomes)
            except NotSentError as error:
                self._asked, self._under_way = batch + self._asked, []
                self._fail(error.message)
                self._give_up(error.message)
                await asyncio.sleep(RETRY)
                continue
            except Exception as error:  # noqa: BLE001 - else nobody would ever be told
                why = error.message if isinstance(error, StoreError) else repr(error)
                self._fail(why)
                # Each its own: whoever raises an error adds to its traceback.
                self._settle(batch, [_unavailable(why) for _ in batch])
                continue
            if sent and self._failures and not self.is_fenced:
                self._failures.clear()
                _log.info("store_recovered")
            self._settle(batch, results)
            if self.is_fenced:
                self._settle_as_fenced()
        self._task = None

    def _sent(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Those that may be stored: what they build on is stored, or before them in the commit."""
        sent: list[_Waiting] = []
        for one in batch:
            if any(_is_lost(earlier) for earlier in one.builds_on):
                one.verdict = Verdict.CONFLICT
            else:
                one.place = len(sent)
                sent.append(one)
        return sent

    async def _commit(self, sent: list[_Waiting]) -> Sequence[Outcome]:
        if not sent:
            return []
        return await self._engine.commit(self._epoch, [_step(one) for one in sent], self._start)

    def _results(
        self, batch: list[_Waiting], sent: list[_Waiting], outcomes: Sequence[Outcome]
    ) -> list[Result]:
        """What is told of a batch."""
        lost: list[int] = []
        told = self.told
        for one, (verdict, newest, gone) in zip(sent, outcomes, strict=True):
            one.verdict = verdict
            self.told = max(self.told, newest)
            lost += gone
            if verdict is Verdict.FENCED:
                self.fence()
            else:
                written = len(one.step.rows) - len(gone)
                written += verdict is _STORED and one.step.visit is not None
                self._counts["subscriptions_written"] += written
                self._counts["subscriptions_removed"] += len(one.step.gone)
        if lost:
            self._loop.call_soon(self.on_lost, lost)
        if self.told > told:
            self._loop.call_soon(self.on_changed)
        return [_result(one) for one in batch]

    def _settle_as_fenced(self) -> None:
        """Nobody need be asked any more."""
        batch, self._asked = self._asked, []
        self._settle(batch, [_fenced() for _ in batch])

    def _give_up(self, why: str) -> None:
        """Those who have waited long enough for the engine."""
        until = self._loop.time() - PATIENCE
        late = [one for one in self._asked if one.since <= until]
        self._asked = self._asked[len(late) :]
        for one in self._asked:
            one.verdict = None
        self._settle(late, [_unavailable(why) for _ in late])

    def _settle(self, batch: list[_Waiting], results: Sequence[Result]) -> None:
        """Tell each what came of it."""
        for one, (verdict, _) in zip(batch, results, strict=True):
            one.verdict = verdict
        self._under_way = batch
        for one, (verdict, error) in zip([*batch], results, strict=True):
            try:
                self._tell(one, verdict, error)
            except Exception as bug:  # noqa: BLE001 - the others are told, and the store goes on
                self._loop.call_exception_handler(
                    {"message": "the outcome of a commit could not be told", "exception": bug}
                )
        self._under_way = []

    def _tell(self, one: _Waiting, verdict: Verdict, error: StoreError | None) -> None:
        now = self._loop.time()
        one.verdict = verdict
        # Chains would else keep all that ever came before them.
        one.builds_on = []
        self._forget(one)
        if isinstance(one.asked, Wanted):
            self._counts[OF_VERDICT[verdict]] += 1
            self.committed.observe(now - one.since)
            self._know(one.step, verdict)
        try:
            one.settle(verdict, error, now)
        finally:
            for call in one.later:
                call()

    def _forget(self, one: _Waiting) -> None:
        """Its changes are settled, and what it has read."""
        for presentity in _read_by(one.step):
            if self._last.get(presentity) is one:
                del self._last[presentity]
        for change in one.step.changes:
            if self._last.get(change.presentity) is one:
                del self._last[change.presentity]
            unsettled = self._unsettled[change.presentity]
            unsettled.popleft()  # They are settled in order.
            if not unsettled:
                del self._unsettled[change.presentity]

    def _know(self, step: Step, verdict: Verdict) -> None:
        """What this says of what is stored."""
        for change in step.changes:
            if verdict is _STORED:
                self._known.store(change)
                self._counts["changes_written"] += sum(one.changed for one in change.outcomes)
            else:
                self._known.forget(change.presentity)
        if verdict is not _STORED:
            for presentity, _ in step.seen:
                self._known.forget(presentity)

    def _fail(self, why: str) -> None:
        """Tell operators, once for each reason."""
        self._counts["writes_failed"] += 1
        if why not in self._failures:
            self._failures.add(why)
            _log.error("store_write_failed", reason=why)


def _read_by(step: Step) -> list[Aor]:
    """Of whom something was read that is told when it is settled."""
    read = [presentity for presentity, _ in step.seen]
    if step.visit is not None:
        read.append(step.visit.presentity)
    return read


def _step(one: _Waiting) -> Step:
    """What the engine is asked."""
    places = [earlier.place for earlier in one.builds_on if earlier.verdict is None]
    return one.step._replace(builds_on=tuple(places)) if places else one.step


def _is_lost(earlier: _Waiting) -> bool:
    """Whether what others build on is surely not stored."""
    return earlier.verdict is not None and earlier.verdict is not _STORED


def _result(one: _Waiting) -> Result:
    """What is told of its verdict."""
    asked, verdict = one.asked, one.verdict
    if verdict is _STORED:
        return STORED
    if verdict is Verdict.REPEATED:
        return REPEATED
    if verdict is Verdict.FENCED:
        return _fenced()
    if verdict is Verdict.MOVED:
        return verdict, StoreError("store_moved", "another node has the dialog")
    if verdict is Verdict.CONFLICT and isinstance(asked, Wanted):
        named = [one.presentity for one in asked.changes] or [aor for aor, _ in asked.seen]
        return conflict(named[0])
    return _unavailable("a value cannot be stored in a database")


def _fenced() -> Result:
    return Verdict.FENCED, StoreError("store_fenced", "the others take this node for dead")


def _unavailable(why: str) -> Result:
    return Verdict.UNAVAILABLE, StoreError("store_unavailable", why)


def _nothing(*_: object) -> None:
    """Nobody wants to know."""
