"""Several notifiers on one engine, played: dialogs and states are shared, each has its own cache.

Nothing is told to other nodes, and no dialog is adopted, until a test says so: so any order can be
had.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.presence.claim import Before
from dfks_rules.presence.package import Limits
from dfks_rules.presence.setup import Keeping
from dfks_rules.presence.standing import Standing
from dfks_rules.service.ports import Adopting, DialogRow, Fetched, Gone, Settle, Verdict, Wanted
from dfks_rules.sip.flow import Flow
from tests.helpers.lives import EPOCH
from tests.helpers.playbook import FLOW, Playbook, Sent, default_policies
from tests.helpers.policy import CFA, NOON
from tests.helpers.ways import FakeWays

AWAY = StoreError("store_unavailable", "the engine is out of reach")


class Changed(NamedTuple):
    """The feed: a presentity has other states."""

    by: "Node"
    presentity: Aor
    before: Snapshot


class Moved(NamedTuple):
    """The feed: a dialog has another node."""

    by: "Node"
    tag: bytes
    row: int
    """The number that it had."""


Told = Changed | Moved


class PlayedEngine:
    """What all nodes share."""

    def __init__(self) -> None:
        self.rows: dict[int, DialogRow] = {}
        """By number; their `base` is the whole term."""
        self.states: dict[Aor, Snapshot] = {}
        self.feed: list[Told] = []
        """What the nodes did, in order."""
        self.applied: list[FeatureState] = []
        """What Alice's calls were forwarded to, in order."""
        self.is_away = False
        self.asked: dict[bytes, int] = {}
        """Tag of a dialog → CSeq of the SUBSCRIBE for which it was adopted last."""

    def of(self, tag: bytes) -> DialogRow | None:
        """The row of a dialog."""
        return next((row for row in self.rows.values() if row.tag == tag), None)

    def state(self, presentity: Aor) -> Snapshot:
        """What is stored."""
        return self.states.get(presentity, NOTHING_STORED)

    def put(self, row: DialogRow, term: int) -> bool:
        """Store a row as a node has it; whether it could be."""
        old = self.rows.get(row.row)
        if old is None and row.first is None:
            return False
        if old is not None:
            first = old.first if row.first is None else row.first
            row = row._replace(first=first, last=old.last if row.last is None else row.last)
        self.rows[row.row] = row._replace(base=row.base + term)
        return True


