"""Pages of stored states for operators."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from dfks_rules.app.states import page_of
from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations import turns
from dfks_rules.store import states
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.wanted import commit, outcome, wanted

RARE, COMMON = FEATURES[:2]
DOMAINS = [f"d{number}.example" for number in range(3)]
EVERYBODY = [Aor(f"u{number:02}", domain) for domain in DOMAINS for number in range(10)]
LAST_OF_EACH = [presentity for presentity in EVERYBODY if presentity.user == "u09"]


def _stored_of(presentity: Aor) -> Snapshot:
    feature = RARE if presentity in LAST_OF_EACH else COMMON
    return NOTHING_STORED.replace(feature, FeatureState(status=True))


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    """With everybody, of whom few are in memory, and are looked at a few at a time."""
    monkeypatch.setattr(states, "LOOKED_AT", 4)
    store = SqliteStore(tmp_path / "features.db", asyncio.get_running_loop(), cached=5)
    for presentity in EVERYBODY:
        await outcome(commit(store, wanted(presentity, NOTHING_STORED, _stored_of(presentity))))
    yield store
    store.close()


async def _all(
    store: SqliteStore,
    at_most: int,
    domains: Sequence[str] | None = None,
    on: Feature | None = None,
) -> list[Aor]:
    """Page by page."""
    among = None if domains is None else frozenset(domains)
    found: list[Aor] = []
    while page := await page_of(store, found[-1] if found else None, at_most, among, on):
        assert len(page) <= at_most
        assert all(snapshot == _stored_of(presentity) for presentity, snapshot in page)
        found += [presentity for presentity, _ in page]
    return found


@pytest.mark.parametrize("at_most", [1, 3, 10, 500])
async def test_all_are_listed_by_domain_and_user(store: SqliteStore, at_most: int) -> None:
    """Each once, wherever a page ends."""
    assert await _all(store, at_most) == EVERYBODY
    among = ["aaa.example", DOMAINS[2], DOMAINS[0], "d1.example.org"]
    assert await _all(store, at_most, among) == [*EVERYBODY[:10], *EVERYBODY[20:]]
    assert await _all(store, at_most, []) == []


@pytest.mark.parametrize("at_most", [1, 2, 500])
async def test_those_where_a_feature_is_on_may_be_far_apart(
    store: SqliteStore, at_most: int
) -> None:
    """More are looked at than are on a page."""
    assert await _all(store, at_most, on=RARE) == LAST_OF_EACH
    assert await _all(store, at_most, [DOMAINS[1], "z.example"], RARE) == [LAST_OF_EACH[1]]
    assert len(await _all(store, at_most, on=COMMON)) == 27


async def test_a_page_goes_on_where_nobody_is_any_more(store: SqliteStore) -> None:
    """A cursor may name a user who is gone, or a domain that the token no longer sees."""
    page = await page_of(store, Aor("u044", DOMAINS[0]), 1, None, None)
    assert [presentity for presentity, _ in page] == [Aor("u05", DOMAINS[0])]
    page = await page_of(store, Aor("u04", DOMAINS[1]), 1, frozenset([DOMAINS[2]]), None)
    assert [presentity for presentity, _ in page] == [Aor("u00", DOMAINS[2])]


async def test_others_work_while_a_page_is_read(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone does not wait for the whole of it."""
    monkeypatch.setattr(turns, "TURN", 0)
    others: list[int] = []
    asyncio.get_running_loop().call_soon(others.append, 1)
    await page_of(store, None, 500, None, RARE)
    assert others


async def test_what_cannot_be_read_is_told(store: SqliteStore, tmp_path: Path) -> None:
    """Somebody has edited a state by hand."""
    with closing(sqlite3.connect(tmp_path / "features.db")) as connection:
        connection.execute("UPDATE feature_state SET feature = 'Nonsense' WHERE user = 'u03'")
        connection.commit()
    with pytest.raises(StoreError, match="Nonsense"):
        await page_of(store, None, 500, None, None)
