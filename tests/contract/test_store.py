"""What every store keeps to: `service.ports.Store`.

Another engine joins by one more entry in `ENGINES`.
"""

import asyncio
import errno
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.mark import ParameterSet

from dfks_rules.errors import StoreError
from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    POSITION,
    Deadline,
    Feature,
    FeatureState,
    Snapshot,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Choice, Integer, Text, Value
from dfks_rules.service.ports import Deadlines, Store, Verdict, Wanted
from dfks_rules.store import life
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.open import open_store
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import Engine as Cluster
from dfks_rules.store.postgres.schema import migrate
from dfks_rules.store.postgres.store import PostgresStore
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.states import forwarding, some_state
from tests.helpers.wanted import Result, change, commit, dialog_row, outcome, wanted


async def _open(url: str) -> Store:
    return open_store(url, asyncio.get_running_loop())


class Engine(NamedTuple):
    """A kind of store."""

    url: str
    """Where it is; `{}` stands for a directory. Empty: in a database that is made for it."""
    open: Callable[[str], Awaitable[Store]] = _open
    """Opens the store there, as the successor of whoever had it."""
    take_over: Callable[[str], Awaitable[None]] | None = None
    """Lets another server take over what is stored, while the store is open; None where nothing
    lasts longer than the store."""
    doubt: Callable[[pytest.MonkeyPatch], None] | None = None
    """Makes the outcome of commits unknown; None where that cannot be."""

    @property
    def lasts(self) -> bool:
        """Whether another store, opened later, finds what was stored."""
        return self.take_over is not None


async def _begin_another_life(url: str) -> None:
    """What a successor does that no lock keeps out."""
    connection = sqlite3.connect(url.removeprefix("sqlite:"), isolation_level=None)
    life.begin(connection)
    connection.close()


def _fail_to_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("dfks_rules.store.database.os.fdatasync", fail)


_DATABASES: dict[str, FakeDatabase] = {}


async def _engine(url: str) -> Cluster:
    """What several nodes share, real or not."""
    if url.startswith("fake:"):
        return FakeEngine(_DATABASES.setdefault(url, FakeDatabase(time.time)))
    await migrate(url)
    return PostgresEngine(url, "node")


async def _join(url: str) -> Store:
    """All others have ended, and what they had is ours."""
    await _bury_all(url)
    engine = await _engine(url)
    joined = await engine.join("node", "1.0", 60.0)
    store = PostgresStore(engine, joined, asyncio.get_running_loop())
    store.own(await engine.claim(joined.epoch))
    return store


async def _bury_all(url: str) -> None:
    engine = await _engine(url)
    for node in await engine.nodes():
        await engine.leave(node.epoch, is_clean=False)
    await engine.close()


def _lose_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (FakeEngine, PostgresEngine):
        monkeypatch.setattr(kind, "commit", _losing(kind.commit))


