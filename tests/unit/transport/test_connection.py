"""One stream on loopback; time is a number."""

import asyncio
import socket
import struct

import pytest

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.connection import AT_ONCE, MAX_KEPT, UNREAD, Connection
from dfks_rules.transport.limits import ConnectionLimits, SourceLimits
from dfks_rules.transport.rates import REFUSALS
from dfks_rules.transport.turns import PORTION
from tests.helpers.transports import REQUEST, RESPONSE, Served, served, until

_LIMITS = ConnectionLimits(idle=1000.0)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _time_left(server: Served, number: int = 1) -> float:
    """Seconds until a connection is closed; they are counted from its making."""
    connection = server.transports.connections[number]
    assert connection is not None
    return connection.deadline - _now()


async def _is_closed_after(server: Served, seconds: float) -> bool:
    """Whether every connection is closed when so much time has passed, and not a second before."""
    now, table = _now(), server.transports.connections
    table.expire(now + seconds - 1)
    await asyncio.sleep(0.01)
    if not len(table):
        return False
    table.expire(now + seconds + 1)
    await until(lambda: not len(table))
    return True


async def test_connection_that_brings_no_message_is_closed_after_10_seconds() -> None:
    """1,000 of them once stopped UDP, MI and reloads. Keep-alives and pieces do not count."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(b"\r\n\r\n")
        assert await phone.read(2) == b"\r\n"
        phone.write(REQUEST[:-1])
        await asyncio.sleep(0.01)
        assert await _is_closed_after(server, 10)
        assert await phone.rest() == b""
        assert server.count("connections_timed_out") == 1


async def test_connection_that_was_used_is_closed_when_it_is_idle() -> None:
    """By a setting: it may be the only way to a phone with a subscription."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(REQUEST)
        await server.next()
        assert await _is_closed_after(server, 1000)


async def test_keep_alive_and_notify_start_the_idle_time_anew() -> None:
    """Either shows that the phone is in use (RFC 5626 §3.5.1)."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(REQUEST)
        _, flow = await server.next()
        connection = server.transports.connections[1]
        assert connection is not None
        connection.deadline = _now() + 1
        phone.write(b"\r\n\r\n")
        await until(lambda: _time_left(server) > 900)
        connection.deadline = _now() + 1
        server.send(flow, REQUEST)
        assert _time_left(server) > 900


async def test_connection_of_ours_is_closed_when_it_is_idle() -> None:
    """It can be opened again; and its peer need not say anything first."""
    async with served("tcp:127.0.0.1") as phone, served("tcp:127.0.0.1", limits=_LIMITS) as server:
        server.send(Flow(server.listener, ("127.0.0.1", phone.port)), REQUEST)
        await phone.next()
        assert await _is_closed_after(server, 300)


async def test_message_has_30_seconds_from_its_first_byte() -> None:
    """A peer that writes a byte now and then must not hold its place."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(REQUEST)
        await server.next()
        phone.write(b"OPTIONS")
        await until(lambda: _time_left(server) <= 30)
        ends = _time_left(server) + _now()
        phone.write(b" sip:a")
        await asyncio.sleep(0.02)
        assert _time_left(server) + _now() == pytest.approx(ends)
        assert await _is_closed_after(server, 30)


async def test_a_message_that_has_arrived_whole_ends_its_30_seconds() -> None:
    """Its phone may be silent until it has something to say."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(REQUEST + REQUEST[:9])
        await server.next()
        phone.write(REQUEST[9:])
        await server.next()
        await until(lambda: _time_left(server) > 900)


async def test_each_message_has_its_own_30_seconds() -> None:
    """A proxy's writes may never end where a message does; it was cut off after 30 s."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(REQUEST + REQUEST[:9])
        await server.next()
        ends = _time_left(server) + _now()
        await asyncio.sleep(0.02)
        phone.write(REQUEST[9:] + REQUEST[:9])
        await server.next()
        assert _time_left(server) + _now() >= ends + 0.02
        assert _time_left(server) <= 30


