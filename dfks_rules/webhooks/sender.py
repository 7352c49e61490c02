"""Sends one event to one endpoint, once, by aiohttp."""

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from dfks_rules import __version__
from dfks_rules.operations.daemons import on_daemon
from dfks_rules.operations.webhooks import Result, Tried
from dfks_rules.phrases.phrase import phrase
from dfks_rules.webhooks.addresses import Rules

TIMEOUT = 10.0
"""How long a try may take, s."""
MOST_ANSWER = 64 * 1024
"""How much of an answer is read, bytes; only then the connection can be used again."""
MOST_AT_ONCE = 64
"""Connections at a time: one for each try, and for what is sent by hand."""
LOOKUPS = 4
"""Names that are resolved at the same time, each on a thread."""
_FORBIDDEN = phrase("may not be asked")
_AGENT = f"dfks-rules/{__version__}"


class Names(AbstractResolver):
    """Resolves names as the machine does, on threads of its own.

    Names that nobody answers for must not hold the threads that others of the server wait for, and
    not its end.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a name.

        Raises:
            OSError: there are none.
        """
        ask = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        await self._free.acquire()
        answer = on_daemon(ask, "webhook-names")
        answer.add_done_callback(self._is_done)
        # Whoever waits no longer does not end the thread.
        found = await asyncio.shield(answer)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    def _is_done(self, answer: "asyncio.Future[Any]") -> None:
        self._free.release()
        if not answer.cancelled():
            answer.exception()  # Perhaps nobody else looks at it.

    async def close(self) -> None:
        """There is nothing to close."""


class Sender:
    """Keeps connections to endpoints."""

    def __init__(
        self,
        rules: Rules,
        tls: ssl.SSLContext | None = None,
        epoch: Callable[[], float] = time.time,
        within: float = TIMEOUT,
    ) -> None:
        """Connect to nobody yet.

        Args:
            rules: which addresses may be asked.
            tls: how endpoints are checked; None for the machine's certificates.
            epoch: seconds since 1970.
            within: how long a try may take, s.
        """
        self._rules = rules
        self._tls = tls
        self._epoch = epoch
        self._timeout = aiohttp.ClientTimeout(total=within)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._names = Names()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Tried:
        """Try once; never raises, whatever the endpoint does."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        tried = await self._try(url, headers, body)
        return tried._replace(took=loop.time() - began)

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        await self._names.close()

    async def _try(self, url: str, headers: Mapping[str, str], body: bytes) -> Tried:
        try:
            # Again, since the settings may have changed, and of a literal nothing is resolved.
            self._rules.check_url(url)
        except ValueError as error:
            return Tried(Result.FORBIDDEN, str(error))
        session = self._session(is_secure=url.startswith("https:"))
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                await _read(response)
                return self._told(response)
        except TimeoutError:
            return Tried(
                Result.TIMEOUT, phrase("no answer within {total:g} s", total=self._timeout.total)
            )
        except aiohttp.ClientResponseError as error:
            return Tried(
                Result.MALFORMED,
                _line(phrase("the answer is not HTTP: {message}", message=error.message)),
            )
        except aiohttp.ClientConnectorError as error:
            # Of several addresses, all that failed are told.
            return _failed(error.os_error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _failed(error)

    def _told(self, response: aiohttp.ClientResponse) -> Tried:
        status = response.status
        detail = f"{status} {_line(response.reason or '')}".strip()
        if 200 <= status < 300:
            return Tried(Result.DELIVERED, detail, status)
        if status == 410:
            return Tried(Result.GONE, detail, status)
        if 300 <= status < 400:
            return Tried(
                Result.REFUSED,
                phrase("{detail}: redirects are not followed", detail=detail),
                status,
            )
        after = self._retry_after(response.headers.get("Retry-After"))
        is_limited = status == 429 or after is not None
        return Tried(Result.LIMITED if is_limited else Result.REFUSED, detail, status, after)

    def _retry_after(self, text: str | None) -> float | None:
        """Seconds; None where nothing is said that can be understood (RFC 9110 §10.2.3)."""
        if text is None:
            return None
        if text.isascii() and text.isdecimal() and len(text) < 10:
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._epoch())
        except (ValueError, OverflowError):
            return None

    def _session(self, *, is_secure: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(is_secure)
        if session is None:
            connector = aiohttp.TCPConnector(
                limit=MOST_AT_ONCE,
                ssl=self._tls or True,
                resolver=self._names,
                socket_factory=partial(self._socket, is_secure),
            )
            session = self._sessions[is_secure] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                headers={"User-Agent": _AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
            )
        return session

    def _socket(self, is_secure: bool, where: Any) -> socket.socket:  # noqa: FBT001 - of aiohttp
        """A socket for just this address: nothing is resolved between the check and the connection.

        Raises:
            OSError: it may not be asked.
        """
        family, kind, protocol, _, address = where
        if not self._rules.allow(str(address[0]), is_secure=is_secure):
            message = phrase(
                "{address} {forbidden}: see `webhooks.allow_networks`",
                address=address[0],
                forbidden=_FORBIDDEN,
            )
            raise PermissionError(errno.EACCES, message)
        return socket.socket(family, kind, protocol)


async def _read(response: aiohttp.ClientResponse) -> None:
    """Read the answer, so that the connection can be used again; what it says does not matter."""
    left = MOST_ANSWER
    try:
        while piece := await response.content.read(left):
            left -= len(piece)
            if left <= 0:
                response.close()
                return
    except (aiohttp.ClientError, TimeoutError, OSError):
        response.close()


def _failed(error: Exception) -> Tried:
    text = _line(str(error) or type(error).__name__)
    return Tried(Result.FORBIDDEN if _FORBIDDEN in text else Result.UNREACHABLE, text)


def _line(text: str) -> str:
    """One line of printable text."""
    return "".join(char if char.isprintable() else " " for char in text)[:200]
