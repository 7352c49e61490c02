"""Serves the table of operations over HTTP, on the server's event loop."""

import asyncio
import re
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import structlog
from aiohttp import web

from dfks_rules.errors import ConfigError, DfksError
from dfks_rules.operations.ports import Operations
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.audience import Present
from dfks_rules.web.binding import body_of, given_of
from dfks_rules.web.bodies import MAX_BODY, BodyStream
from dfks_rules.web.budget import SHARE, SHARE_OF_WATCHING, Budget, Timed
from dfks_rules.web.caller import LOCAL, NOBODY, Caller, Scope
from dfks_rules.web.connections import Connection, Connections, complete
from dfks_rules.web.pages import Pages
from dfks_rules.web.parameters import IDEMPOTENCY_KEY
from dfks_rules.web.places import Places
from dfks_rules.web.problem import Problem, problem_of
from dfks_rules.web.repeats import Repeats, asked_of
from dfks_rules.web.session import check_origin, is_secure, secret_of
from dfks_rules.web.streams import Streams
from dfks_rules.web.table import (
    JSON,
    Answer,
    Call,
    Door,
    Operation,
    Streamed,
    json_line,
)
from dfks_rules.web.telling import language_asked, told
from dfks_rules.web.tls import HANDSHAKE_WITHIN, TlsFiles
from dfks_rules.web.tokens import TokenFile

CLOSE_TIMEOUT = 2.0
"""Seconds that pending requests have to finish when the server stops."""
PENALTY = 0.5
"""Seconds that whoever was turned away waits for the answer: one connection asks no faster."""
MOST_STREAMS = 200
"""Answers at a time that go on for as long as the client listens."""

BACKLOG = 128
"""Connections that the kernel holds until they are taken."""
_NO_TLS: dict[str, Any] = {}
_COUNTS = (
    "connections_refused",
    "connections_cut",
    "requests_malformed",
    "streams_refused",
    "streams_refused_token",
)
_PARAMETER = re.compile(r"\{(\w+)\}")
"""In paths. By itself, aiohttp takes no brace within one."""
_TURNED_AWAY = frozenset(("token-needed", "too-many-requests", "too-many-streams"))
_log = structlog.get_logger("dfks.web")
_ANYBODY = ""
"""Whoever asks what needs no token; for the budget."""
_CALLER: web.RequestKey[Caller | None] = web.RequestKey("caller")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebSettings(NamedTuple):
    """What the door is given of the settings."""

    tokens: TokenFile | None
    """Who may call; None: whoever reaches a loopback address."""
    names: frozenset[str]
    """Names, beside those of loopback, that Host may have where there are no tokens."""
    per_token: float
    """Requests a second of each token."""
    tls: TlsFiles | None = None
    """The certificate; None: plain HTTP."""
    console: Mapping[str, bytes] | None = None
    """Files of the console by path; None: there is none."""
    streams_per_token: int = 50
    """Streams at a time of each token; without tokens, of each address."""