async def test_peer_that_has_ended_its_side_gets_its_responses() -> None:
    """`nc -N` and some proxies; then the connection is closed."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        phone.write(REQUEST + REQUEST)
        phone.writer.write_eof()
        (_, flow), _ = await server.next(), await server.next()
        await until(lambda: not server.transports.is_open(flow.connection))
        server.send(flow, RESPONSE)
        server.send(flow, RESPONSE)
        assert await phone.rest() == RESPONSE * 2
        assert server.count("connections_open") == 0


async def test_peer_that_has_ended_its_side_is_sent_no_request() -> None:
    """It could not answer: the request goes to its Contact on another connection."""
    async with served("tcp:127.0.0.1") as contact, served("tcp:127.0.0.1") as server:
        phone = await server.connect()
        phone.write(REQUEST)
        phone.writer.write_eof()
        _, flow = await server.next()
        await asyncio.sleep(0.02)
        server.send(flow._replace(remote=("127.0.0.1", contact.port)), REQUEST)
        assert (await contact.next())[0] == REQUEST


async def test_a_request_to_the_address_of_a_peer_that_ended_its_side_is_undelivered() -> None:
    """A new connection is tried, to which most phones do not listen."""
    async with served("tcp:127.0.0.1") as server:
        phone = await server.connect()
        phone.write(REQUEST)
        phone.writer.write_eof()
        _, flow = await server.next()
        await until(lambda: not server.transports.is_open(flow.connection))
        server.send(flow, REQUEST)
        assert await server.lost() == REQUEST
        server.send(flow, RESPONSE)
        assert await phone.rest() == RESPONSE


async def test_peer_that_waits_for_no_response_is_closed_with() -> None:
    """Its end is our end; an unanswered request is waited for 32 s."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        for waits in (False, True):
            phone = await server.connect()
            phone.write(REQUEST)
            _, flow = await server.next()
            if not waits:
                server.send(flow, RESPONSE)
                phone.writer.write_eof()
                assert await phone.rest() == RESPONSE
        phone.writer.write_eof()
        await until(lambda: _time_left(server, 2) < 33)
        assert await _is_closed_after(server, 32)


async def test_flood_of_keep_alives_costs_little_and_comes_back_small() -> None:
    """8 MB of CRLF once cost 5.8 s, and were answered with 4 MB."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phone = await server.connect()
        for _ in range(10):
            phone.write(b"\r\n" * 50_000)
            await phone.writer.drain()
        phone.write(REQUEST)
        _, flow = await server.next()
        server.send(flow, RESPONSE)
        phone.writer.write_eof()
        answered = await phone.rest()
        assert answered.endswith(RESPONSE)
        assert len(answered) < 10_000


@pytest.mark.parametrize("connections", [1, 20])
async def test_flood_of_requests_leaves_others_their_turn(connections: int) -> None:
    """However many bring it: a portion for each let 500 connections delay everybody by 4 s."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        phones = [await server.connect() for _ in range(connections)]
        for phone in phones:
            phone.write(REQUEST * 1000)
        at_most = 0
        while server.received.qsize() < 1000 * connections:
            before = server.received.qsize()
            await asyncio.sleep(0)
            at_most = max(at_most, server.received.qsize() - before)
        assert at_most <= PORTION + AT_ONCE * connections
        # And then they are read again.
        for phone in phones:
            phone.write(REQUEST)
        await until(lambda: server.received.qsize() == 1001 * connections)


async def test_requests_of_a_peer_that_does_not_read_wait_until_it_does() -> None:
    """Each of 1,000 such connections once kept 1 MB of responses."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        answer = RESPONSE + b"x" * 9_000
        server.answer = lambda _: answer
        phone = await server.connect()
        phone.writer.transport.pause_reading()  # type: ignore[attr-defined]
        phone.write(REQUEST * 2000)
        connection = server.transports.connections[1]
        assert isinstance(connection, Connection)
        await until(lambda: connection._unread() >= UNREAD)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert connection._unread() < UNREAD + len(answer)
        assert server.received.qsize() < 2000
        phone.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await phone.read(2000 * len(answer))
        assert server.received.qsize() == 2000


async def test_lost_framing_closes_after_what_was_read_is_answered() -> None:
    """RFC 3261 §18.3: nobody knows where the next message begins."""
    async with served("tcp:127.0.0.1", limits=_LIMITS) as server:
        server.answer = lambda _: RESPONSE
        phone = await server.connect()
        phone.write(b"OPTIONS sip:a SIP/2.0\r\n\r\n")
        assert (await server.next())[0].startswith(b"OPTIONS")
        assert await phone.rest() == RESPONSE


async def test_what_waits_for_a_connection_is_bounded() -> None:
    """A peer that cannot be reached must not fill the memory."""
    async with served("tcp:127.0.0.1") as phone, served("tcp:127.0.0.1") as server:
        flow = Flow(server.listener, ("127.0.0.1", phone.port))
        for _ in range(MAX_KEPT + 3):
            server.send(flow, REQUEST)
        assert server.undelivered.empty(), "never from within send"
        for _ in range(MAX_KEPT):
            await phone.next()
        for _ in range(3):
            await server.lost()
        assert server.undelivered.empty()


@pytest.mark.parametrize("turns", range(5))
async def test_peer_that_breaks_the_connection_at_once_is_undelivered(turns: int) -> None:
    """Between the kernel's connect and ours it has no address any more; there was a traceback."""
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
    async with served("tcp:127.0.0.1") as server:
        with socket.create_server(("127.0.0.1", 0)) as phone:
            phone.setblocking(False)
            flow = Flow(server.listener, phone.getsockname())
            server.send(flow, REQUEST)
            while (accepted := _accepted(phone)) is None:  # noqa: ASYNC110 - turns are counted
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            await until(lambda: server.count("connections_open") == 0)
    assert failures == []


