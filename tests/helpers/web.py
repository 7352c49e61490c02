"""The HTTP API on a free port of loopback, in front of a server without SIP."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
from yarl import URL

from dfks_rules.mi.sockets import listening
from dfks_rules.operations.ports import Operations
from dfks_rules.web.api import TABLE
from dfks_rules.web.caller import Scope
from dfks_rules.web.server import WebServer, WebSettings
from dfks_rules.web.table import Operation
from dfks_rules.web.tls import TlsFiles
from dfks_rules.web.tokens import Entry, TokenFile, hash_of, new_token, write_tokens
from tests.helpers.server import Server

ALL = tuple(scope.value for scope in Scope)


class Got(NamedTuple):
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body; None where it is empty."""
        return orjson.loads(self.body) if self.body else None

    @property
    def kind(self) -> str:
        """The kind of problem that it tells of."""
        assert self.headers["Content-Type"] == "application/problem+json"
        told = self.json
        assert told["status"] == self.status
        return str(told["type"].rpartition(":")[2])


class Api:
    """A running API."""

    def __init__(self, server: WebServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.url = server.address
        self.token: str | None = None
        """What requests authenticate with."""
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        data: bytes | None = None,
        **headers: str,
    ) -> Got:
        """One request; headers with `_` for `-`.

        Args:
            method: of HTTP.
            path: with its query.
            body: JSON to send.
            data: bytes to send in its place.
            headers: besides the usual ones.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            named.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            data = orjson.dumps(body)
            named.setdefault("Content-Type", "application/json")
        sent = None if data is None else io.BytesIO(data)
        url = URL(self.url + path, encoded=True)
        async with self._session.request(
            method, url, data=sent, headers=named, allow_redirects=False
        ) as response:
            return Got(response.status, response.headers, await response.read())


@asynccontextmanager
async def api(
    operations: Operations,
    tokens: TokenFile | None = None,
    *,
    table: Sequence[Operation] = TABLE,
    per_token: float = 10_000,
    streams_per_token: int = 200,
    names: frozenset[str] = frozenset(),
    tls: TlsFiles | None = None,
    console: Mapping[str, bytes] | None = None,
) -> AsyncIterator[Api]:
    """Serve a table of operations until the block ends."""
    settings = WebSettings(tokens, names, per_token, tls, console, streams_per_token)
    server = WebServer(settings, table, operations)
    await server.start(await listening("127.0.0.1", 0))
    try:
        # It shows what is sent: bytes as they are, and no cookie but what a test says.
        async with aiohttp.ClientSession(
            auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            yield Api(server, session)
        await asyncio.sleep(0)
    finally:
        await server.close()


def token_file(folder: Path, **given: tuple[Sequence[str], Sequence[str]]) -> dict[str, str]:
    """Write `tokens.json`; gives name → token.

    Args:
        folder: where.
        given: name → scopes, domains (none: all).
    """
    tokens = {name: new_token(name.encode().ljust(32, b".")) for name in given}
    entries = [
        Entry(name, hash_of(tokens[name]), tuple(scopes), tuple(domains))
        for name, (scopes, domains) in given.items()
    ]
    write_tokens(folder / "tokens.json", entries)
    return tokens


def api_url(server: Server) -> str:
    """Where a server process serves `/v1`."""
    found = re.search(r"^  api (http://\S+)$", server.banner, re.MULTILINE)
    assert found, server.banner
    return found[1]
