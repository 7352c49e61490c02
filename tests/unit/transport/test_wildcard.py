"""Datagrams to and from each local address."""

import socket
from collections.abc import Iterator

import pytest

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport.wildcard import WildcardSocket


def _bound(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.settimeout(10)
    return made


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request: pytest.FixtureRequest) -> Iterator[str]:
    """An address of the machine, if it has that family."""
    try:
        _bound(request.param).close()
    except OSError:
        pytest.skip("no IPv6 here")
    return request.param  # type: ignore[no-any-return]


def test_answer_comes_from_the_address_that_was_asked(host: str) -> None:
    """RFC 3581 §4. The kernel would take the address of the route."""
    with _bound("::" if ":" in host else "0.0.0.0") as bound, _bound(host) as peer:
        wildcard, port = WildcardSocket(bound), bound.getsockname()[1]
        for asked in (host,) if ":" in host else ("127.0.0.1", "127.0.0.2", "127.3.4.5"):
            peer.sendto(b"hello", (asked, port))
            data, origin = wildcard.recvfrom(65_535)
            assert (data, origin) == (b"hello", (*peer.getsockname()[:2], asked))
            flow = Flow(Listener("udp", origin[2], port), origin[:2])
            wildcard.send(flow, b"answer")
            answer, source = peer.recvfrom(65_535)
            assert (answer, source[:2]) == (b"answer", (asked, port))


def test_address_that_is_not_ours_is_an_error() -> None:
    """It was taken from the machine meanwhile: nothing is sent from another one instead."""
    with _bound("0.0.0.0") as bound, _bound("127.0.0.1") as peer:
        flow = Flow(Listener("udp", "192.0.2.1", 5060), peer.getsockname())
        with pytest.raises(OSError, match=r"."):
            WildcardSocket(bound).send(flow, b"answer")


def test_what_came_before_the_socket_was_ours_names_its_address_too() -> None:
    """A service manager has opened it, and a phone was faster than the server's start."""
    with _bound("0.0.0.0") as bound, _bound("127.0.0.1") as peer:
        peer.sendto(b"hello", ("127.0.0.2", bound.getsockname()[1]))
        assert WildcardSocket(bound).recvfrom(65_535)[1] == (*peer.getsockname(), "127.0.0.2")
