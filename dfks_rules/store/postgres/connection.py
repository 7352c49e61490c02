"""A connection to PostgreSQL that is made anew after whatever goes wrong on it.

What came of a call that failed is unknown, and so is the state of its connection: it is cut, and
the next call makes another one. No statement stays prepared, and nothing is set for a session, so
that a pooler may hand each transaction to another connection (PgBouncer, `pool_mode =
transaction`).
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from dfks_rules.errors import StoreError
from dfks_rules.store.postgres.ports import NotSentError

FAILURES: tuple[type[Exception], ...]
"""What a call may raise where the engine is out of reach, too slow, or refuses."""
try:
    import asyncpg
except ImportError as _error:
    _missing: ImportError | None = _error
    FAILURES = (OSError,)
    _UNDONE: tuple[type[Exception], ...] = ()
else:
    _missing = None
    FAILURES = (
        OSError,  # Among them TimeoutError.
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    )
    # The engine has undone all of the call.
    _UNDONE = (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)

PATIENCE = 5.0
"""How long a call may take, s, and how long it may wait for its turn; the engine ends a statement
sooner."""
CONNECTS_WITHIN = 3.0
"""How long to wait for a new connection, s."""

_HOSTS = re.compile(r"([^:]+://(?:[^/?#@]*@)?)([^/?#@]*)((?:[/?#].*)?)", re.DOTALL)
_REFUSED = re.compile(r"Connect call failed \('([^']+)', (\d+)")
"""What asyncio says where a connection cannot be made."""

Row = Mapping[str, Any]
_Answer = TypeVar("_Answer")


class Connection:
    """One connection, made when it is first needed; its calls are made one after the other."""

    def __init__(self, url: str, name: str, patience: float = PATIENCE) -> None:
        """Not connected.

        Args:
            url: `postgresql://…`.
            name: as which the engine lists it (`application_name`).
            patience: how long a call may take, s, once it is its turn, for which it waits as long
                at most.
        """
        self._urls = each_host(url)
        """The first one is tried first."""
        self._name = name
        self._patience = patience
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._connecting: asyncio.Future[asyncpg.Connection] | None = None
        self._listening: asyncpg.Connection | None = None
        self._is_closed = False

    async def rows(self, statement: str, *arguments: object) -> list[Row]:
        """The rows that a statement gives.

        Raises:
            StoreError: `store_unavailable`: too slow, or refused. Whether it was carried out is
                unknown; it was not if this is a NotSentError.
        """
        rows: list[Row] = await self._ask(
            lambda connection: connection.fetch(statement, *arguments)
        )
        return rows

    async def row(self, statement: str, *arguments: object) -> Row:
        """The one row that a statement gives.

        Raises:
            StoreError: see `rows`.
        """
        [row] = await self.rows(statement, *arguments)
        return row

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Have `heard` called for each notification, until the connection is lost; a second call
        listens again if it was.

        Raises:
            StoreError: see `rows`.
        """

        async def ask(connection: "asyncpg.Connection") -> None:
            if connection is not self._listening:
                await connection.add_listener(channel, lambda *_: heard())
                self._listening = connection

        await self._ask(ask)

    def cut(self) -> None:
        """Let go of the connection, without a word to the other end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Close it for good, once a call that is under way has ended."""
        self._is_closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        async with self._turn:
            self.cut()

    async def _ask(self, ask: "Callable[[asyncpg.Connection], Awaitable[_Answer]]") -> _Answer:
        patience = self._patience
        try:
            async with asyncio.timeout(patience):
                await self._turn.acquire()
        except TimeoutError:
            raise NotSentError("PostgreSQL: too many wait for it") from None
        try:
            connection = await self._connected()
            asked = asyncio.ensure_future(ask(connection))
            try:
                await asyncio.wait((asked,), timeout=patience)
                if not asked.done():
                    raise TimeoutError
                return asked.result()
            except BaseException:
                # Before the call is given up: asyncpg would have the engine cancel it, and what is
                # cancelled while it waits for a standby is seen by others, but may be lost.
                self.cut()
                asked.add_done_callback(_forget)
                raise
        except _UNDONE as error:
            raise NotSentError(f"PostgreSQL: {error}") from error
        except FAILURES as error:
            raise unavailable(error) from error
        finally:
            self._turn.release()

    async def _connected(self) -> "asyncpg.Connection":
        if self._is_closed:
            raise NotSentError("the store is closed")
        if self._connection is None or self._connection.is_closed():
            if self._connecting is None:
                self._connecting = asyncio.ensure_future(self._connect())
                self._connecting.add_done_callback(self._has_connected)
            try:
                # Whoever gives a call up leaves this to the next one: a lease must be renewed also
                # where it takes longer to connect than a renewal may.
                return await asyncio.shield(self._connecting)
            except FAILURES as error:
                raise NotSentError(unavailable(error).message) from error
        return self._connection

    def _has_connected(self, connecting: "asyncio.Future[asyncpg.Connection]") -> None:
        self._connecting = None
        if not connecting.cancelled() and connecting.exception() is None:
            self._connection = connecting.result()
            if self._is_closed:
                self.cut()

    async def _connect(self) -> "asyncpg.Connection":
        """Connect to the first host that answers, which is the first to be asked next time."""
        for left in reversed(range(len(self._urls))):
            try:
                return await connect(self._urls[0], self._name, CONNECTS_WITHIN / len(self._urls))
            except FAILURES:
                self._urls.append(self._urls.pop(0))
                if not left:
                    raise
        raise AssertionError("there is no host")


def _forget(asked: "asyncio.Future[_Answer]") -> None:
    """Take note of what came of a call that nobody waits for any more."""
    if not asked.cancelled():
        asked.exception()


def each_host(url: str) -> list[str]:
    """The URL for each of its hosts.

    asyncpg would spend all of its time on a first one that is dead and says nothing.
    """
    found = _HOSTS.fullmatch(url)
    if found is None:
        return [url]
    before, hosts, after = found.groups()
    return [f"{before}{host}{after}" for host in hosts.split(",")]


async def connect(url: str, name: str, within: float = CONNECTS_WITHIN) -> "asyncpg.Connection":
    """A new connection, `within` so many seconds.

    Raises:
        StoreError: `store_needs_asyncpg`; `store_unavailable`: it is no URL.
        Exception: one of `FAILURES`.
    """
    if _missing is not None:
        why = "PostgreSQL needs asyncpg: `pip install 'dfks-rules[postgres]'`"
        raise StoreError("store_needs_asyncpg", why) from _missing
    try:
        return await asyncpg.connect(
            url,
            timeout=within,
            statement_cache_size=0,
            server_settings={"application_name": name},
        )
    except ValueError as error:
        if isinstance(error, FAILURES):
            raise
        # It has a part of the URL in it, which may be one of a password.
        why = "PostgreSQL: its URL cannot be read; `/`, `?`, `#`, `@` and `%` in a password are "
        raise StoreError("store_unavailable", f"{why}written %2F, %3F, %23, %40 and %25") from None


def unavailable(error: Exception) -> StoreError:
    """Says that the engine cannot be used now."""
    if isinstance(error, TimeoutError):
        why = "it does not answer"
    elif refused := _REFUSED.search(str(error)):
        host, port = refused.groups()
        number = getattr(error, "errno", None)
        why = os.strerror(number).lower() if number else "no connection"
        why += f" at {host}, port {port}"
    else:
        why = getattr(error, "strerror", None) or str(error)
    return StoreError("store_unavailable", f"PostgreSQL: {why}")