class WebServer:
    """The door; `start` it with the sockets that it listens on."""

    def __init__(
        self, settings: WebSettings, table: Sequence[Operation], operations: Operations
    ) -> None:
        self._settings = settings
        self._table = table
        self._operations = operations
        self._public = [one for one in table if one.scope is None]
        self._budget = Budget(settings.per_token)
        self._runner: web.AppRunner | None = None
        self._servers: list[asyncio.Server] = []
        self._streams = Streams()
        self._counts = Counter(dict.fromkeys(_COUNTS, 0))
        self._places = Places(MOST_STREAMS, settings.streams_per_token, self._counts)
        self._sockets: list[socket.socket] = []
        self.served: Counter[tuple[str, int]] = Counter()
        """Name of an operation and status → how often; bounded by the table."""
        self._repeats = Repeats()
        self._pages = None if settings.console is None else Pages(settings.console)

    @property
    def counts(self) -> Mapping[str, int]:
        """What the door counts beside requests."""
        server = self._runner.server if self._runner else None
        now = {
            "connections": len(server.connections) if server else 0,
            "streams": len(self._places),
        }
        return {**self._repeats.counts, **self._counts, **now}

    @property
    def address(self) -> str:
        """E.g. `http://127.0.0.1:8080`."""
        host, port = self._sockets[0].getsockname()[:2] if self._sockets else ("", 0)
        scheme = "http" if self._settings.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    async def start(self, sockets: Iterable[socket.socket]) -> None:
        """Serve on these sockets, which are closed with it."""
        self._sockets = list(sockets)
        app = web.Application(client_max_size=MAX_BODY)
        app.on_response_prepare.append(complete)
        for operation in self._table:
            handler = partial(self._serve, operation)
            path = _PARAMETER.sub(r"{\1:[^/]+}", operation.path)
            if operation.method == "GET":
                app.router.add_get(path, handler, allow_head=True)
            else:
                app.router.add_route(operation.method, path, handler)
        if self._pages is not None:
            app.router.add_get("/", self._show)
            app.router.add_get("/console{path:(/.*)?}", self._show)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=CLOSE_TIMEOUT)
        await runner.setup()
        self._runner = runner
        assert runner.server is not None  # noqa: S101 - `setup` made it
        # No middleware: aiohttp heeds Expect before it calls any.
        runner.server.request_handler = partial(self._guarded, runner.server.request_handler)
        tls = self._settings.tls
        make = Connections(runner.server, self._counts, tls)
        given = _NO_TLS if tls is None else _tls_of(tls)
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            self._servers.append(await loop.create_server(make, sock=one, backlog=BACKLOG, **given))

    def listeners(self) -> list[Present]:
        """Who listens to events, and who did until lately."""
        return self._streams.audience.rows()

    def sockets(self) -> list[tuple[str, socket.socket]]:
        """What whoever serves next has to be given, with the name of this door."""
        return [("api", one) for one in self._sockets]

    async def close(self, *, leaves: bool = False) -> None:
        """Stop listening, and let pending requests finish; `leaves`: there is no file to leave."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._streams.end()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
        for one in self._sockets:
            one.close()
        self._sockets.clear()

    async def _guarded(self, handler: _Handler, request: web.BaseRequest) -> web.StreamResponse:
        """Whatever goes wrong becomes a problem; who may not call learns nothing else."""
        assert isinstance(request, web.Request)  # noqa: S101 - the application made it
        try:
            _check_headers(request)
            check_origin(request)
            request[_CALLER] = self._caller(request)
            return await handler(request)
        except Problem as problem:
            if problem.kind in _TURNED_AWAY:
                await asyncio.sleep(PENALTY)
            return told(problem, request)
        except web.HTTPExpectationFailed:
            return told(Problem("expectation-failed"), request)
        except web.HTTPRequestEntityTooLarge:
            detail = phrase("at most {most} bytes", most=MAX_BODY)
            return told(Problem("too-large", detail), request)
        except web.HTTPMethodNotAllowed as error:
            await self._slow_down()
            allowed = ", ".join(sorted(error.allowed_methods))
            return told(Problem("method-not-allowed", None, {"Allow": allowed}), request)
        except web.HTTPNotFound:
            await self._slow_down()
            detail = phrase("there is no `{path}`", path=request.path[:100])
            return told(Problem("not-found", detail), request)

    def _caller(self, request: web.Request) -> Caller | None:
        """Who calls; None where nobody has to say.

        Raises:
            Problem: a token is needed; or a web page may have sent this to a loopback address.
        """
        tokens = self._settings.tokens
        if tokens is None:
            if not self._is_host(request.host):
                raise Problem("wrong-host", phrase("`{host}`", host=request.host[:100]))
            return LOCAL
        secret = secret_of(request)
        caller = self._user_of(tokens, secret, request.remote or "") if secret else None
        if caller is not None:
            return caller
        if self._is_public(request) and "Authorization" not in request.headers:
            return None
        raise Problem("token-needed", None, {"WWW-Authenticate": 'Bearer realm="dfks"'})

    def _user_of(self, tokens: TokenFile, secret: str, address: str | None = None) -> Caller | None:
        try:
            tokens.look_again()
        except ConfigError as error:
            _log.warning("tokens_unusable", reason=error.message)
        return tokens.caller(secret, address)

    def _door(self, request: web.Request) -> Door:
        tokens = self._settings.tokens
        return Door(
            tokens is not None,
            is_secure(request),
            lambda secret: tokens is not None and self._user_of(tokens, secret) is not None,
            self.listeners,
            list if tokens is None else tokens.known,
        )

    async def _show(self, request: web.Request) -> web.StreamResponse:
        assert self._pages is not None  # noqa: S101 - or there is no way here
        try:
            return self._pages.serve(request)
        except web.HTTPFound as found:
            return web.Response(status=found.status, headers=found.headers)

    def _may_still(self, request: web.Request) -> bool:
        """Whether whoever sent a request could send it again: tokens are revoked, and expire."""
        try:
            return self._caller(request) == request[_CALLER]
        except Problem:
            return False

    def _is_public(self, request: web.Request) -> bool:
        if self._pages is not None and self._pages.has(request.path):
            return True
        return any(one.path == request.path for one in self._public)

    def _is_host(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        return name in ("localhost", "127.0.0.1", "[::1]") or name in self._settings.names

    async def _slow_down(self) -> None:
        """Wait where too much is asked; to refuse would say that the server is not well."""
        if not self._budget.admits(_ANYBODY, time.monotonic(), SHARE_OF_WATCHING):
            await asyncio.sleep(PENALTY)

    async def _serve(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        status = 500
        try:
            caller = request[_CALLER] or NOBODY
            spend = partial(self._budget.spend, caller.name)
            response = await Timed(self._response(operation, request), spend)
            status = response.status
        except Problem as problem:
            status = problem.status
            raise
        except web.HTTPException as error:
            status = error.status
            raise
        except asyncio.CancelledError:
            # Whoever listens to a stream leaves when he likes, or the server stops.
            status = 200
            raise
        except Exception as error:
            # Outside what is charged: to format a traceback must not cost others their turn.
            _log.exception("web_request_failed", operation=operation.name)
            raise Problem("internal-error") from error
        finally:
            self.served[operation.name, status] += 1
        return response

    async def _response(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        await self._admit(operation, request[_CALLER])
        with self._place(operation, request):
            return await self._answered(operation, request)

    async def _answered(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        try:
            answer = await self._answer(operation, request)
        except DfksError as error:
            raise problem_of(error) from error
        if isinstance(answer, Streamed):
            try:
                return await self._streams.send(answer, request, partial(self._may_still, request))
            except DfksError as error:
                _log.warning("web_stream_broken", operation=operation.name, reason=error.message)
                raise problem_of(error) from error
        if answer.body is None:
            return web.Response(status=answer.status, headers=answer.headers)
        language, is_made = language_asked(request), isinstance(answer.body, bytes)
        body = answer.body if is_made else json_line(answer.body, language)
        headers = {} if is_made else {"Content-Type": JSON, "Content-Language": language}
        headers |= answer.headers
        return web.Response(body=body, status=answer.status, headers=headers)

    async def _admit(self, operation: Operation, caller: Caller | None) -> None:
        """Raise unless the caller may ask for this now.

        Raises:
            Problem: he asks too often, or lacks the scope.
        """
        if operation.scope is None:
            await self._slow_down()
            return
        assert caller is not None  # noqa: S101 - only public operations have none
        is_watching = operation.scope is Scope.METRICS_READ
        share = SHARE_OF_WATCHING if is_watching else SHARE
        if not self._budget.admits(caller.name, time.monotonic(), share):
            raise Problem("too-many-requests")
        if operation.scope not in caller.scopes:
            detail = phrase(
                "`{name}` lacks the scope `{scope}`",
                name=caller.name,
                scope=operation.scope.value,
            )
            raise Problem("scope-missing", detail, scope=operation.scope.value)

    def _place(self, operation: Operation, request: web.Request) -> AbstractContextManager[None]:
        """Where the answer may go on for as long as the client listens, he needs a place.

        Raises:
            Problem: on entering, there is none for him.
        """
        if not operation.streams:
            return nullcontext()
        caller = None if self._settings.tokens is None else request[_CALLER]
        return self._places.taken(request.remote or "" if caller is None else caller.name)

    async def _answer(self, operation: Operation, request: web.Request) -> Answer | Streamed:
        caller = request[_CALLER] or NOBODY
        stream = BodyStream(request.content, 0 if operation.body is None else operation.body.most)
        call = Call(
            given_of(operation, request, caller),
            await body_of(operation, request, self._operations.studies, caller.name),
            caller,
            self._operations,
            request.headers.get("Accept", ""),
            stream,
            request.content_type,
            self._door(request),
            language_asked(request),
        )
        key = call.given.get(IDEMPOTENCY_KEY.name)
        if key is None:
            connection = request.protocol
            assert isinstance(connection, Connection)  # noqa: S101 - all are
            connection.ends_with_client = operation.is_question
            try:
                return await operation.run(call)
            finally:
                connection.ends_with_client = False
        return await self._repeats.once(
            self._operations.answers,
            (caller.name, key),
            await asked_of(operation, request, stream),
            partial(operation.run, call),
        )


def _tls_of(tls: TlsFiles) -> dict[str, Any]:
    return {"ssl": tls.context, "ssl_handshake_timeout": HANDSHAKE_WITHIN}


def _check_headers(request: web.Request) -> None:
    """Raise Problem unless headers are UTF-8: aiohttp takes others, but no answer can tell of them.

    Raises:
        Problem: one is not.
    """
    for name, value in request.raw_headers:
        if not value.isascii():
            try:
                value.decode()
            except UnicodeDecodeError as error:
                detail = phrase("`{name}` is not UTF-8", name=name.decode())
                raise Problem("bad-parameter", detail) from error
