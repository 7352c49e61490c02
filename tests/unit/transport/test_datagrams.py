"""Datagrams by C and by Python: the same to whoever serves them."""

import errno
import socket
import time
from collections import deque
from collections.abc import Iterator

import pytest

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.transport import datagrams
from dfks_rules.transport.datagrams import (
    Datagrams,
    NativeDatagrams,
    Origin,
    PythonDatagrams,
    datagrams_of,
)
from dfks_rules.transport.icmp import keep_errors, take_errors

KINDS = [
    PythonDatagrams,
    pytest.param(
        NativeDatagrams,
        marks=pytest.mark.skipif(not datagrams.IS_COMPILED, reason="C was not compiled"),
    ),
]
Kind = type[NativeDatagrams] | type[PythonDatagrams]
pytestmark = pytest.mark.parametrize("kind", KINDS)


def _bound(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.settimeout(0)
    return made


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request: pytest.FixtureRequest) -> Iterator[str]:
    """An address of the machine, if it has that family."""
    try:
        _bound(request.param).close()
    except OSError:
        pytest.skip("no IPv6 here")
    return request.param  # type: ignore[no-any-return]


def _received(one: Datagrams, most: int = 10) -> list[tuple[bytes, Origin]]:
    received: deque[tuple[bytes, Origin]] = deque()
    one.receive(most, received)
    return list(received)


def test_datagrams_are_read_in_order_and_answered(kind: Kind, host: str) -> None:
    """At most as many as are asked for; the others wait."""
    with _bound(host) as bound, _bound(host) as peer:
        peer.settimeout(10)
        one = kind(bound, is_wildcard=False)
        assert _received(one) == []
        sent = [b"", b"a", b"b" * 60_000, b"\0", b"c"]
        for data in sent:
            peer.sendto(data, bound.getsockname())
        got = [*_received(one, 2), *_received(one)]
        assert [data for data, _ in got] == sent
        remote, local = one.ends_of(got[0][1])
        assert (remote, local) == (peer.getsockname()[:2], "")
        assert len({origin for _, origin in got}) == 1
        one.send(Flow(Listener("udp", host, 5060), remote), b"answer")
        assert peer.recvfrom(100)[0] == b"answer"


def test_wildcard_knows_which_address_was_asked(kind: Kind, host: str) -> None:
    """And answers from it, also what came before the socket was ours (RFC 3581 §4)."""
    everywhere = "::" if ":" in host else "0.0.0.0"
    for asked in (host,) if ":" in host else ("127.0.0.1", "127.0.0.2", "127.3.4.5"):
        with _bound(everywhere) as bound, _bound(host) as peer:
            peer.settimeout(10)
            target = asked, bound.getsockname()[1]
            peer.sendto(b"early", target)
            one = kind(bound, is_wildcard=True)
            peer.sendto(b"hello", target)
            got = _received(one)
            assert [data for data, _ in got] == [b"early", b"hello"]
            for _, origin in got:
                remote, local = one.ends_of(origin)
                assert (remote, local) == (peer.getsockname()[:2], asked)
            one.send(Flow(Listener("udp", asked, 5060), remote), b"answer")
            assert peer.recvfrom(100)[1][:2] == target


def test_error_of_an_earlier_datagram_is_told_once(kind: Kind) -> None:
    """What came before it was read, what comes after it is."""
    with _bound("127.0.0.1") as bound, _bound("127.0.0.1") as peer:
        keep_errors(bound)
        one = kind(bound, is_wildcard=False)
        with _bound("127.0.0.1") as gone:
            nobody = gone.getsockname()
        listener = Listener("udp", "127.0.0.1", 5060)
        one.send(Flow(listener, nobody), b"NOTIFY")
        peer.sendto(b"hello", bound.getsockname())
        with pytest.raises(OSError, match="refused") as caught:
            _received(one)
        assert caught.value.errno == errno.ECONNREFUSED
        assert list(take_errors(bound)) == [b"NOTIFY"]
        assert [data for data, _ in _received(one)] == [b"hello"]


@pytest.mark.parametrize(
    ("remote", "error"),
    [
        (("127.0.0.1", 65_536), OverflowError),
        (("127.0.0.1", 0), OSError),
        (("2001:db8::1", 5060), OSError),
        (("255.255.255.255", 5060), PermissionError),
    ],
)
def test_what_cannot_be_sent_is_an_error(
    kind: Kind, remote: tuple[str, int], error: type[Exception]
) -> None:
    """The transport counts it."""
    with _bound("127.0.0.1") as bound:
        one = kind(bound, is_wildcard=False)
        with pytest.raises(error):
            one.send(Flow(Listener("udp", "127.0.0.1", 5060), remote), b"x")


def test_what_is_too_long_or_of_a_foreign_address_is_an_error(kind: Kind) -> None:
    """Nothing is sent from another address instead of one that was taken from the machine."""
    with _bound("0.0.0.0") as bound, _bound("127.0.0.1") as peer:
        one = kind(bound, is_wildcard=True)
        flow = Flow(Listener("udp", "127.0.0.1", 5060), peer.getsockname())
        with pytest.raises(OSError, match="too long"):
            one.send(flow, b"x" * 65_536)
        with pytest.raises(OSError, match=r"."):
            one.send(flow._replace(listener=Listener("udp", "192.0.2.1", 5060)), b"x")


def test_closed_socket_is_an_error(kind: Kind) -> None:
    """Its number may be that of another file by now."""
    bound = _bound("127.0.0.1")
    one = kind(bound, is_wildcard=False)
    bound.close()
    with pytest.raises(OSError, match="descriptor"):
        one.send(Flow(Listener("udp", "127.0.0.1", 5060), ("127.0.0.1", 5060)), b"x")
    with pytest.raises(OSError, match="descriptor"):
        _received(one)


def test_peers_that_are_remembered_are_bounded(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner has many ports."""
    monkeypatch.setattr(datagrams, "MAX_REMOTES", 3)
    with _bound("127.0.0.1") as bound:
        keep_errors(bound)
        one = kind(bound, is_wildcard=False)
        listener = Listener("udp", "127.0.0.1", 5060)
        for port in range(2, 9):
            try:
                one.send(Flow(listener, ("127.0.0.1", port)), b"x")
            except OSError:
                assert list(take_errors(bound))
        assert len(getattr(one, "_remotes", ())) <= 3


def test_c_is_used_where_it_was_compiled(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """And Python where it was not."""
    monkeypatch.setattr(datagrams, "IS_COMPILED", kind is NativeDatagrams)
    with _bound("127.0.0.1") as bound:
        assert type(datagrams_of(bound, is_wildcard=False)) is kind
        before = time.monotonic()
        assert _received(datagrams_of(bound, is_wildcard=False)) == []
        assert time.monotonic() - before < 5
