"""Answers in pieces, and what becomes of them when the server stops."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from operator import methodcaller
from pathlib import Path

import aiohttp
import pytest
import yarl
from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.web import server
from dfks_rules.web.audience import Ending, Filter, Listening, Present
from dfks_rules.web.caller import Scope
from dfks_rules.web.connections import Connection
from dfks_rules.web.table import Answer, Call, Operation, Reply, Streamed
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, Api, api, token_file

_TYPE = "text/plain"


def _operation(*, is_endless: bool, piece: bytes = b"piece\n") -> Operation:
    """One whose second piece comes when others have had a turn."""

    async def pieces() -> AsyncIterator[bytes]:
        yield piece
        await asyncio.sleep(3600 if is_endless else 0.2)
        yield b"end\n"

    async def run(_call: Call) -> Streamed:
        return Streamed(pieces(), _TYPE, is_endless=is_endless)

    reply = Reply(200, "Pieces.", types=(_TYPE,))
    return Operation("stream", "GET", "/v1/stream", Scope.BULK, "S.", run, (reply,))


async def _heard(web: Api, http: aiohttp.ClientSession) -> aiohttp.ClientResponse:
    """A stream that has begun."""
    response = await http.get(f"{web.url}/v1/stream")
    assert await response.content.readline() == b"piece\n"
    return response


@pytest.mark.parametrize(("is_endless", "rest"), [(True, b""), (False, b"end\n")])
async def test_what_has_an_end_is_sent_to_it_and_all_else_ends_when_the_server_stops(
    is_endless: bool, rest: bytes
) -> None:
    """At once, and as a whole: to its listener it is an end like any other."""
    table = (_operation(is_endless=is_endless),)
    async with api(MemoryOperations(), table=table) as web, aiohttp.ClientSession() as http:
        response = await _heard(web, http)
        began = asyncio.get_running_loop().time()
        await web.server.close()
        assert asyncio.get_running_loop().time() - began < server.CLOSE_TIMEOUT / 2
        assert await response.read() == rest


async def test_a_stream_that_begins_while_others_end_ends_like_them() -> None:
    """Also where the others take a moment to do so."""
    may_begin = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"piece\n"
            await asyncio.sleep(3600)
        finally:
            may_begin.set()
            await asyncio.sleep(0.2)

    async def run(call: Call) -> Streamed:
        if "late" in call.accept:
            await may_begin.wait()
        return Streamed(pieces(), _TYPE, is_endless=True)

    table = (_operation(is_endless=True)._replace(run=run),)
    async with api(MemoryOperations(), table=table) as web, aiohttp.ClientSession() as http:
        await _heard(web, http)
        late = http.get(f"{web.url}/v1/stream", headers={"Accept": "late"})
        asked = asyncio.ensure_future(late)
        await asyncio.sleep(0.1)  # Until it was read.
        await web.server.close()
        assert b"end" not in await (await asked).read()


async def test_who_does_not_read_is_not_waited_for() -> None:
    """His connection is cut."""
    table = (_operation(is_endless=True, piece=b"piece\n" + b"x" * 32_000_000),)
    async with api(MemoryOperations(), table=table) as web, aiohttp.ClientSession() as http:
        response = await _heard(web, http)
        await asyncio.sleep(0.1)  # Until the buffers are full.
        began = asyncio.get_running_loop().time()
        await web.server.close()
        assert asyncio.get_running_loop().time() - began < server.CLOSE_TIMEOUT / 2
        with pytest.raises(aiohttp.ClientError):
            await response.read()


def _listened(pieces: AsyncIterator[bytes]) -> tuple[Operation, ...]:
    """One operation that tells somebody of events."""

    async def run(call: Call) -> Streamed:
        listening = Listening(call.caller, Filter())
        return Streamed(pieces, _TYPE, is_endless=True, listening=listening)

    return (Operation("stream", "GET", "/v1/stream", Scope.BULK, "S.", run, (Reply(200, "S."),)),)


async def _gone(web: Api) -> Present:
    """Who listened, once he does no longer."""
    async with asyncio.timeout(10):
        while True:
            match web.server.listeners():
                case [one] if one.until is not None:
                    return one
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("bytes_sent", "ending"), [(1, Ending.LEFT), (32_000_000, Ending.STALLED)])
async def test_what_waits_for_a_listener_is_known_and_why_he_went(
    bytes_sent: int, ending: Ending
) -> None:
    """Whoever reads nothing is told from whoever has nothing to read."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece\n" + b"x" * bytes_sent
        await asyncio.sleep(3600)

    async with api(MemoryOperations(), table=_listened(pieces())) as web:
        async with aiohttp.ClientSession(headers={"User-Agent": "bridge/1"}) as http:
            response = await _heard(web, http)
            [one] = web.server.listeners()
            assert (one.agent, one.address, one.times) == ("bridge/1", "127.0.0.1", 1)
            if ending is Ending.STALLED:
                assert one.waiting() > bytes_sent // 2
            else:
                assert one.waiting() < 1_000
            response.close()
        gone = await _gone(web)
        assert (gone.ending, gone.waiting()) == (ending, 0)