def _losing(commit: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    async def lose(*arguments: object) -> object:
        await commit(*arguments)
        raise StoreError("store_unavailable", "the connection is lost")

    return lose


ENGINES = {
    "memory": Engine("memory:"),
    "sqlite": Engine("sqlite:{}/features.db", _open, _begin_another_life, _fail_to_sync),
    "postgres-fake": Engine("fake:{}", _join, _bury_all, _lose_answers),
    "postgres": Engine("", _join, _bury_all, _lose_answers),
}


def _params(*names: str) -> list[ParameterSet]:
    """Engines, each with what it needs."""
    marks = {"postgres": [needs_postgres]}
    return [pytest.param(name, marks=marks.get(name, [])) for name in names]


LASTING = _params(*[name for name, engine in ENGINES.items() if engine.lasts])
IN_DOUBT = _params(*[name for name, engine in ENGINES.items() if engine.doubt is not None])

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
CAROL = Aor("carol", "example.com")
DND, CFA, CFB, CFNA = FEATURES[:4]
ON = FeatureState(status=True)
ROW = 1 << 32
"""Number of the first subscription of the first life of a server."""
FIRST = NOTHING_STORED.replace(DND, ON)
SECOND = FIRST.replace(CFB, ON)


@pytest.fixture(params=_params(*ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    """Name of each kind of store."""
    name: str = request.param
    return name


@pytest.fixture
def url(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> str:
    """Where the store is."""
    if engine == "postgres":
        database: Database = request.getfixturevalue("empty_database")
        return database.url
    return ENGINES[engine].url.format(tmp_path)


@pytest.fixture
async def store(engine: str, url: str) -> AsyncIterator[Store]:
    """An empty store."""
    opened = await ENGINES[engine].open(url)
    yield opened
    await _close(opened)


async def _close(store: Store) -> None:
    closing = store.close()
    if closing is not None:
        await closing


async def _fetched(store: Store, *presentities: Aor) -> StoreError | None:
    future: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    store.fetch(presentities, lambda error, _: future.set_result(error))
    return await future


async def _stored(store: Store, presentity: Aor) -> Snapshot | None:
    """What the engine holds."""
    assert await _fetched(store, presentity) is None
    return store.known(presentity)


async def test_store_has_nothing_for_a_presentity_nobody_set(store: Store) -> None:
    """A new user has every feature off; that is not the same as not known."""
    assert await _stored(store, ALICE) == NOTHING_STORED


async def test_store_knows_what_was_committed(store: Store) -> None:
    """Features that were not changed keep their state."""
    first = NOTHING_STORED.replace(CFNA, forwarding(True, "1", 4))
    second = first.replace(DND, ON)
    for before, after in ((NOTHING_STORED, first), (first, second)):
        verdict, error, _ = await commit(store, wanted(ALICE, before, after))
        assert (verdict, error) == (Verdict.STORED, None)
        assert store.known(ALICE) == after


async def test_store_gives_back_a_state_of_each_feature_with_all_its_values(store: Store) -> None:
    """What a column, a name or a type would lose."""
    said: dict[type, str | int] = {Text: "sip:x@h", Integer: 7, Choice: "notReady"}
    states = tuple(some_state(one, False, lambda kind: said[type(kind)]) for one in FEATURES)
    after = Snapshot(1, states)
    assert await outcome(commit(store, wanted(ALICE, NOTHING_STORED, after))) is Verdict.STORED
    assert await _stored(store, ALICE) == after
    assert len(states[POSITION[Feature.AGENT_STATE]].values) == 3


async def test_store_says_when_a_commit_was_settled(store: Store) -> None:
    """The notifier has no clock of its own."""
    begin = time.monotonic()
    _, _, now = await commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
    assert begin <= now <= time.monotonic()


async def test_store_settles_in_the_order_in_which_it_was_asked(store: Store) -> None:
    """A phone that pressed twice is told twice, in order; later commits build on earlier ones."""
    settled: list[int] = []
    before, last = NOTHING_STORED, asyncio.get_running_loop().create_future()

    def settle(verdict: Verdict, _error: StoreError | None, _now: float) -> None:
        assert verdict is Verdict.STORED
        settled.append(len(settled))
        if len(settled) == 1000:
            last.set_result(None)

    for count in range(1000):
        after = before.replace(CFB, forwarding(count % 2 == 0, str(count)))
        store.commit(wanted(ALICE, before, after), settle)
        before = after
    await last
    assert await _stored(store, ALICE) == before


async def test_store_refuses_a_commit_made_on_what_no_longer_holds(store: Store) -> None:
    """The later of two who changed the same state at once is told, and decides again."""
    other = NOTHING_STORED.replace(CFB, ON)
    results = [commit(store, wanted(ALICE, NOTHING_STORED, after)) for after in (FIRST, other)]
    assert [await outcome(result) for result in results] == [Verdict.STORED, Verdict.CONFLICT]
    _, error, _ = results[1].result()
    assert error is not None
    assert error.code == "store_conflict"
    assert await _stored(store, ALICE) == FIRST
    again = commit(store, wanted(ALICE, FIRST, SECOND))
    assert await outcome(again) is Verdict.STORED


async def test_a_commit_that_builds_on_one_in_conflict_is_in_conflict(store: Store) -> None:
    """Also where others have stored the very revision that it builds on."""
    mine = NOTHING_STORED.replace(CFB, ON)
    results = [
        commit(store, wanted(ALICE, NOTHING_STORED, FIRST)),
        commit(store, wanted(ALICE, NOTHING_STORED, mine)),
        commit(store, wanted(ALICE, mine, mine.replace(CFA, ON))),
    ]
    assert [await outcome(result) for result in results] == [
        Verdict.STORED,
        Verdict.CONFLICT,
        Verdict.CONFLICT,
    ]
    assert await _stored(store, ALICE) == FIRST


async def test_a_conflict_spoils_no_commit_beside_it(store: Store) -> None:
    """Commits of many presentities share a transaction."""
    await commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
    others = [Aor(f"user{number}", "example.com") for number in range(20)]
    asked = [*others[:10], ALICE, *others[10:]]
    results = [commit(store, wanted(one, NOTHING_STORED, FIRST)) for one in asked]
    verdicts = [await outcome(result) for result in results]
    assert verdicts == [Verdict.STORED] * 10 + [Verdict.CONFLICT] + [Verdict.STORED] * 10
    assert all([await _stored(store, other) == FIRST for other in others])


async def test_what_a_request_changes_for_several_is_stored_together(store: Store) -> None:
    """A rule that mirrors two users leaves both equal."""
    group = Wanted((change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST)))
    assert await outcome(commit(store, group)) is Verdict.STORED
    assert (await _stored(store, ALICE), await _stored(store, BOB)) == (FIRST, FIRST)


async def test_of_a_request_of_which_one_change_is_in_conflict_nothing_is_stored(
    store: Store,
) -> None:
    """The other user must not be left with half of it, whichever comes first."""
    await commit(store, wanted(BOB, NOTHING_STORED, FIRST))
    changes = (change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST))
    for group in (changes, changes[::-1]):
        results = [
            commit(store, Wanted(group)),
            commit(store, wanted(CAROL, NOTHING_STORED, FIRST)),
        ]
        assert await outcome(results[0]) is Verdict.CONFLICT
        await results[1]
        assert await _stored(store, ALICE) == NOTHING_STORED
    assert await _stored(store, CAROL) == FIRST


async def test_what_a_decision_read_beside_its_changes_must_hold(store: Store) -> None:
    """A rule looked at somebody else's state, which has changed since."""
    await commit(store, wanted(BOB, NOTHING_STORED, FIRST))
    one = (change(ALICE, NOTHING_STORED, FIRST),)
    assert await outcome(commit(store, Wanted(one, ((BOB, 0),)))) is Verdict.CONFLICT
    assert await _stored(store, ALICE) == NOTHING_STORED
    unchanged = ((BOB, 1), (CAROL, 0))
    assert await outcome(commit(store, Wanted(one, unchanged))) is Verdict.STORED
    assert await _stored(store, ALICE) == FIRST


async def test_what_was_read_may_be_what_the_commit_before_stores(store: Store) -> None:
    """Requests are decided on the results of earlier ones before those are durable."""
    results = [
        commit(store, wanted(BOB, NOTHING_STORED, FIRST)),
        commit(store, Wanted((change(ALICE, NOTHING_STORED, FIRST),), ((BOB, 1),))),
        commit(store, Wanted((), ((ALICE, 0),))),
    ]
    verdicts = [await outcome(result) for result in results]
    assert verdicts == [Verdict.STORED, Verdict.STORED, Verdict.CONFLICT]


async def test_a_request_that_was_stored_is_known_when_it_comes_again(store: Store) -> None:
    """Its answer was lost: its sets are not applied twice."""
    row = dialog_row(ROW, cseq=3)
    first = Wanted((change(ALICE, NOTHING_STORED, FIRST),), (), row)
    assert await outcome(commit(store, first)) is Verdict.STORED
    for cseq in (3, 2):
        again = Wanted((change(ALICE, FIRST, SECOND),), (), row._replace(cseq=cseq))
        assert await outcome(commit(store, again)) is Verdict.REPEATED
        assert await _stored(store, ALICE) == FIRST
    later = Wanted((change(ALICE, FIRST, SECOND),), (), row._replace(cseq=4))
    assert await outcome(commit(store, later)) is Verdict.STORED
    assert await _stored(store, ALICE) == SECOND


async def test_a_request_that_comes_twice_at_once_is_stored_once(store: Store) -> None:
    """That the first is not durable yet makes no difference."""
    row = dialog_row(ROW)
    asked = [
        Wanted((change(ALICE, NOTHING_STORED, FIRST),), (), row),
        Wanted((change(ALICE, FIRST, SECOND),), (), row),
        Wanted((change(BOB, NOTHING_STORED, FIRST),), (), dialog_row(ROW + 1)),
    ]
    verdicts = [await outcome(result) for result in [commit(store, one) for one in asked]]
    assert verdicts == [Verdict.STORED, Verdict.REPEATED, Verdict.STORED]
    assert await _stored(store, ALICE) == FIRST


async def test_a_visit_whose_changes_are_in_conflict_was_not_there(store: Store) -> None:
    """When it is decided again, it must not be taken for a repeat."""
    await commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
    row = dialog_row(ROW)
    stale = Wanted((change(ALICE, NOTHING_STORED, SECOND),), (), row)
    assert await outcome(commit(store, stale)) is Verdict.CONFLICT
    again = Wanted((change(ALICE, FIRST, SECOND),), (), row)
    assert await outcome(commit(store, again)) is Verdict.STORED


async def test_a_visit_is_stored_without_changes(store: Store) -> None:
    """A new subscription is answered when it is durable."""
    assert await outcome(commit(store, Wanted((), (), dialog_row(ROW)))) is Verdict.STORED
    assert await outcome(commit(store, Wanted((), (), dialog_row(ROW)))) is Verdict.REPEATED


async def test_a_request_that_wants_nothing_is_stored(store: Store) -> None:
    """There is nothing that could fail."""
    assert await outcome(commit(store, Wanted(()))) is Verdict.STORED


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE presentity; --", 'a"b', "Büro ☎ \U0001f4de", " ", "x" * 512],
)
async def test_store_gives_every_text_back_as_it_was(
    store: Store, engine: str, url: str, text: str
) -> None:
    """Values are data, in names as well as in targets."""
    presentity = Aor(text, text)
    after = NOTHING_STORED.replace(CFB, forwarding(True, text))
    result = await commit(store, wanted(presentity, NOTHING_STORED, after))
    assert result[0] is Verdict.STORED
    if ENGINES[engine].lasts:
        await _close(store)
        store = await ENGINES[engine].open(url)
    assert await _stored(store, presentity) == after
    await _close(store)


async def test_store_tells_presentities_apart_by_user_and_domain(store: Store) -> None:
    """Users of one name exist in many domains; the user part has case, and may be empty."""
    presentities = [
        Aor(user, domain) for user in ("", "a", "A", "b") for domain in ("x", "y", "[::1]")
    ]
    for number, presentity in enumerate(presentities):
        after = NOTHING_STORED.replace(CFB, forwarding(True, str(number)))
        await commit(store, wanted(presentity, NOTHING_STORED, after))
    for number, presentity in enumerate(presentities):
        stored = await _stored(store, presentity)
        assert stored is not None
        assert stored.state(CFB).value(Value.FORWARD_TO) == str(number)


async def test_store_settles_what_is_under_way_before_it_closes(store: Store) -> None:
    """A server that stops has answered for everything it took."""
    users = [Aor(f"user{number}", "example.com") for number in range(1000)]
    results = [commit(store, wanted(user, NOTHING_STORED, FIRST)) for user in users]
    await _close(store)
    assert all(result.done() and result.result()[0] is Verdict.STORED for result in results)


async def test_store_may_be_closed_twice(store: Store) -> None:
    """Whoever tidies up after an error need not know how far it got."""
    await _close(store)
    await _close(store)


@pytest.mark.parametrize("engine", LASTING)
async def test_what_was_settled_is_found_by_the_next_store(engine: str, url: str) -> None:
    """A restart changes no feature, and knows a request that it has seen before."""
    store = await ENGINES[engine].open(url)
    row = dialog_row(ROW, cseq=5)
    group = Wanted(
        (change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST)), (), row
    )
    assert await outcome(commit(store, group)) is Verdict.STORED
    await _close(store)
    store = await ENGINES[engine].open(url)
    assert (await _stored(store, ALICE), await _stored(store, BOB)) == (FIRST, FIRST)
    again = Wanted((change(ALICE, FIRST, SECOND),), (), row)
    assert await outcome(commit(store, again)) is Verdict.REPEATED
    await _close(store)


