"""Everything that is listened on."""

import socket

import pytest

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.limits import ConnectionLimits
from tests.helpers.transports import REQUEST, Served, read, served


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
        assert server.transports.listener_for("tcp", udp) is tcp
        assert server.transports.listener_for("udp", other) is udp
        assert server.transports.listener_for("tls", udp) is None
        assert server.transports.listener_for("x\ufffd", udp) is None


async def test_another_transport_has_the_same_ip_version() -> None:
    """A socket of the other one cannot reach the peer."""
    async with served("udp:127.0.0.1", "udp:::1", "tcp:127.0.0.1") as server:
        ipv4, ipv6, tcp = server.transports.listeners
        assert server.transports.listener_for("udp", tcp) is ipv4
        assert server.transports.listener_for("tcp", ipv6) is None


async def test_another_transport_on_a_wildcard_serves_the_address_that_was_asked() -> None:
    """Its connection comes from there."""
    async with served("udp:127.0.0.2", "tcp:0.0.0.0") as server:
        udp = server.transports.listeners[0]
        tcp = server.transports.listener_for("tcp", udp)
        assert tcp is not None
        assert (str(tcp.transport), tcp.host) == ("tcp", "127.0.0.2")
