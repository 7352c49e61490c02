"""Everything that is listened on."""

import asyncio
import socket

import pytest

from dfks_rules.sip.flow import Flow, Hop, TransportName
from dfks_rules.transport.inherited import Inherited, Passed
from dfks_rules.transport.limits import ConnectionLimits
from tests.helpers.transports import REQUEST, WITHIN, Served, read, served, until


async def test_what_is_sent_goes_by_the_transport_of_its_flow() -> None:
    """The listener of a flow says which."""
    async with served("udp:127.0.0.1", "tcp:127.0.0.1") as server:
        udp, tcp = server.transports.listeners
        assert (udp.transport, tcp.transport) == ("udp", "tcp")
        async with served("udp:127.0.0.1", "tcp:127.0.0.1") as phone:
            for ours, theirs in zip((udp, tcp), phone.transports.listeners, strict=True):
                server.send(Flow(ours, ("127.0.0.1", theirs.port)), REQUEST)
                data, flow = await phone.next()
                assert (data, flow.listener) == (REQUEST, theirs)
        counts = server.transports.counts
        assert (counts["datagrams_sent"], counts["messages_sent"]) == (1, 1)


async def test_the_peer_of_a_stream_is_known_where_its_name_was_written() -> None:
    """A Contact may name a host; a trace shows the address that messages go to."""
    async with served("tcp:127.0.0.1") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as phone:
            phone.sendall(REQUEST)
            _, flow = await server.next()
            named = flow._replace(remote=("phone.example.com", 5060))
            assert server.transports.way_of(named).remote == phone.getsockname()
            assert server.transports.way_of(named._replace(connection=0)).remote == named.remote
            gone = named._replace(connection=99)
            assert server.transports.way_of(gone) is gone


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_address_that_cannot_be_listened_on_is_named(transport: str) -> None:
    """One of sixteen; else a second server would start and hear nothing."""
    async with served(f"{transport}:127.0.0.1") as first:
        second = Served(ConnectionLimits())
        where = (transport, "127.0.0.1", first.port)
        with pytest.raises(OSError, match="in use") as caught:
            await second.start([("udp", "127.0.0.1", 0), where])
        assert caught.value.filename == f"{transport}:127.0.0.1:{first.port}"
        assert caught.value.strerror == "Address already in use"
        await second.transports.close()


@pytest.mark.parametrize("host", ["a..b", "nobody.invalid"])
async def test_name_that_cannot_be_listened_on_is_named(host: str) -> None:
    """Whatever is wrong with it."""
    second = Served(ConnectionLimits())
    with pytest.raises(OSError, match=host.replace(".", r"\.")) as caught:
        await second.start([("tcp", host, 5060)])
    assert caught.value.filename == f"tcp:{host}:5060"
    await second.transports.close()


async def test_name_stands_for_its_ipv4_address() -> None:
    """`udp:localhost:5060` was a traceback."""
    async with served("udp:localhost", "tcp:localhost") as server:
        assert [listener.host for listener in server.transports.listeners] == ["127.0.0.1"] * 2


async def test_close_can_be_called_twice() -> None:
    """A start that failed is closed by whoever called it, and so is a server."""
    async with served("udp:127.0.0.1", "tcp:127.0.0.1") as server:
        await server.transports.close()


async def test_what_comes_after_a_pause_is_for_whoever_serves_next() -> None:
    """Of the same sockets; what was read before is worked on, and can be answered."""
    async with served("udp:127.0.0.1", "tcp:127.0.0.1") as first:
        first.answer = bytes.upper
        ports = [listener.port for listener in first.transports.listeners]
        copies = [Passed(name, one.dup()) for name, one in first.transports.sockets()]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.setblocking(False)
            phone.sendto(b"before", ("127.0.0.1", ports[0]))
            await first.next()
            first.transports.pause()
            await until(lambda: first.transports.is_calm)
            assert await read(phone) == (b"BEFORE", ("127.0.0.1", ports[0]))
            phone.sendto(b"after", ("127.0.0.1", ports[0]))
            opening = asyncio.open_connection("127.0.0.1", ports[1])
            _, writer = await opening  # By the kernel.
            writer.write(REQUEST)
            second = Served(ConnectionLimits())
            where = [("udp", "127.0.0.1", 0), ("tcp", "127.0.0.1", 0)]
            await second.transports.open(where, Inherited(copies))
            second.serve()
            assert [listener.port for listener in second.transports.listeners] == ports
            assert {(await second.next())[0] for _ in range(2)} == {b"after", REQUEST}
            assert first.received.empty()
            writer.close()
            await second.transports.close()


