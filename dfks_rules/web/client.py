"""A client of `/v1`, for our own commands and bridges."""

import os
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from dfks_rules import __version__
from dfks_rules.errors import DfksError

TIMEOUT = 30.0
"""Seconds that a request may take; a stream, between two lines of it."""


class ApiError(DfksError):
    """The server answered with a problem, or could not be asked."""

    def __init__(self, message: str, status: int = 0, problem: Mapping[str, Any] | None = None):
        super().__init__("api_failed", message)
        self.status = status
        """Of the response; 0 when there was none."""
        self.problem = dict(problem or {})

    @property
    def kind(self) -> str:
        """The kind of problem, e.g. `refused-by-policy`; empty when unknown."""
        return str(self.problem.get("type", "")).rpartition(":")[2]


PLACE = "place"
"""Type of what is no event: everything up to its id is known."""


class Event:
    """One server-sent event."""

    __slots__ = ("data", "id", "type")

    def __init__(self, id_: str, type_: str, data: Any) -> None:
        self.id = id_
        self.type = type_
        self.data = data


class ApiClient:
    """Asks a server; use it in an `async with`."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        program: str = "dfks",
    ):
        """Nothing is sent yet.

        Args:
            url: e.g. `http://127.0.0.1:8080`, without a path.
            token: what to authenticate with.
            tls: how to check the server; None for the defaults.
            program: who asks, by which operators know him.
        """
        self._url = url.rstrip("/")
        self._headers = {"User-Agent": f"{program}/{__version__}"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=TIMEOUT)
        connector = aiohttp.TCPConnector(ssl=self._tls or True)
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=timeout, connector=connector
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON that the server answers; None where it answers nothing.

        Raises:
            ApiError: it answers with a problem, or not at all.
        """
        data = None if body is None else orjson.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        async with self._response(method, path, query, data, {**kind, **(headers or {})}) as got:
            text = await _read(got, self._url)
            return _json(text, self._url) if text else None

    async def send(
        self,
        method: str,
        path: str,
        data: Any,
        content_type: str,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:
        """The JSON that the server answers to a body of another kind.

        Args:
            method: of HTTP.
            path: where.
            data: bytes, an open file, or an iterator of pieces.
            content_type: of it.
            query: parameters.

        Raises:
            ApiError: it answers with a problem, or not at all.
        """
        async with self._response(method, path, query, data, {"Content-Type": content_type}) as got:
            return _json(await _read(got, self._url), self._url)

    async def pages(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        cursor: str = "after",
    ) -> AsyncGenerator[Any, None]:
        """Every item of a list, page by page.

        Args:
            path: where.
            query: parameters.
            cursor: the parameter that takes `next` of the page before.
        """
        given = dict(query or {})
        while True:
            page = await self.ask("GET", path, query=given)
            for item in page["items"]:
                yield item
            if "next" not in page:
                return
            given[cursor] = page["next"]

    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The answer piece by piece, as it comes."""
        async with self._response("GET", path, query, None, headers or {}) as got:
            try:
                async for piece in got.content.iter_any():
                    yield piece
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _broke_off(self._url, error) from error

    async def events(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        last: str | None = None,
        with_places: bool = False,
    ) -> AsyncGenerator[Event, None]:
        """Server-sent events, until the server ends the stream.

        Args:
            path: where.
            query: parameters.
            last: id of the last event that is known.
            with_places: whether to tell also of ids that come without an event: `PLACE`.
        """
        headers = {"Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = last
        rest = b""
        async with aclosing(self.stream(path, query=query, headers=headers)) as pieces:
            async for piece in pieces:
                *blocks, rest = (rest + piece).split(b"\n\n")
                for block in blocks:
                    event = _event(block.decode())
                    if event is not None and (with_places or event.type != PLACE):
                        yield event

    def _response(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        data: Any,
        headers: Mapping[str, str],
    ) -> "_Response":
        assert self._session is not None, "use it in an `async with`"  # noqa: S101
        request = self._session.request(
            method, self._url + path, params=query, data=data, headers=headers
        )
        return _Response(request, self._url)


class _Response:
    """A response that is no problem."""

    def __init__(self, request: Any, url: str) -> None:
        self._request = request
        self._url = url

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            got: aiohttp.ClientResponse = await self._request.__aenter__()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(f"cannot reach {self._url}: {_reason(error)}") from error
        if got.status >= 400:
            try:
                text = await _read(got, self._url)
            finally:
                await self._request.__aexit__(None, None, None)
            raise _error(got.status, text)
        return got

    async def __aexit__(self, *what: Any) -> None:
        await self._request.__aexit__(*what)


async def _read(got: aiohttp.ClientResponse, url: str) -> bytes:
    """The body of a response.

    Raises:
        ApiError: it breaks off.
    """
    try:
        return await got.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _broke_off(url, error) from error


def _json(text: bytes, url: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ApiError(f"{url} did not answer with JSON: {error}") from error


def _broke_off(url: str, error: Exception) -> ApiError:
    # What the library says of a body that ends too early is about chunks and lengths.
    why = "" if isinstance(error, aiohttp.ClientPayloadError) else f": {str(error) or 'timeout'}"
    return ApiError(f"the answer of {url} broke off{why}")


def _reason(error: Exception) -> str:
    """Why a server cannot be asked, in words of people."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return "not a URL such as http://127.0.0.1:8080"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(error.os_error.errno).lower()
    return str(error) or "timeout"


def _error(status: int, text: bytes) -> ApiError:
    try:
        problem = orjson.loads(text)
    except orjson.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    title, detail = problem.get("title", f"status {status}"), problem.get("detail")
    return ApiError(f"{status} {title}" + (f": {detail}" if detail else ""), status, problem)


def _event(block: str) -> Event | None:
    """The event of a block of lines, or a `PLACE`; None for a comment."""
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, colon, value = line.partition(":")
        if name and colon:
            fields.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in fields:
        return Event(fields["id"][-1], PLACE, None) if "id" in fields else None
    data = orjson.loads("\n".join(fields["data"]))
    return Event(fields.get("id", [""])[-1], fields.get("event", ["message"])[-1], data)