@pytest.mark.parametrize("is_answered", [True, False])
async def test_request_without_an_answer_is_lost_with_its_connection(is_answered: bool) -> None:
    """It waited 32 s for an answer that could not come; also of a peer that waits for one."""
    head = b"NOTIFY sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;rport;branch=z9hG4bK%d\r\n"
    async with served("tcp:127.0.0.1") as server:
        phone = await server.connect()
        phone.write(REQUEST)
        _, flow = await server.next()
        if is_answered:
            server.send(flow, RESPONSE)
            await phone.read(len(RESPONSE))
        requests = [head % number + b"Content-Length: 0\r\n\r\n" for number in range(3)]
        for request in requests:
            server.send(flow, request)
        await phone.read(3 * len(requests[0]))
        phone.write(b"SIP/2.0 200 OK" + requests[1].removeprefix(b"NOTIFY sip:a SIP/2.0"))
        await server.next()
        await phone.close()
        assert [await server.lost(), await server.lost()] == [
            requests[0],
            requests[2],
        ]
        if not is_answered:
            server.send(flow, RESPONSE)
        await until(lambda: server.count("connections_open") == 0)
        assert server.undelivered.empty()


def _accepted(phone: socket.socket) -> socket.socket | None:
    try:
        return phone.accept()[0]
    except BlockingIOError:
        return None


async def test_peers_that_vanish_are_found_by_the_kernel() -> None:
    """A phone that was unplugged closes nothing."""
    async with served("tcp:127.0.0.1") as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            await until(lambda: server.count("connections_open") == 1)
            connection = server.transports.connections[1]
            await until(lambda: connection is not None and connection.is_open)
            stream = connection._transport.get_extra_info("socket")  # type: ignore[union-attr]
            assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 110
            assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 32_000


async def test_requests_over_the_rate_of_their_source_are_refused_or_wait() -> None:
    """None is lost: there is nobody to repeat it. Over all connections of the source together."""
    sources = SourceLimits(20)
    async with served("tcp:127.0.0.1", limits=_LIMITS, sources=sources) as server:
        phones = [await server.connect() for _ in range(4)]
        for phone in phones:
            phone.write(REQUEST * 10)
        other = await server.connect("127.0.0.2")
        other.write(REQUEST)
        await until(lambda: server.received.qsize() + server.refused.qsize() == 41)
        assert 21 <= server.received.qsize() <= 36
        assert server.count("rate_refused") == server.refused.qsize() >= REFUSALS
        assert server.count("rate_delayed") > 0
        assert server.count("rate_dropped") == 0


async def test_responses_that_were_asked_for_are_not_over_the_rate() -> None:
    """A site answers as many NOTIFYs as it is sent."""
    async with served("tcp:127.0.0.1", limits=_LIMITS, sources=SourceLimits(5)) as server:
        phone = await server.connect()
        phone.write(REQUEST)
        _, flow = await server.next()
        for _ in range(100):
            server.send(flow, REQUEST)
        phone.write(RESPONSE * 100)
        for _ in range(100):
            assert (await server.next())[0] == RESPONSE
        assert server.count("rate_delayed") == 0
