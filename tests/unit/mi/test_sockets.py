"""Sockets of the doors."""

import socket

import pytest

from dfks_rules.mi.sockets import bound, nothing


def test_address_in_use_is_an_error_and_leaves_no_socket() -> None:
    """Two servers cannot have one door."""
    with bound(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM) as one:
        assert one.gettimeout() == 0
        with pytest.raises(OSError, match="in use"):
            bound(socket.AF_INET, one.getsockname(), socket.SOCK_DGRAM)


def test_where_nothing_was_inherited_there_is_no_socket() -> None:
    """Of a usual start."""
    assert nothing(("127.0.0.1", 0), socket.SOCK_DGRAM) is None
