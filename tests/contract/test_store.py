"""What every store keeps to: `service.ports.Store`."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    POSITION,
    Feature,
    FeatureState,
    Snapshot,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Choice, Integer, Text, Value
from dfks_rules.service.ports import Store
from dfks_rules.store.open import open_store
from tests.helpers.states import forwarding, some_state

ALICE = Aor("alice", "example.com")
DND, _, CFB, CFNA = FEATURES[:4]
ON = FeatureState(status=True)
Result = tuple[StoreError | None, float]


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What `open_store` is given, for each kind of store."""
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path}/features.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An empty store."""
    opened = open_store(url, asyncio.get_running_loop())
    yield opened
    opened.close()


def _commit(
    store: Store, presentity: Aor, before: Snapshot, after: Snapshot
) -> asyncio.Future[Result]:
    """Resolved when the commit is settled; a second settlement is an error of the loop."""
    future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    store.commit(presentity, before, after, lambda error, now: future.set_result((error, now)))
    return future


async def _error(future: asyncio.Future[Result]) -> str | None:
    error, _ = await future
    return None if error is None else error.code


async def test_store_has_nothing_for_a_presentity_nobody_set(store: Store) -> None:
    """A new user has every feature off."""
    assert store.load(ALICE) == NOTHING_STORED


async def test_store_gives_what_was_committed(store: Store) -> None:
    """Features that were not changed keep their state."""
    first = NOTHING_STORED.replace(CFNA, forwarding(True, "1", 4))
    second = first.replace(DND, ON)
    assert await _error(_commit(store, ALICE, NOTHING_STORED, first)) is None
    assert store.load(ALICE) == first
    assert await _error(_commit(store, ALICE, first, second)) is None
    assert store.load(ALICE) == second


async def test_store_gives_back_a_state_of_each_feature_with_all_its_values(store: Store) -> None:
    """What a column, a name or a type would lose."""
    said: dict[type, str | int] = {Text: "sip:x@h", Integer: 7, Choice: "notReady"}
    states = tuple(some_state(one, False, lambda kind: said[type(kind)]) for one in FEATURES)
    after = Snapshot(1, states)
    assert await _error(_commit(store, ALICE, NOTHING_STORED, after)) is None
    assert store.load(ALICE) == after
    assert len(states[POSITION[Feature.AGENT_STATE]].values) == 3


async def test_store_says_when_a_commit_was_settled(store: Store) -> None:
    """The notifier has no clock of its own."""
    begin = time.monotonic()
    _, now = await _commit(store, ALICE, NOTHING_STORED, NOTHING_STORED.replace(DND, ON))
    assert begin <= now <= time.monotonic()


async def test_store_settles_in_the_order_in_which_it_was_asked(store: Store) -> None:
    """A phone that pressed twice is told twice, in order; later commits build on earlier ones."""
    settled: list[int] = []
    before, last = NOTHING_STORED, asyncio.get_running_loop().create_future()

    def settle(error: StoreError | None, _now: float) -> None:
        assert error is None
        settled.append(len(settled))
        if len(settled) == 1000:
            last.set_result(None)

    for count in range(1000):
        after = before.replace(CFB, forwarding(count % 2 == 0, str(count)))
        store.commit(ALICE, before, after, settle)
        before = after
    await last
    assert store.load(ALICE) == before


async def test_store_refuses_a_commit_made_on_what_no_longer_holds(store: Store) -> None:
    """The later of two who changed the same state at once is told, and asks again."""
    first = NOTHING_STORED.replace(DND, ON)
    other = NOTHING_STORED.replace(CFB, ON)
    results = [_commit(store, ALICE, NOTHING_STORED, after) for after in (first, other)]
    assert [await _error(result) for result in results] == [None, "store_conflict"]
    assert store.load(ALICE) == first
    assert await _error(_commit(store, ALICE, first, first.replace(CFB, ON))) is None


async def test_a_conflict_spoils_no_commit_beside_it(store: Store) -> None:
    """Commits of many presentities share a transaction."""
    after = NOTHING_STORED.replace(DND, ON)
    await _commit(store, ALICE, NOTHING_STORED, after)
    others = [Aor(f"user{number}", "example.com") for number in range(20)]
    asked = [*others[:10], ALICE, *others[10:]]
    results = [_commit(store, presentity, NOTHING_STORED, after) for presentity in asked]
    codes = [await _error(result) for result in results]
    assert codes == [None] * 10 + ["store_conflict"] + [None] * 10
    assert all(store.load(presentity) == after for presentity in others)


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE presentity; --", 'a"b', "Büro ☎ \U0001f4de", " ", "x" * 512],
)
async def test_store_gives_every_text_back_as_it_was(store: Store, url: str, text: str) -> None:
    """Values are data, in names as well as in targets."""
    presentity = Aor(text, text)
    after = NOTHING_STORED.replace(CFB, forwarding(True, text))
    assert await _error(_commit(store, presentity, NOTHING_STORED, after)) is None
    store.close()
    if url != "memory:":
        store = open_store(url, asyncio.get_running_loop())
    assert store.load(presentity) == after
    store.close()


async def test_store_tells_presentities_apart_by_user_and_domain(store: Store) -> None:
    """Users of one name exist in many domains; the user part has case, and may be empty."""
    presentities = [
        Aor(user, domain) for user in ("", "a", "A", "b") for domain in ("x", "y", "[::1]")
    ]
    for number, presentity in enumerate(presentities):
        after = NOTHING_STORED.replace(CFB, forwarding(True, str(number)))
        assert await _error(_commit(store, presentity, NOTHING_STORED, after)) is None
    for number, presentity in enumerate(presentities):
        assert store.load(presentity).state(CFB).value(Value.FORWARD_TO) == str(number)


async def test_store_settles_what_is_under_way_before_it_closes(store: Store) -> None:
    """A server that stops has answered for everything it took."""
    after = NOTHING_STORED.replace(DND, ON)
    users = [Aor(f"user{number}", "example.com") for number in range(1000)]
    results = [_commit(store, user, NOTHING_STORED, after) for user in users]
    store.close()
    assert all(result.done() and result.result()[0] is None for result in results)


async def test_store_may_be_closed_twice(store: Store) -> None:
    """Whoever tidies up after an error need not know how far it got."""
    store.close()
    store.close()