@pytest.mark.parametrize("engine", LASTING)
async def test_a_server_whose_store_was_taken_over_stores_nothing_any_more(
    store: Store, engine: str, url: str
) -> None:
    """It was taken for dead: its successor answers now, and knows nothing of its changes."""
    assert await outcome(commit(store, wanted(ALICE, NOTHING_STORED, FIRST))) is Verdict.STORED
    take_over = ENGINES[engine].take_over
    assert take_over is not None
    await take_over(url)
    results = [commit(store, wanted(one, FIRST, SECOND)) for one in (ALICE, BOB)]
    for result in results:
        verdict, error, _ = await result
        assert verdict is Verdict.FENCED
        assert error is not None
        assert error.code == "store_fenced"
    assert await outcome(commit(store, Wanted((), (), dialog_row(ROW)))) is Verdict.FENCED
    assert await _stored(store, ALICE) == FIRST


@pytest.mark.parametrize("engine", IN_DOUBT)
async def test_a_commit_whose_outcome_is_unknown_is_stored_whole_or_not_at_all(
    store: Store, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its phone asks again: either it is found to be a repeat, or it is stored now."""
    doubt = ENGINES[engine].doubt
    assert doubt is not None
    row = dialog_row(ROW)
    changes = (change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST))
    group = Wanted(changes, (), row)
    with monkeypatch.context() as broken:
        doubt(broken)
        verdict, error, _ = await commit(store, group)
    assert verdict is Verdict.UNAVAILABLE
    assert error is not None
    assert error.code == "store_unavailable"
    held = [await _stored(store, one) for one in (ALICE, BOB)]
    assert held in ([FIRST, FIRST], [NOTHING_STORED, NOTHING_STORED])
    is_there = held == [FIRST, FIRST]
    expected = Verdict.REPEATED if is_there else Verdict.STORED
    assert await outcome(commit(store, group)) is expected
    assert await outcome(commit(store, wanted(ALICE, FIRST, SECOND))) is Verdict.STORED


@pytest.mark.parametrize("engine", IN_DOUBT)
async def test_what_builds_on_a_commit_in_doubt_is_never_stored_without_it(
    store: Store, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for before the doubt was known."""
    doubt = ENGINES[engine].doubt
    assert doubt is not None
    later: list[asyncio.Future[Result]] = []
    settled = asyncio.get_running_loop().create_future()

    def settle(verdict: Verdict, _error: StoreError | None, _now: float) -> None:
        settled.set_result(verdict)

    with monkeypatch.context() as broken:
        doubt(broken)
        store.commit(wanted(ALICE, NOTHING_STORED, FIRST), settle)
        await asyncio.sleep(0)
        later.append(commit(store, wanted(ALICE, FIRST, SECOND)))
        assert await settled is Verdict.UNAVAILABLE
    verdict = await outcome(later[0])
    stored = await _stored(store, ALICE)
    if verdict is Verdict.STORED:
        assert stored == SECOND
    else:
        assert stored in (NOTHING_STORED, FIRST, SECOND)


def _deadlines(store: Store) -> Deadlines:
    if isinstance(store, PostgresStore):
        return store.deadlines
    assert isinstance(store, MemoryStore | SqliteStore)
    return store


def _timed(snapshot: Snapshot, *ends: tuple[Feature, int]) -> Snapshot:
    """The snapshot, with these deadlines and no others."""
    return snapshot._replace(deadlines=tuple(Deadline(*end, "p/rule") for end in ends))


async def test_store_gives_back_deadlines_with_the_states(store: Store) -> None:
    """Also after a commit that changes nothing but a deadline, and none after one without."""
    first = _timed(FIRST, (DND, 1_800_000_000))
    later = _timed(first._replace(revision=2), (DND, 1_800_000_060))
    both = _timed(later.replace(CFB, ON), (DND, 1_800_000_060), (CFB, 1_700_000_000))
    one = _timed(both.replace(DND, OFF), (CFB, 1_700_000_000))
    none = _timed(one._replace(revision=5))
    before = NOTHING_STORED
    for after in (first, later, both, one, none):
        assert await outcome(commit(store, wanted(ALICE, before, after))) is Verdict.STORED
        assert await _stored(store, ALICE) == after
        before = after
    assert await outcome(commit(store, wanted(ALICE, one, none))) is Verdict.CONFLICT


async def test_store_says_whose_deadlines_have_passed(store: Store) -> None:
    """Those with the earliest first, each once, and which is the next."""
    deadlines = _deadlines(store)
    assert await deadlines.next() is None
    assert await deadlines.due(2_000_000_000, 10) == []
    alice = _timed(SECOND._replace(revision=1), (DND, 1_800_000_060), (CFB, 1_800_000_000))
    for who, after in (
        (ALICE, alice),
        (BOB, _timed(FIRST, (DND, 1_800_000_030))),
        (CAROL, FIRST),
    ):
        assert await outcome(commit(store, wanted(who, NOTHING_STORED, after))) is Verdict.STORED
    assert await deadlines.next() == 1_800_000_000
    assert await deadlines.due(1_799_999_999, 10) == []
    assert await deadlines.due(1_800_000_000, 10) == [ALICE]
    assert await deadlines.due(1_900_000_000, 10) == [ALICE, BOB]
    assert await deadlines.due(1_900_000_000, 1) == [ALICE]
    off = alice.replace(CFB, OFF)
    assert await outcome(commit(store, wanted(ALICE, alice, off))) is Verdict.STORED
    assert await deadlines.next() == 1_800_000_030
    assert await deadlines.due(1_800_000_050, 10) == [BOB]


@pytest.mark.parametrize("engine", LASTING)
async def test_deadlines_outlive_the_store(store: Store, engine: str, url: str) -> None:
    """What has passed while nobody served is found by who comes next."""
    after = _timed(FIRST, (DND, 1_800_000_000))
    assert await outcome(commit(store, wanted(ALICE, NOTHING_STORED, after))) is Verdict.STORED
    await _close(store)
    again = await ENGINES[engine].open(url)
    try:
        assert await _stored(again, ALICE) == after
        assert await _deadlines(again).due(1_900_000_000, 10) == [ALICE]
    finally:
        await _close(again)
