"""Clients of the HTTP API that are far too many, while phones are served."""

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dfks_rules.web.client import ApiClient
from dfks_rules.web.connections import MOST, MOST_OF_ADDRESS
from dfks_rules.web.server import MOST_STREAMS
from tests.helpers.server import Server, serve
from tests.helpers.ua import Ua, dnd
from tests.helpers.web import api_url

pytestmark = pytest.mark.e2e
_HEAD = b"GET /v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n"
_MORE = 100


def _connected(url: str, opened: ExitStack, sent: bytes, host: int = 1) -> socket.socket:
    """A connection from 127.0.0.`host` on which this was sent, and nothing is read."""
    found = urlsplit(url)
    where, source = (found.hostname, found.port), (f"127.0.0.{host}", 0)
    one = opened.enter_context(socket.create_connection(where, 10, source))
    one.sendall(sent)
    return one


def _status(one: socket.socket) -> int:
    """The status of the first answer."""
    text = b""
    while b"\r\n" not in text:
        piece = one.recv(4096)
        assert piece, "closed without an answer"
        text += piece
    return int(text.split()[1])


async def _counts(url: str) -> dict[str, int]:
    async with ApiClient(url) as client:
        found = await client.ask("GET", "/v1/statistics")
    return {name: value for name, value in found.items() if name.startswith("web:")}


def _press(server: Server) -> None:
    """A phone sets a feature, and is told."""
    with Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        assert phone.subscribe(dnd(True)).told["DoNotDisturb"] == "on"


def test_listeners_that_never_read_cost_others_nothing(tmp_path: Path) -> None:
    """So many may listen; the next ones are told so, and phones and other requests are served."""
    most = MOST_STREAMS // 4
    http = {"listen": "127.0.0.1:0", "streams_per_token": most}
    config = {"store": f"sqlite:{tmp_path / 'dfks.db'}", "http": http}
    with serve(tmp_path, config) as server, ExitStack() as opened:
        url = api_url(server)
        head = _HEAD + b"\r\n"
        deaf = [_connected(url, opened, head, host) for host in range(1, 5) for _ in range(most)]
        assert {_status(one) for one in deaf} == {200}
        assert _status(_connected(url, opened, head)) == 429
        assert _status(_connected(url, opened, head, 5)) == 503
        _press(server)
        counts = asyncio.run(_counts(url))
        assert (counts["web:streams"], counts["web:streams_refused"]) == (MOST_STREAMS, 1)
        assert counts["web:streams_refused_token"] == 1


def test_connections_that_say_nothing_are_bounded(tmp_path: Path) -> None:
    """Phones are served meanwhile, and once some have gone, so is everybody else."""
    config = {"http": {"listen": "127.0.0.1:0"}}
    with serve(tmp_path, config) as server:
        url = api_url(server)
        with ExitStack() as opened:
            some = [_connected(url, opened, _HEAD) for _ in range(MOST_OF_ADDRESS)]
            assert _status(_connected(url, opened, _HEAD)) == 503
            more = MOST - MOST_OF_ADDRESS + _MORE
            some += [_connected(url, opened, _HEAD, 2) for _ in range(more)]
            # The kernel hands them over in their order.
            assert {_status(one) for one in some[MOST:]} == {503}
            _press(server)
        counts = asyncio.run(_counts(url))
        assert counts["web:connections_refused"] == _MORE + 1
        assert counts["web:connections"] < 10
