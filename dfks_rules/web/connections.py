"""Connections of clients: so many, and none that holds up the server by being slow.

aiohttp bounds the head of a request (8 KiB a line, 128 lines), and how many requests one client may
send before it reads answers. What it does not bound is here.
"""

import asyncio
import fcntl
import sys
import termios
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from dfks_rules.errors import ConfigError
from dfks_rules.sip.host import network_of
from dfks_rules.web.problem import CONTENT_TYPE, Problem
from dfks_rules.web.table import json_line
from dfks_rules.web.tls import TlsFiles

MOST = 500
"""Connections at a time, streams included."""
MOST_OF_ADDRESS = 400
"""The same from one address (IPv6: one /64): nobody outside keeps everybody else out, and a proxy
has enough."""
HEAD_WITHIN = 10.0
"""Seconds that a new connection has to send the head of its first request."""
KEEP_ALIVE = 75.0
"""Seconds for which a connection may be idle, or take for the head of a further request."""
STALLED = 60.0
"""Seconds after which a client that reads nothing of what it asked for is cut off."""
ALWAYS = {
    "Server": "dfks-rules",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Language",
}
"""What responses say unless they say otherwise: the name of the server, to which aiohttp would add
its version and that of Python; and what keeps answers from being read by whoever uses the same
browser or proxy next, and by pages of others."""

_log = structlog.get_logger("dfks.web")


class Connections:
    """Makes what serves each connection; give it to `loop.create_server`."""

    def __init__(
        self, server: web.Server, counts: Counter[str], tls: TlsFiles | None = None
    ) -> None:
        """There are none.

        Args:
            server: what requests are passed to.
            counts: `connections_refused`, `connections_cut`, `requests_malformed`.
            tls: the certificate; None: there is none.
        """
        self._server = server
        self._counts = counts
        self._tls = tls
        self._held: Counter[str] = Counter()

    def __call__(self) -> asyncio.Protocol:
        """What serves a new connection, of which nothing is agreed on yet."""
        if self._tls is not None:
            try:
                self._tls.look_again()
            except ConfigError as error:
                _log.warning("web_certificate_unusable", reason=error.message)
        return Connection(self._server, self._counts, self._held)


class Connection(RequestHandler):
    """One connection, which is cut when its client takes too long."""

    def __init__(self, server: web.Server, counts: Counter[str], held: Counter[str]) -> None:
        """Nobody is connected yet.

        Args:
            server: what requests are passed to.
            counts: as those of `Connections`.
            held: address → its connections.
        """
        loop = asyncio.get_running_loop()
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # None is what switches it off
            keepalive_timeout=KEEP_ALIVE,
            auto_decompress=False,
        )
        self._server = server
        self._counts = counts
        self._held = held
        self._address = ""
        self._timer: asyncio.TimerHandle | None = None
        self.ends_with_client = False
        """Whether what is under way ends when the client goes: streams, and questions that another
        process answers. Anything else is done whether he waits or not."""
        self.is_stalled = False
        """Whether the client does not read what he is sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has so long for its first head; one too many is told so."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is a stream
        # Not before: many can have been accepted in one turn of the loop.
        host, *_ = transport.get_extra_info("peername") or ("",)
        address = network_of(host)
        if len(self._server.connections) >= MOST or self._held[address] >= MOST_OF_ADDRESS:
            self._counts["connections_refused"] += 1
            transport.set_protocol(asyncio.Protocol())
            problem = Problem("too-many-connections")
            transport.write(_raw(problem.status, problem.headers, json_line(problem.body)))
            transport.close()
            return
        self._address = address
        self._held[address] += 1
        super().connection_made(transport)
        self._timer = self._loop.call_later(HEAD_WITHIN, self._has_no_head)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody reads what is still streamed, nor the answer to a question."""
        self._rest()
        self._held[self._address] -= 1
        if not self._held[self._address]:
            del self._held[self._address]
        task = self._task_handler if self.ends_with_client else None
        # asyncio's transport holds a method of its own, and the collector looks at new cycles only.
        getattr(self.transport, "__dict__", {}).pop("_read_ready_cb", None)
        super().connection_lost(exc)
        if task is not None:
            task.cancel()

    def pause_writing(self) -> None:
        """The client does not read: it has so long to go on."""
        super().pause_writing()
        self.is_stalled = True
        self._rest()
        self._timer = self._loop.call_later(STALLED, self._cut)

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        self.is_stalled = False
        self._rest()

    @property
    def waiting(self) -> int:
        """Bytes that were written, here and in the kernel, and that have not arrived."""
        transport = self.transport
        if not isinstance(transport, asyncio.Transport):
            return 0
        there = b""
        with suppress(OSError):
            number = transport.get_extra_info("socket").fileno()
            there = fcntl.ioctl(number, termios.TIOCOUTQ, bytes(4))
        return transport.get_write_buffer_size() + int.from_bytes(there, sys.byteorder)

    def abort(self) -> None:
        """Cut it: what is written and not read is lost."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """What is no HTTP in the middle of a body ends it: whoever waits for the rest is told."""
        super().data_received(data)
        request = self._current_request
        if request is None or not self._messages or request.content.is_eof():
            return
        message, _ = self._messages[-1]
        if not isinstance(message, RawRequestMessage):
            request.content.set_exception(aiohttp.ClientPayloadError())
            # Nothing more of it is waited for, either.
            request.content.feed_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP is told as a problem, and logged by nobody: it is the client's."""
        self._counts["requests_malformed"] += 1
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        problem = Problem("bad-request" if status < 500 else "internal-error")
        headers = {"Content-Type": CONTENT_TYPE, **ALWAYS, **problem.headers}
        body: Any = json_line(problem.body)
        response = web.Response(body=body, status=problem.status, headers=headers)
        response.force_close()
        return response

    def _has_no_head(self) -> None:
        if self._request_count == 0 and not self._request_in_progress:
            self._cut()

    def _cut(self) -> None:
        self._counts["connections_cut"] += 1
        self.abort()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def complete(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Add to a response what all say."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = ALWAYS["Server"]


def _raw(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    told = {
        "Content-Type": CONTENT_TYPE,
        "Content-Length": f"{len(body)}",
        **ALWAYS,
        "Connection": "close",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Service Unavailable\r\n{lines}\r\n".encode() + body