class NodeStore:
    """The store of one node, as `service.ports` wants it: `Store` and `Dialogs`."""

    are_shared = True

    def __init__(self, engine: PlayedEngine, node: "Node", epoch: int) -> None:
        self.term = epoch
        self._engine = engine
        self._node = node
        self._numbers = count(1)
        self.cache: dict[Aor, Snapshot] = {}
        self.owned: set[int] = set()
        """Numbers of the rows that are this node's."""
        self.waiting: list[Callable[[], None]] = []
        """Adoptions, which come later."""
        self.held: list[Callable[[], None]] | None = None
        """What waits for the test: commits, or what came of them; None: nothing does."""
        self.tells_late = False
        """Whether it tells of rows that are others' after it has told that a write is done."""
        self.is_slow_to_settle = False
        """Whether commits are stored at once, and only what came of them waits."""

    def known(self, presentity: Aor) -> Snapshot | None:
        """What it has read last."""
        return self.cache.get(presentity)

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Read from the engine."""
        if not self._engine.is_away:
            self.cache |= {one: self._engine.state(one) for one in presentities}
        done(AWAY if self._engine.is_away else None, self._node.now)

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """At once, or when the test says."""

        def run() -> None:
            verdict = self._judge(wanted)
            if verdict is Verdict.STORED:
                self._keep(wanted)
            if self.is_slow_to_settle:
                self.held = self.held or []
                self.held.append(lambda: settle(verdict, None, self._node.now))
            else:
                settle(verdict, None, self._node.now)

        if self.held is None or self.is_slow_to_settle:
            run()
        else:
            self.held.append(run)

    def release(self) -> None:
        """Let the commits go on that wait."""
        held, self.held = self.held or [], None
        self.is_slow_to_settle = False
        for run in held:
            run()

    def _judge(self, wanted: Wanted) -> Verdict:
        visit, engine = wanted.visit, self._engine
        if engine.is_away:
            return Verdict.UNAVAILABLE
        if visit is not None:
            known = engine.of(visit.tag)
            if known is not None and known.row != visit.row:
                return Verdict.MOVED
            if known is not None and known.cseq >= visit.cseq:
                return Verdict.REPEATED
        held = all(engine.state(one.presentity) == one.before for one in wanted.changes)
        seen = all(engine.state(who).revision == revision for who, revision in wanted.seen)
        return Verdict.STORED if held and seen else Verdict.CONFLICT

    def _keep(self, wanted: Wanted) -> None:
        for one in wanted.changes:
            self._engine.states[one.presentity] = self.cache[one.presentity] = one.after
            before = one.before.state(CFA)
            if one.after.state(CFA) != before:
                self._engine.applied.append(one.after.state(CFA))
            self._engine.feed.append(Changed(self._node, one.presentity, one.before))
        if wanted.visit is not None and self._engine.put(wanted.visit, self.term):
            self.owned.add(wanted.visit.row)

    def number(self) -> int:
        """One of this node's."""
        return self.term << 32 | next(self._numbers)

    def write(
        self, rows: Sequence[DialogRow], gone: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        """At once; the node hears which rows are others'."""
        if self._engine.is_away:
            done(False)
            return
        lost = [row.row for row in rows if row.row not in self._engine.rows]
        for row in rows:
            self._engine.put(row, self.term)
        for number in gone:
            if number in self.owned:
                self._engine.rows.pop(number, None)
        told = (lambda: self._node.book.notifier.lost(lost, self._node.now)) if lost else None
        if told is not None and not self.tells_late:
            told()
        done(True)
        if told is not None and self.tells_late:
            told()

    def adopt(self, tag: bytes, cseq: int, done: Adopting, *, is_back: bool = False) -> None:
        """When the test runs it."""

        def run() -> None:
            engine = self._engine
            row = None if engine.is_away else engine.of(tag)
            if row is None:
                done(Gone.UNAVAILABLE if engine.is_away else Gone.UNKNOWN, self._node.now)
                return
            if row.row not in self.owned:
                latest = max(row.cseq, engine.asked.get(tag, 0))
                if latest > cseq or (is_back and latest == cseq):
                    done(Gone.ELSEWHERE, self._node.now)
                    return
                engine.asked[tag] = cseq
                del engine.rows[row.row]
                engine.feed.append(Moved(self._node, tag, row.row))
                row = row._replace(row=self.number(), base=row.base + 1)
                engine.rows[row.row] = row
                self.owned.add(row.row)
            done(row._replace(base=row.base - self.term), self._node.now)

        self.waiting.append(run)

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """Everything that is this node's."""
        numbers = sorted((one for one in self.owned if one < before), reverse=True)[:at_most]
        rows = [self._engine.rows[one] for one in numbers if one in self._engine.rows]
        return [row._replace(base=row.base - self.term) for row in rows]

    def close(self) -> None:
        """Nothing is held."""


class Node:
    """One node, and a phone that speaks to it."""

    def __init__(
        self,
        engine: PlayedEngine,
        epoch: int,
        policies: PolicySet | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.engine = engine
        self.position = len(engine.feed)
        """How much of the feed it has heard."""
        self.store = NodeStore(engine, self, epoch)
        self.standing = Standing.SERVING
        self.ways = FakeWays()
        keeping = Keeping(self.store, EPOCH, self.ways.listener_at)
        self.book = Playbook(
            policies or default_policies(),
            limits,
            self.store,
            keeping=keeping,
            ways=self.ways,
            standing=lambda _now: self.standing,
        )

    @property
    def now(self) -> float:
        """Monotonic seconds; all nodes began at once."""
        return self.book.now

    @property
    def counts(self) -> dict[str, int]:
        """What it has counted."""
        return self.book.notifier.counts

    def receive(self, data: bytes, flow: Flow = FLOW) -> list[Sent]:
        """What comes of a datagram, with what is adopted for it."""
        sent = self.book.receive(data, flow)
        return sent + self.run()

    def confirm(self, sent: Sequence[Sent]) -> None:
        """Its phone accepts each NOTIFY."""
        for one in sent:
            if not one.status:
                self.book.answer(one)

    def hear(self, at_most: int = 1 << 30) -> list[Sent]:
        """It hears what others did since it heard last; what it sends."""
        notifier, feed = self.book.notifier, self.engine.feed
        for told in feed[self.position : self.position + at_most]:
            self.position += 1
            if told.by is self:
                continue
            if isinstance(told, Moved):
                notifier.lose(told.tag, told.row, self.now)
                continue
            who, after = told.presentity, self.engine.state(told.presentity)
            self.store.cache[who] = after
            notifier.learned(who, told.before, after, tells=True, at=NOON, now=self.now)
        return self.run()

    def store_rests(self) -> list[Sent]:
        """Commits and adoptions come to their ends; what is sent."""
        self.store.release()
        return self.run()

    def run(self) -> list[Sent]:
        """Let adoptions come to their ends; what is sent."""
        while self.store.waiting:
            self.store.waiting.pop(0)()
        return self.book.sent()

    def claim(
        self,
        other: "Node",
        *,
        is_clean: bool = False,
        changed: Sequence[Aor] = (),
        page: Sequence[DialogRow] | None = None,
    ) -> None:
        """Another node has ended: all that it had is this node's.

        Args:
            other: the node.
            is_clean: whether it has left as planned.
            changed: whose features have changed since shortly before.
            page: what is read; None for what there is.
        """
        for number in other.store.owned & set(self.engine.rows):
            row = self.engine.rows[number]
            self.engine.rows[number] = row._replace(base=row.base + 1)
            self.store.owned.add(number)
        before = Before(EPOCH + self.now - 2.0, is_clean, changed)
        claim = self.book.notifier.restore(before, self.now)
        rows = self.store.read(1 << 62, 1 << 30) if page is None else page
        self.book.notifier.take(claim, rows, self.now)
        self.book.notifier.loaded(claim)


class Cluster:
    """Some nodes on one engine."""

    def __init__(
        self,
        nodes: int = 2,
        policies: PolicySet | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.engine = PlayedEngine()
        self.nodes = [Node(self.engine, epoch, policies, limits) for epoch in range(1, nodes + 1)]

    def hear(self) -> list[Sent]:
        """Every node hears what the others did; what they send."""
        return [one for node in self.nodes for one in node.hear()]

    def settle(self) -> list[Sent]:
        """All hear of one another, phones confirm, and time passes, until nothing comes of it."""
        sent: list[Sent] = []
        for _ in range(9):
            more = [*self.hear(), *self.pass_time(1.0)]
            for node in self.nodes:
                node.confirm(more)
            sent += more
        return sent

    def pass_time(self, seconds: float) -> list[Sent]:
        """Time passes everywhere."""
        return [one for node in self.nodes for one in [*node.book.pass_time(seconds), *node.run()]]
