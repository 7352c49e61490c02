"""JSON-RPC by HTTP POST: `communication_type=http` of opensips-cli."""

import base64
import hmac
import ipaddress
import socket

from aiohttp import web

from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.jsonrpc import MAX_REQUEST, render, request_too_large
from dfks_rules.mi.sockets import Take, listening, nothing
from dfks_rules.mi.under_way import FINISH_WITHIN


class HttpServer:
    """Serves POST on any path under a root.

    Only `application/json` is accepted: a web page in an operator's browser can send other types to
    a loopback address without permission, but not this one. A page whose name leads here, by DNS
    rebinding, may send any: without a secret, only requests that name a loopback address are taken.
    """

    def __init__(
        self, where: tuple[str, int], root: str, secret: str | None, dispatcher: Dispatcher
    ) -> None:
        self._where = where
        self._root = root.rstrip("/")
        self._secret = secret.encode() if secret else None
        self._dispatcher = dispatcher
        self._runner: web.AppRunner | None = None
        self._sockets: list[socket.socket] = []

    @property
    def address(self) -> str:
        """E.g. `http://127.0.0.1:8888/mi`; the real port once started."""
        bound = self._runner.addresses if self._runner else []
        host, port = bound[0][:2] if bound else self._where
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{self._root or '/'}"

    async def start(self, take: Take = nothing) -> None:
        """Listen, on the sockets that are there for it, or on new ones.

        Raises:
            OSError: the address is unavailable.
        """
        app = web.Application(client_max_size=MAX_REQUEST)
        if self._root:
            app.router.add_post(self._root, self._serve)
        app.router.add_post(self._root + "/{rest:.*}", self._serve)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=FINISH_WITHIN
        )
        await runner.setup()
        self._runner = runner
        try:
            self._sockets = await listening(*self._where, take)
            for one in self._sockets:
                await web.SockSite(runner, one).start()
        except OSError:
            await self.close()
            raise

    def sockets(self) -> list[tuple[str, socket.socket]]:
        """What whoever serves next has to be given, with the name of this door."""
        return [("http", one) for one in self._sockets]

    async def close(self, *, leaves: bool = False) -> None:
        """Stop listening, and let pending requests finish; `leaves`: there is no file to leave."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
        for one in self._sockets:
            one.close()
        self._sockets.clear()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._secret is None and not _is_local(request.headers.get("Host", "localhost")):
            text = "the Host header must name a loopback address\n"
            return _closing(web.Response(status=403, text=text))
        if not self._is_allowed(request):
            headers = {"WWW-Authenticate": 'Bearer, Basic realm="dfks"'}
            return _closing(web.Response(status=401, headers=headers, text="secret required\n"))
        if request.content_type != "application/json":
            text = "Content-Type must be application/json\n"
            return _closing(web.Response(status=415, text=text))
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            reply = render([request_too_large()], is_batch=False)
            return _closing(web.Response(status=413, body=reply, content_type="application/json"))
        reply = await self._dispatcher.answer(body)
        if reply is None:
            return _closing(web.Response(status=204))
        return _closing(web.Response(body=reply, content_type="application/json"))

    def _is_allowed(self, request: web.Request) -> bool:
        if self._secret is None:
            return True
        given = _given(request).encode(errors="surrogateescape")
        return hmac.compare_digest(given, self._secret)


def _is_local(host: str) -> bool:
    """Whether a Host header names this machine, as those of tools on it do: `127.0.0.1:8888`."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    try:
        return name.lower() == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _given(request: web.Request) -> str:
    """The secret of a request: a bearer token, the password of Basic, or `secret` in its URL."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(value, validate=True).decode()
        except ValueError:
            return ""
        return text.partition(":")[2]
    # opensips-cli sends neither: its HTTP client takes no user info from a URL, and no header.
    return request.query.get("secret", "")


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response
