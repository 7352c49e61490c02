"""Nodes on an engine without PostgreSQL."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, NamedTuple, ParamSpec

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Gone, Verdict, Wanted
from dfks_rules.store.postgres.store import CACHED, PostgresStore
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine, Script
from tests.helpers.wanted import commit, dialog_row, outcome
from tests.helpers.webhooks import run_virtually

P = ParamSpec("P")


class Node(NamedTuple):
    """A life of a node."""

    engine: FakeEngine
    faults: Script
    store: PostgresStore

    @property
    def epoch(self) -> int:
        """Which life it is."""
        return self.store.term


async def join(
    database: FakeDatabase | None = None, cached: int = CACHED, *, claims: bool = True
) -> Node:
    """A node joins, and takes what nobody has."""
    faults = Script()
    engine = FakeEngine(database or FakeDatabase(time.time), faults)
    joined = await engine.join("node", "1.0", 60.0)
    store = PostgresStore(engine, joined, asyncio.get_running_loop(), "5eed", cached)
    if claims:
        store.own(await engine.claim(joined.epoch))
    faults.calls.clear()
    return Node(engine, faults, store)


async def fetched(store: PostgresStore, *presentities: Aor) -> StoreError | None:
    """Read them; why that failed."""
    future: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    store.fetch(presentities, lambda error, _: future.set_result(error))
    return await future


async def stored(store: PostgresStore, presentity: Aor) -> Snapshot | None:
    """What the engine holds."""
    assert await fetched(store, presentity) is None
    return store.known(presentity)


async def written(
    store: PostgresStore, rows: Sequence[DialogRow] = (), gone: Sequence[int] = ()
) -> bool:
    """Write and remove rows; whether that was done."""
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    store.write(rows, gone, future.set_result)
    return await future


async def with_dialog(node: Node, base: int = 0) -> DialogRow:
    """A dialog of this node."""
    row = dialog_row(node.store.number())._replace(base=base)
    assert await outcome(commit(node.store, Wanted((), (), row))) is Verdict.STORED
    return row


async def adopted(
    store: PostgresStore, tag: bytes, cseq: int = 1, *, is_back: bool = False
) -> DialogRow | Gone:
    """What came of an adoption."""
    future: asyncio.Future[DialogRow | Gone] = asyncio.get_running_loop().create_future()
    store.adopt(tag, cseq, lambda found, _: future.set_result(found), is_back=is_back)
    return await future


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Have a test played in virtual time."""

    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        run_virtually(test(*arguments, **named))

    return run
