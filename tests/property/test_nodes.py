"""Several stores on one engine, with whatever may go wrong on the way to it.

Each history is played in virtual time, and repeatable by its seed.
"""

import asyncio
from functools import partial
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Gone, JournalEntry, Verdict, Wanted
from dfks_rules.store.postgres.ports import Changed, cohort_of
from dfks_rules.store.postgres.store import PostgresStore
from tests.helpers.database import FakeDatabase, Stored, seq_of
from tests.helpers.engine import FakeEngine, Fault, Loss
from tests.helpers.joined import fetched
from tests.helpers.states import forwarding
from tests.helpers.wanted import change, dialog_row
from tests.helpers.webhooks import run_virtually

USERS = tuple(Aor(name, "example.com") for name in ("alice", "bob", "carol"))
SECONDS = 20.0
"""How long phones press keys."""
LONG = 12.0
"""Longer than anything under way may take."""
CFA, CFB = FEATURES[1:3]
_SURELY_NOT_STORED = (Verdict.CONFLICT, Verdict.FENCED, Verdict.MOVED, Verdict.REPEATED)


class _Chance:
    """What becomes of calls."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.is_calm = False

    def __call__(self, _call: str) -> Fault:
        random = self.random
        if self.is_calm or random.random() < 0.8:
            return Fault(0.01 * random.random(), 0.01 * random.random())
        if random.random() < 0.5:
            return Fault(0.5 * random.random(), 0.5 * random.random())
        late = random.choice([0.0, 0.0, 6.0])
        return Fault(late, 0.0, random.choice([*Loss]))


class _Node:
    """A life of a server: decides, follows the feed, and tells one watcher of each user."""

    def __init__(self, engine: FakeEngine, store: PostgresStore, position: int) -> None:
        self.engine = engine
        self.store = store
        self.position = position
        self.drafts: dict[Aor, Snapshot] = {}
        """What holds once all that is under way is settled."""
        self.told: dict[Aor, dict[Feature, FeatureState]] = {}
        self.revisions: dict[Aor, list[int]] = {}
        """Those that watchers were told of, in order."""
        self.is_over = False
        store.on_fenced = self._end

    def _end(self) -> None:
        self.is_over = True

    def tell_all(self, user: Aor, *_: object) -> None:
        """Tell a watcher everything, once that is known."""
        snapshot = self.store.known(user)
        if snapshot is not None:
            self.tell(user, None, snapshot)
        elif not self.is_over:
            self.store.fetch([user], partial(self.tell_all, user))

    async def follow(self) -> None:
        """Read the feed, until the end."""
        while True:
            try:
                page = await self.engine.feed(self.position, 5)
            except StoreError:
                page = None
            if page is not None:
                for one in page.told:
                    if isinstance(one, Changed):
                        who, what = one.entry.presentity, one.snapshot
                        self.store.when_settled(who, partial(self._hear, who, what))
                self.position = page.last
                self.store.heard(page.last)
            await asyncio.sleep(0.1)

    def _hear(self, user: Aor, snapshot: Snapshot) -> None:
        news = self.store.learned(user, snapshot)
        if news is None:
            return
        if news.before is None:
            self.tell_all(user)
        else:
            self.tell(user, *news)

    def tell(self, user: Aor, before: Snapshot | None, after: Snapshot) -> None:
        """A watcher is told what differs."""
        told = self.told.setdefault(user, {})
        for number, feature in enumerate(FEATURES):
            if before is None or before.states[number] != after.states[number]:
                told[feature] = after.states[number]
        self.revisions.setdefault(user, []).append(after.revision)


class _Press:
    """A request, and what came of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = str(number)
        """What no other request sets."""
        self.users = 0
        self.is_taken = False
        """The store has not refused it at once."""
        self.verdict: Verdict | None = None


