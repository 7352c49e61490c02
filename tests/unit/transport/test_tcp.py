"""TCP on loopback."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.tcp import TcpTransport

_MESSAGE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"


class _Served:
    """A transport that keeps what it received."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.tcp = TcpTransport(lambda data, flow: self.received.put_nowait((data, flow)))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Be a phone."""
        return await asyncio.open_connection("127.0.0.1", self.tcp.listener.port)

    async def next(self) -> tuple[bytes, Flow]:
        """What was received next."""
        async with asyncio.timeout(10):
            return await self.received.get()


@pytest.fixture
async def served() -> AsyncIterator[_Served]:
    """A transport that listens."""
    one = _Served()
    await one.tcp.start("127.0.0.1", 0, str)
    yield one
    await one.tcp.close()


async def test_answers_go_back_on_the_connection_of_the_request(served: _Served) -> None:
    """Most phones cannot be connected to. A message may come in pieces."""
    reader, writer = await served.connect()
    writer.write(_MESSAGE[:20])
    await writer.drain()
    writer.write(_MESSAGE[20:] + _MESSAGE)
    for _ in range(2):
        data, flow = await served.next()
        assert data == _MESSAGE
        served.tcp.send(flow, b"answer")
    assert flow.remote == writer.get_extra_info("sockname")
    async with asyncio.timeout(10):
        assert await reader.readexactly(12) == b"answeranswer"
    writer.close()


async def test_keep_alives_are_answered(served: _Served) -> None:
    """RFC 5626 §3.5.1: a phone that gets no pong opens another connection."""
    reader, writer = await served.connect()
    writer.write(b"\r\n\r\n")
    async with asyncio.timeout(10):
        assert await reader.readexactly(2) == b"\r\n"
    writer.close()


async def test_connection_is_closed_when_the_framing_is_lost(served: _Served) -> None:
    """RFC 3261 §18.3: what was read is handed up first, so that it can be answered."""
    reader, writer = await served.connect()
    writer.write(b"OPTIONS sip:a SIP/2.0\r\n\r\n")
    assert (await served.next())[0].startswith(b"OPTIONS")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_connection_that_has_ended_is_opened_again(served: _Served) -> None:
    """RFC 3261 §18.2.2; the answer comes back on the new one."""
    phone = _Served()
    await phone.tcp.start("127.0.0.1", 0, str)
    flow = Flow(served.tcp.listener, ("127.0.0.1", phone.tcp.listener.port), connection=999)
    served.tcp.send(flow, _MESSAGE)
    data, back = await phone.next()
    phone.tcp.send(back, _MESSAGE)
    assert (data, (await served.next())[0]) == (_MESSAGE, _MESSAGE)
    await phone.tcp.close()


async def test_close_sends_what_was_written(served: _Served) -> None:
    """The last NOTIFY of a server that stops."""
    reader, writer = await served.connect()
    writer.write(_MESSAGE)
    _, flow = await served.next()
    served.tcp.send(flow, b"last")
    await served.tcp.close()
    async with asyncio.timeout(10):
        assert await reader.read() == b"last"
    writer.close()
