"""Sockets that somebody else has opened."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfks_rules.transport import inherited as room
from dfks_rules.transport.inherited import CHANNEL, Inherited, Passed, inherited

Bind = Callable[..., socket.socket]


@pytest.fixture
def bind() -> Iterator[Bind]:
    """Binds sockets, and closes them."""
    made = []

    def one(kind: socket.SocketKind, host: str = "127.0.0.1") -> socket.socket:
        made.append(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
        made[-1].bind((host, 0))
        return made[-1]

    yield one
    for each in made:
        each.close()


def test_socket_is_found_by_its_type_and_address(bind: Bind) -> None:
    """Systemd's own names say nothing: by default they are that of the unit."""
    udp, tcp = bind(socket.SOCK_DGRAM), bind(socket.SOCK_STREAM)
    passed = Inherited([Passed("dfks.socket", udp), Passed("dfks.socket", tcp)])
    port = tcp.getsockname()[1]
    assert passed.take("tcp", ("127.0.0.2", port), socket.SOCK_STREAM) is None
    assert passed.take("tcp", ("127.0.0.1", port + 1), socket.SOCK_STREAM) is None
    assert passed.take("tcp", ("127.0.0.1", port), socket.SOCK_STREAM) is tcp
    assert passed.take("tcp", ("127.0.0.1", port), socket.SOCK_STREAM) is None
    assert passed.take("udp", ("127.0.0.1", 0), socket.SOCK_DGRAM) is udp


def test_socket_that_is_put_waits_like_those_that_were_passed(bind: Bind) -> None:
    """It is opened before there is a server to take it."""
    http, passed = bind(socket.SOCK_STREAM), Inherited()
    passed.put("http", http)
    where = http.getsockname()
    assert passed.take("tcp", where, socket.SOCK_STREAM) is None
    assert passed.take("http", where, socket.SOCK_STREAM) is http
    assert passed.close() == []


def test_name_of_a_door_tells_sockets_apart(bind: Bind) -> None:
    """Of `tcp` and `tls` on any free ports each gets its own."""
    tcp, tls = bind(socket.SOCK_STREAM), bind(socket.SOCK_STREAM)
    passed = Inherited([Passed("tcp", tcp), Passed("tls", tls)])
    assert passed.take("tls", ("127.0.0.1", 0), socket.SOCK_STREAM) is tls
    assert passed.take("tcp", ("127.0.0.1", 0), socket.SOCK_STREAM) is tcp


def test_unix_socket_is_found_by_its_path(tmp_path: Path) -> None:
    """Of MI's datagrams."""
    path = tmp_path / "mi"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix:
        unix.bind(str(path))
        passed = Inherited([Passed("", unix)])
        assert passed.take("datagram", tmp_path / "other", socket.SOCK_DGRAM) is None
        assert passed.take("datagram", path, socket.SOCK_DGRAM) is unix


def test_socket_of_both_families_is_refused(bind: Bind) -> None:
    """Systemd makes those of `ListenDatagram=5060`; policies would meet `::ffff:192.0.2.1`."""
    try:
        six = bind(socket.SOCK_DGRAM, "::")
    except OSError:
        pytest.skip("no IPv6 here")
    if six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        pytest.skip("this machine makes no such sockets")
    with pytest.raises(OSError, match="BindIPv6Only=ipv6-only") as caught:
        Inherited([Passed("", six)]).take("udp", ("::", 0), socket.SOCK_DGRAM)
    assert caught.value.filename == f"udp:[::]:{six.getsockname()[1]}"


def test_what_nobody_took_is_closed_and_named(bind: Bind) -> None:
    """So that whoever passed it learns."""
    udp, tcp = bind(socket.SOCK_DGRAM), bind(socket.SOCK_STREAM)
    names = [f"udp:127.0.0.1:{udp.getsockname()[1]}", f"tcp:127.0.0.1:{tcp.getsockname()[1]}"]
    assert Inherited([Passed("", udp), Passed("", tcp)]).close() == names
    assert udp.fileno() == tcp.fileno() == -1


def test_sockets_for_another_process_are_not_ours() -> None:
    """Variables that a parent has left behind; they are removed, for children."""
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b", "HOME": "/"}
    assert inherited(environ).is_empty
    assert environ == {"HOME": "/"}


def test_descriptors_become_sockets_that_children_do_not_get(
    bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first one on, in the order of their names; a missing name is none."""
    ours = [bind(socket.SOCK_DGRAM), bind(socket.SOCK_STREAM)]
    first = 400  # Nothing is open there.
    for place, one in enumerate(ours):
        os.dup2(one.fileno(), first + place)
    monkeypatch.setattr(room, "FIRST", first)
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": CHANNEL}
    passed = inherited(environ)
    channel = passed.channel()
    assert channel is not None
    assert (channel.fileno(), os.get_inheritable(first), channel.gettimeout()) == (first, False, 0)
    channel.close()
    assert passed.channel() is None
    taken = passed.take("tcp", ours[1].getsockname(), socket.SOCK_STREAM)
    assert taken is not None
    taken.close()
    assert passed.close() == []


@pytest.mark.parametrize("count", ["", "x", "-1", "99999"])
def test_number_that_is_none_is_named(count: str) -> None:
    """Never a traceback, never silence."""
    with pytest.raises(OSError, match="not a number of sockets") as caught:
        inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count})
    assert caught.value.filename == "LISTEN_FDS"


def test_descriptor_that_is_no_socket_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ListenFIFO=` passes such."""
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(room, "FIRST", file.fileno())
        with pytest.raises(OSError, match="cannot be used as a socket") as caught:
            inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
        assert caught.value.filename == f"descriptor {file.fileno()}"