async def test_a_listener_whose_token_is_revoked_has_not_left(tmp_path: Path) -> None:
    """Nobody looks for a fault of the network."""
    tokens = token_file(tmp_path, pbx=(ALL, ()))
    go_on = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece\n"
        await go_on.wait()
        yield b"more"

    table = _listened(pieces())
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json"), table=table) as web:
        headers = {"Authorization": f"Bearer {tokens['pbx']}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            response = await _heard(web, http)
            token_file(tmp_path, other=(ALL, ()))
            go_on.set()
            assert await response.read() == b""
        assert (await _gone(web)).ending is Ending.TOKEN


async def test_a_listener_who_can_be_told_nothing_more_has_not_left() -> None:
    """The fault is here."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece\n"
        raise StoreError("store_unavailable", "disk")

    async with api(MemoryOperations(), table=_listened(pieces())) as web:
        async with aiohttp.ClientSession() as http:
            with capture_logs(), pytest.raises(aiohttp.ClientError):
                await (await http.get(f"{web.url}/v1/stream")).read()
        assert (await _gone(web)).ending is Ending.FAILED


async def test_a_question_about_a_stream_is_no_listener() -> None:
    """HEAD."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece\n"

    async with api(MemoryOperations(), table=_listened(pieces())) as web:
        assert (await web.ask("HEAD", "/v1/stream")).status == 200
        assert web.server.listeners() == []


@pytest.mark.parametrize(("scope", "is_ended"), [(Scope.POLICIES_READ, True), (Scope.BULK, False)])
async def test_a_question_ends_when_nobody_waits_for_its_answer(
    scope: Scope, is_ended: bool
) -> None:
    """A proof may take a minute, and the next question of the same token waits for it. What
    changes something is done whether somebody waits or not.
    """
    begun, became = asyncio.Event(), asyncio.Queue[str]()

    async def run(_call: Call) -> Answer:
        begun.set()
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            became.put_nowait("ended")
            raise
        became.put_nowait("done")
        return Answer({})

    table = (Operation("ask", "POST", "/v1/ask", scope, "S.", run, (Reply(200, "It."),)),)
    async with api(MemoryOperations(), table=table) as web, aiohttp.ClientSession() as http:
        asking = asyncio.create_task(http.post(f"{web.url}/v1/ask"))
        await begun.wait()
        asking.cancel()
        async with asyncio.timeout(10):
            assert await became.get() == ("ended" if is_ended else "done")


@pytest.mark.parametrize("hang_up", [methodcaller("close"), methodcaller("abort")])
@pytest.mark.parametrize("asks", [b"GET /v1/stream", b"POST /v1/ask"])
async def test_a_client_that_hangs_up_leaves_nothing_that_holds_itself(
    asks: bytes, hang_up: Callable[[asyncio.WriteTransport], None]
) -> None:
    """What it waits for lives for long, and the collector looks at new cycles only: 25 kB each."""
    begun = asyncio.Event()

    async def stream(_call: Call) -> Streamed:
        async def pieces() -> AsyncIterator[bytes]:
            begun.set()
            yield b"piece\n"
            await asyncio.sleep(3600)

        return Streamed(pieces(), _TYPE, is_endless=True)

    async def ask(_call: Call) -> Answer:
        begun.set()
        await asyncio.sleep(3600)
        return Answer({})

    scope, replies = Scope.POLICIES_READ, (Reply(200, "It."),)
    table = (
        Operation("stream", "GET", "/v1/stream", scope, "S.", stream, replies),
        Operation("ask", "POST", "/v1/ask", scope, "S.", ask, replies),
    )
    # Other tests may have left some that are not collected yet.
    known = _connections()
    async with api(MemoryOperations(), table=table) as web:
        url = yarl.URL(web.url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(asks + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await begun.wait()
        is_freed = asyncio.Event()
        weakref.finalize(_new_connection(known), is_freed.set)
        gc.collect()
        gc.disable()
        try:
            hang_up(writer.transport)
            await asyncio.wait_for(is_freed.wait(), 10)
        finally:
            gc.enable()
        await writer.wait_closed()


def _connections() -> list[Connection]:
    return [one for one in gc.get_objects() if isinstance(one, Connection)]


def _new_connection(known: list[Connection]) -> Connection:
    [connection] = [one for one in _connections() if one not in known]
    return connection
