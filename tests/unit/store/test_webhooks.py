"""The tables of webhooks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.webhooks import MOST_DEAD, Cursor, DeadLetter, Endpoint, Writes
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.store.webhooks import WebhookTables

ALICE = Aor("alice", "example.com")
ONE = Endpoint(
    "wh_1", "https://a.example/", "whsec_QQ==", frozenset(["feature-changed"]), "ops", 5.0
)
TWO = Endpoint(
    "wh_2",
    "https://b.example/",
    "whsec_Qg==",
    frozenset(["feature-changed", "feature-refused"]),
    "ops",
    4.0,
    frozenset(["example.com"]),
    is_coalescing=True,
    off="it answered 410 Gone",
    old_secret="whsec_Qw==",  # noqa: S106
    old_until=99.5,
)


def _letter(number: int, endpoint: str = "wh_1", presentity: Aor | None = ALICE) -> DeadLetter:
    event = f"abc-{number}"
    return DeadLetter(number, endpoint, event, "x.v1", presentity, 7.5, 28, "500", b"{}")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty store."""
    opened = SqliteStore(tmp_path / "dfks.db", asyncio.get_running_loop())
    yield opened
    opened.close()


async def _write(store: SqliteStore, writes: Writes) -> StoreError | None:
    told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    WebhookTables(store).write(writes, told.set_result)
    return await told


async def test_everything_is_read_as_it_was_written(store: SqliteStore) -> None:
    """The oldest endpoint first."""
    cursors = [Cursor("wh_1", 0, 7, 2, 35.5), Cursor("wh_2", 7, 9)]
    letters = [_letter(1), _letter(2, presentity=None)]
    assert await _write(store, Writes([ONE, TWO], cursors=cursors, dead=letters)) is None
    tables = WebhookTables(store)
    assert tables.endpoints() == [TWO, ONE]
    assert sorted(tables.cursors()) == cursors
    assert await tables.dead("wh_1", 99, 10) == letters[::-1]
    assert await tables.dead("wh_1", 2, 10) == letters[:1]
    assert tables.dead_counts() == {"wh_1": 2}
    assert tables.last_dead() == 2


async def test_an_empty_store_has_none(store: SqliteStore) -> None:
    """As before the first webhook."""
    tables = WebhookTables(store)
    assert (tables.endpoints(), tables.cursors(), tables.dead_counts()) == ([], [], {})
    assert tables.last_dead() == 0


async def test_rows_are_replaced(store: SqliteStore) -> None:
    """A change is written whole."""
    await _write(store, Writes([ONE], cursors=[Cursor("wh_1", 0, 7)]))
    await _write(store, Writes([ONE._replace(off="x")], cursors=[Cursor("wh_1", 0, 8, 1, 5.0)]))
    tables = WebhookTables(store)
    assert tables.endpoints() == [ONE._replace(off="x")]
    assert tables.cursors() == [Cursor("wh_1", 0, 8, 1, 5.0)]


async def test_what_is_removed_leaves_nothing(store: SqliteStore) -> None:
    """Neither cursors nor letters; others stay."""
    cursors = [Cursor("wh_1", 0, 7), Cursor("wh_2", 0, 7)]
    await _write(store, Writes([ONE, TWO], cursors=cursors, dead=[_letter(1), _letter(2, "wh_2")]))
    await _write(store, Writes(removed=["wh_1"]))
    tables = WebhookTables(store)
    assert tables.endpoints() == [TWO]
    assert tables.cursors() == cursors[1:]
    assert tables.dead_counts() == {"wh_2": 1}
    await _write(store, Writes(buried=[2]))
    assert tables.dead_counts() == {}


async def test_dead_letters_are_bounded(store: SqliteStore) -> None:
    """The oldest of the endpoint go."""
    other = _letter(1, "wh_2")
    await _write(store, Writes(dead=[other]))
    await _write(store, Writes(dead=[_letter(number) for number in range(2, MOST_DEAD + 5)]))
    tables = WebhookTables(store)
    assert tables.dead_counts() == {"wh_1": MOST_DEAD, "wh_2": 1}
    assert (await tables.dead("wh_1", 1 << 62, 5_000))[-1].number == 5


async def test_a_write_is_whole_or_nothing(store: SqliteStore) -> None:
    """A cursor must not pass an event whose dead letter was not stored."""
    await _write(store, Writes(dead=[_letter(1)]))
    error = await _write(store, Writes(cursors=[Cursor("wh_1", 0, 9)], dead=[_letter(1)]))
    assert error is not None
    assert WebhookTables(store).cursors() == []


async def test_it_outlives_the_store(tmp_path: Path) -> None:
    """It is in the file."""
    loop = asyncio.get_running_loop()
    first = SqliteStore(tmp_path / "dfks.db", loop)
    WebhookTables(first).write(Writes([ONE]), lambda _error: None)
    first.close()
    second = SqliteStore(tmp_path / "dfks.db", loop)
    assert WebhookTables(second).endpoints() == [ONE]
    second.close()