class _Game:
    """Nodes and phones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.loop = asyncio.get_running_loop()
        self.database = FakeDatabase(self.loop.time)
        self.chance = _Chance(self.random)
        self.presses: list[_Press] = []
        self.order: list[tuple[_Node, int]] = []
        """Requests as they were settled, without those refused at once."""
        self.nodes: list[_Node] = []
        self.dialogs: list[tuple[DialogRow, int]] = []
        """Rows as their nodes know them, and the term of each, which must only rise."""
        self.terms: dict[bytes, list[int]] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self) -> _Node:
        """One more life."""
        engine = FakeEngine(self.database, self.chance)
        while True:
            try:
                joined = await engine.join("node", "1.0", 60.0)
                cached = self.random.choice([len(USERS) - 1, 1_000])
                start = f"n{joined.epoch}"
                store = PostgresStore(engine, joined, self.loop, start, cached)
                store.own(await engine.claim(joined.epoch))
                break
            except StoreError:
                pass
        node = _Node(engine, store, joined.newest)
        self.tasks.append(self.loop.create_task(node.follow()))
        for user in USERS:
            node.tell_all(user)
        self.nodes.append(node)
        return node

    async def play(self) -> None:
        """Everything, from the start to the end."""
        for _ in range(3):
            await self.join()
        end = self.loop.time() + SECONDS
        while self.loop.time() < end:
            await asyncio.sleep(0.2 * self.random.random())
            node = self.random.choice(self.nodes)
            await self._happen(node)
        self.chance.is_calm = True
        await asyncio.sleep(LONG)
        for node in self.nodes:
            await node.store.settled()
        await asyncio.sleep(LONG)
        for task in self.tasks:
            task.cancel()
        for node in self.nodes:
            node.is_over = True
            await node.store.close()

    async def _happen(self, node: _Node) -> None:
        dice = self.random.random()
        if dice < 0.02:
            [epoch] = [one for one in self.database.lives if node.store.term == one]
            self.database.end(epoch, is_clean=False)
            self.nodes.remove(node)
            await self.join()
        elif dice < 0.1:
            self._subscribe(node)
        elif dice < 0.25:
            self._adopt(node)
        else:
            for _ in range(self.random.choice([1, 1, 1, 5])):
                self.tasks.append(self.loop.create_task(self._press(node)))

    async def _press(self, node: _Node) -> None:
        """A key; decided on what holds once everything is settled, as the use cases do."""
        users = self.random.sample(USERS, self.random.choice([1, 1, 2]))
        for _ in range(5):
            if all(user in node.drafts or node.store.known(user) is not None for user in users):
                break
            await fetched(node.store, *users)
        else:
            return
        press = _Press(len(self.presses))
        self.presses.append(press)
        press.users = len(users)
        feature = self.random.choice([CFA, CFB])
        changes = []
        for user in users:
            before = node.drafts.get(user) or node.store.known(user)
            assert before is not None
            after = before.replace(feature, forwarding(True, press.state))
            node.drafts[user] = after
            changes.append(change(user, before, after, first=press.number))
        wanted = Wanted(tuple(changes))
        node.store.commit(wanted, partial(self._settle, node, press, wanted))
        press.is_taken = True

    def _settle(
        self,
        node: _Node,
        press: _Press,
        wanted: Wanted,
        verdict: Verdict,
        error: StoreError | None,
        _now: float,
    ) -> None:
        assert press.verdict is None
        if press.is_taken:
            self.order.append((node, press.number))
        else:
            # Nobody waits for what a node asks of a store that is not its own any more.
            assert verdict is Verdict.FENCED
        assert (error is None) == (verdict is Verdict.STORED)
        press.verdict = verdict
        for one in wanted.changes:
            if node.drafts.get(one.presentity) is one.after:
                del node.drafts[one.presentity]
            if verdict is Verdict.STORED:
                node.tell(one.presentity, one.before, one.after)

    def _subscribe(self, node: _Node) -> None:
        row = dialog_row(node.store.number())
        row = row._replace(tag=b"%x" % row.row)

        def settle(verdict: Verdict, _error: StoreError | None, _now: float) -> None:
            if verdict is Verdict.STORED:
                self._note(node, row)

        node.store.commit(Wanted((), (), row), settle)

    def _adopt(self, node: _Node) -> None:
        if not self.terms:
            return

        def done(found: DialogRow | Gone, _now: float) -> None:
            assert found is not Gone.UNKNOWN
            if isinstance(found, DialogRow):
                self._note(node, found)
                if self.random.random() < 0.5:
                    again = found._replace(cseq=found.cseq + 1, first=None)
                    node.store.write([again], (), lambda _is_stored: None)

        # A node may have heard of less than is stored.
        cseq, is_back = self.random.randrange(1, 9), self.random.random() < 0.5
        node.store.adopt(self.random.choice([*self.terms]), cseq, done, is_back=is_back)

    def _note(self, node: _Node, row: DialogRow) -> None:
        """This is what its NOTIFYs are numbered by, from now on."""
        self.terms.setdefault(row.tag, []).append(row.base + node.store.term)


def _check(game: _Game) -> None:
    database = game.database
    entries = [one.entry for one in database.feed if isinstance(one, Stored)]
    assert [seq_of(one) for one in database.feed] == [*range(1, database.newest + 1)]
    _check_revisions(database, entries)
    _check_presses(game, entries)
    _check_dialogs(game)
    for node in game.nodes:
        _check_watchers(database, node)


def _check_revisions(database: FakeDatabase, entries: list[JournalEntry]) -> None:
    """No hole, no twin; each begins where the one before has ended."""
    for user in USERS:
        held = database.snapshots.get(user, NOTHING_STORED)
        own = [one for one in entries if one.presentity == user]
        assert [one.revision for one in own] == [*range(1, held.revision + 1)]
        for feature in (CFA, CFB):
            chain = [one for one in own if one.feature is feature]
            for earlier, later in pairwise(chain):
                assert later.before == earlier.after
            if chain:
                assert held.state(feature) == chain[-1].after


def _check_presses(game: _Game, entries: list[JournalEntry]) -> None:
    """What was answered is there once, what was refused never, what is in doubt at most once."""
    counts: dict[int, int] = {}
    for one in entries:
        number = int(one.decision.rpartition("-")[2])
        counts[number] = counts.get(number, 0) + 1
    for press in game.presses:
        assert press.verdict is not None
        found = counts.get(press.number, 0)
        if press.verdict is Verdict.STORED:
            assert found == press.users
        elif press.verdict in _SURELY_NOT_STORED:
            assert found == 0
        else:
            assert found in (0, press.users)
    for node in {id(one): one for one, _ in game.order}.values():
        settled = [number for who, number in game.order if who is node]
        assert settled == sorted(settled)


def _check_dialogs(game: _Game) -> None:
    """One row each; the term of its NOTIFYs rises with each owner."""
    database = game.database
    tags = [row.tag for row in database.rows.values()]
    assert len(tags) == len(set(tags))
    for tag, terms in game.terms.items():
        row = database.row_of(tag)
        assert row is not None
        absolute = row.base + database.cohorts[cohort_of(row.row)].term
        assert absolute >= max(terms)


def _check_watchers(database: FakeDatabase, node: _Node) -> None:
    """Whoever watches knows what holds, and was never told something older later."""
    for user in USERS:
        held = database.snapshots.get(user, NOTHING_STORED)
        assert node.told[user] == dict(zip(FEATURES, held.states, strict=True))
        assert node.revisions[user] == sorted(node.revisions[user])
        assert node.store.known(user) in (held, None)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_nodes_that_share_an_engine_lose_nothing_and_agree(seed: int) -> None:
    """Calls are late, lost, or act when nobody expects them any more; nodes are taken for dead."""

    async def main() -> None:
        game = _Game(seed)
        await game.play()
        _check(game)

    run_virtually(main())