async def test_advertised_host_stands_in_every_listener() -> None:
    """Behind NAT or a load balancer no local address is of use to phones."""
    async with served("udp:0.0.0.0", advertise="sip.example.com:5070") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.setblocking(False)
            phone.sendto(REQUEST, ("127.0.0.2", server.port))
            _, flow = await server.next()
            assert flow.listener.contact == b"Contact: <sip:sip.example.com:5070>\r\n"
            server.send(flow, b"answer")
            assert await read(phone) == (b"answer", ("127.0.0.2", server.port))


async def test_another_transport_is_found_at_the_same_address() -> None:
    """For a Contact with `transport=tcp` in a SUBSCRIBE over UDP."""
    async with served("udp:127.0.0.2", "tcp:127.0.0.1", "tcp:127.0.0.2") as server:
        udp, other, tcp = server.transports.listeners
        find = server.transports.listener_for
        assert find("tcp", "127.0.0.9", udp) is tcp
        assert find("udp", "127.0.0.9", other) is udp
        assert find("tls", "127.0.0.9", udp) is None
        assert find("x\ufffd", "127.0.0.9", udp) is None


async def test_a_listener_is_found_again_by_its_address() -> None:
    """A restart knows where a phone came in; the settings may have changed since."""
    async with served("udp:127.0.0.2", "tcp:0.0.0.0") as server:
        udp, tcp = server.transports.listeners
        find = server.transports.listener_at
        assert find("udp", "127.0.0.2", udp.port) is udp
        assert find("udp", "127.0.0.3", udp.port) is None
        assert find("tls", "127.0.0.2", udp.port) is None
        assert find("udp", "127.0.0.2", 1) is None
        found = find("tcp", "127.0.0.5", tcp.port)
        assert found is not None
        assert (found.transport.value, found.host) == ("tcp", "127.0.0.5")


async def test_listener_has_the_ip_version_of_the_peer() -> None:
    """A socket of the other one cannot reach it."""
    async with served("udp:127.0.0.1", "udp:::1", "tcp:127.0.0.1") as server:
        ipv4, ipv6, tcp = server.transports.listeners
        assert server.transports.listener_for("udp", "127.0.0.9", tcp) is ipv4
        assert server.transports.listener_for("udp", "::9", tcp) is ipv6
        assert server.transports.listener_for("tcp", "::9", ipv6) is None


async def test_another_transport_on_a_wildcard_serves_the_address_that_was_asked() -> None:
    """Its connection comes from there."""
    async with served("udp:127.0.0.2", "tcp:0.0.0.0") as server:
        udp = server.transports.listeners[0]
        tcp = server.transports.listener_for("tcp", "127.0.0.9", udp)
        assert tcp is not None
        assert (str(tcp.transport), tcp.host) == ("tcp", "127.0.0.2")


async def test_wildcard_of_the_other_ip_version_sends_from_an_address_that_it_has() -> None:
    """The address that was asked is none of them."""
    async with served("udp:0.0.0.0", "udp:::") as server:
        near = server.transports.listeners[0]
        there = server.transports.listener_for("udp", "::1", near)
        assert there is not None
        assert there.host == "::1"


async def test_what_can_be_sent_over_begins_with_what_the_phone_asked() -> None:
    """Its transport, and its IP version (RFC 3263 §4.1 leaves the order to us)."""
    async with served("tcp:::1", "udp:127.0.0.1", "udp:::1", "udp:127.0.0.2") as server:
        tcp, ipv4, ipv6, _ = server.transports.listeners
        offered = server.transports._offered
        assert list(offered(tcp).items()) == [("tcp", ["AAAA"]), ("udp", ["AAAA", "A"])]
        assert list(offered(ipv4).items()) == [("udp", ["A", "AAAA"]), ("tcp", ["AAAA"])]
        assert offered(ipv6)[ipv6.transport] == ["AAAA", "A"]


async def test_hop_leads_to_flows_of_the_listeners() -> None:
    """`localhost` needs no DNS."""
    async with served("udp:127.0.0.1", "tcp:127.0.0.1") as server:
        udp, tcp = server.transports.listeners
        for transport, listener in ((None, udp), (TransportName.TCP, tcp)):
            hop = Hop("localhost", None, transport, may_be_here=True)
            server.transports.locate(b"z", Flow(udp, ("localhost", 5060), 0, hop))
            async with asyncio.timeout(WITHIN):
                assert await server.located.get() == (
                    b"z",
                    (Flow(listener, ("127.0.0.1", 5060)),),
                )
        server.transports.avoid(Flow(udp, ("127.0.0.1", 5060)), 0.0)
        assert server.count("hops_refused") == 0


async def test_stream_is_open_until_it_has_ended() -> None:
    """A phone with an outbound proxy is told there afterwards."""
    async with served("tcp:127.0.0.1") as server:
        peer = await server.connect()
        peer.write(REQUEST)
        _, flow = await server.next()
        assert server.transports.is_open(flow.connection)
        await peer.close()
        await until(lambda: not server.transports.is_open(flow.connection))
