"""Datagrams of a socket, read and sent by C (`native/datagrams.c`); see `datagrams`.

An address is 4 or 16 bytes, and two more for the port, as they are on the wire.
"""

def receive(socket: int, most: int, with_local: bool, /) -> tuple[list[tuple[bytes, bytes]], int]:
    """What has come in, at most `most`, each with its origin; and an error number, or 0.

    An origin is the address of who sent it; with `with_local` the address without a port that it
    was sent to follows, if the kernel tells. The error stopped the reading; that there is no more
    to be read is none.
    """

def send(socket: int, data: bytes, remote: bytes, local: bytes, /) -> int:
    """Send a datagram; the error number, or 0.

    It leaves from `local`, an address without a port; empty for whichever the kernel takes.
    """
