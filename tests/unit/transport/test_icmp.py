"""ICMP errors about datagrams."""

import select
import socket

import pytest

from dfks_rules.transport.icmp import keep_errors, take_errors


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_datagram_to_a_closed_port_is_named(family: socket.AddressFamily, host: str) -> None:
    """By its beginning; a second look finds nothing more."""
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((host, 0))
        sender.setblocking(False)
        keep_errors(sender)
        with socket.socket(family, socket.SOCK_DGRAM) as closed:
            closed.bind((host, 0))
            port = closed.getsockname()[1]
        sender.sendto(b"NOTIFY" + b"x" * 2000, (host, port))
        select.select([sender], [], [], 10)
        (beginning,) = take_errors(sender)
        assert beginning.startswith(b"NOTIFYxxx")
        assert list(take_errors(sender)) == []
