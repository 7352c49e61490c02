"""HTTP, by real sockets."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import yarl

from dfks_rules.errors import DfksError
from dfks_rules.mi.client import call, open_url
from dfks_rules.mi.http import HttpServer
from tests.helpers.mi import dispatcher, request

_JSON = {"Content-Type": "application/json"}
_SECRET = "correct horse"  # noqa: S105 - of this test only


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    """A server without a secret."""
    server = HttpServer(("127.0.0.1", 0), "/mi", None, dispatcher())
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that shows status and headers."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize("path", ["", "/", "/deeper/path"])
async def test_post_to_any_path_under_the_root_is_answered(
    server: HttpServer, http: aiohttp.ClientSession, path: str
) -> None:
    """OpenSIPS takes any."""
    async with http.post(server.address + path, data=request("which"), headers=_JSON) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert response.headers["Connection"] == "close"
        assert "which" in (await response.json())["result"]


async def test_errors_of_json_rpc_are_answered_200(
    server: HttpServer, http: aiohttp.ClientSession
) -> None:
    """Clients of OpenSIPS read the body only then."""
    for body in (b"", b"{}", b"hello", request("nonsense")):
        async with http.post(server.address, data=body, headers=_JSON) as response:
            assert response.status == 200
            assert "error" in json.loads(await response.read())


async def test_notification_is_answered_204(
    server: HttpServer, http: aiohttp.ClientSession
) -> None:
    """There is nothing to say."""
    body = b'{"jsonrpc":"2.0","method":"ps"}'
    async with http.post(server.address, data=body, headers=_JSON) as response:
        assert response.status == 204


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8888", 200),
        ("127.0.0.1:8888", 200),
        ("127.0.0.2", 200),
        ("[::1]:8888", 200),
        ("rebound.example.com", 403),
        ("rebound.example.com:8888", 403),
        ("localhost.example.com", 403),
        ("192.0.2.1:8888", 403),
        ("", 403),
    ],
)
async def test_without_a_secret_the_host_must_be_this_machine(
    server: HttpServer, http: aiohttp.ClientSession, host: str, status: int
) -> None:
    """The name of a web page may lead here by DNS, and its scripts may then send what they like."""
    headers = {**_JSON, "Host": host}
    async with http.post(server.address, data=request("which"), headers=headers) as response:
        assert response.status == status


async def test_paths_beside_the_root_and_other_methods_are_refused(
    server: HttpServer, http: aiohttp.ClientSession
) -> None:
    """Nothing else is served."""
    async with http.post(server.address + "x", data=request("ps"), headers=_JSON) as response:
        assert response.status == 404
    async with http.get(server.address) as response:
        assert response.status == 405


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_types_that_a_web_page_can_send_unasked_are_refused(
    server: HttpServer, http: aiohttp.ClientSession, content_type: str
) -> None:
    """A page in an operator's browser must not set forwards on loopback."""
    headers = {"Content-Type": content_type}
    async with http.post(server.address, data=request("ps"), headers=headers) as response:
        assert response.status == 415


async def test_body_beyond_the_limit_is_refused(
    server: HttpServer, http: aiohttp.ClientSession
) -> None:
    """What is read is bounded; the limit itself fits."""
    call_ = request("presence:cleanup")
    for size, status in ((64 * 1024, 200), (64 * 1024 + 1, 413)):
        async with http.post(server.address, data=call_.ljust(size), headers=_JSON) as response:
            assert response.status == status
            told = await response.json()
    assert told["error"]["message"] == "Request too large"
    assert told["error"]["data"] == "at most 65536 bytes"


async def test_secret_is_demanded(http: aiohttp.ClientSession) -> None:
    """Whoever reaches the port may otherwise forward anybody's calls."""
    server = HttpServer(("127.0.0.1", 0), "/", _SECRET, dispatcher())
    await server.start()
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": _SECRET}):
        async with http.post(server.address, data=request("ps"), headers=_JSON | given) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == 'Bearer, Basic realm="dfks"'
    right = open_url(server.address, secret=_SECRET)
    assert await asyncio.to_thread(call, right, "presence:cleanup", {}) == "OK"
    with pytest.raises(DfksError, match="401"):
        await asyncio.to_thread(call, open_url(server.address), "presence:cleanup", {})
    await server.close()


@pytest.mark.parametrize(
    ("credentials", "query", "status"),
    [
        (base64.b64encode(f"op:{_SECRET}".encode()).decode(), "", 200),
        (base64.b64encode(f":{_SECRET}".encode()).decode(), "", 200),
        (base64.b64encode(f"{_SECRET}:".encode()).decode(), "", 401),
        (base64.b64encode(b"\xff\xfe:").decode(), "", 401),
        ("no base64!", "", 401),
        ("", "?secret=correct%20horse", 200),
        ("", "?secret=wrong", 401),
        ("", "?secret=", 401),
        ("b3A6eA==", "?secret=correct%20horse", 401),
    ],
)
async def test_the_secret_is_a_password_or_stands_in_the_url(
    http: aiohttp.ClientSession, credentials: str, query: str, status: int
) -> None:
    """As curl and opensips-cli can send it; a wrong password is wrong whatever the URL says."""
    server = HttpServer(("127.0.0.1", 0), "/mi", _SECRET, dispatcher())
    await server.start()
    given = {"Authorization": f"Basic {credentials}"} if credentials else {}
    url = yarl.URL(f"{server.address}{query}", encoded=True)
    async with http.post(url, data=request("ps"), headers=_JSON | given) as response:
        assert response.status == status
    in_url = open_url(server.address.replace("//", "//op:correct%20horse@"))
    assert await asyncio.to_thread(call, in_url, "presence:cleanup", {}) == "OK"
    await server.close()


async def test_port_in_use_is_told() -> None:
    """The start must fail loudly."""
    first = HttpServer(("127.0.0.1", 0), "/mi", None, dispatcher())
    await first.start()
    port = int(first.address.split(":")[2].split("/")[0])
    with pytest.raises(OSError, match="in use"):
        await HttpServer(("127.0.0.1", port), "/mi", None, dispatcher()).start()
    await first.close()
    await first.close()
