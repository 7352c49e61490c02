"""A decoder of HEPv3, which shares no code with the server."""

import socket
from typing import NamedTuple


class Packet(NamedTuple):
    """One packet."""

    family: int
    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    at: float
    kind: int
    agent: int
    key: bytes | None
    call_id: str | None
    payload: bytes


def decode(data: bytes) -> Packet:
    """Take a packet apart; fails where it is not exactly one."""
    assert data[:4] == b"HEP3"
    assert int.from_bytes(data[4:6]) == len(data)
    chunks: dict[int, bytes] = {}
    place = 6
    while place < len(data):
        vendor, kind, length = (int.from_bytes(data[place + n : place + n + 2]) for n in (0, 2, 4))
        assert vendor == 0
        assert length >= 6
        assert kind not in chunks
        chunks[kind] = data[place + 6 : place + length]
        assert len(chunks[kind]) == length - 6
        place += length
    assert place == len(data)
    number = {kind: int.from_bytes(value) for kind, value in chunks.items()}
    family, sizes = number[1], {kind: len(value) for kind, value in chunks.items()}
    assert [sizes[kind] for kind in (1, 2, 7, 8, 9, 10, 11, 12)] == [1, 1, 2, 2, 4, 4, 1, 4]
    name, first = {2: (socket.AF_INET, 3), 10: (socket.AF_INET6, 5)}[family]
    hosts = [socket.inet_ntop(name, chunks[kind]) for kind in (first, first + 1)]
    return Packet(
        family,
        number[2],
        (hosts[0], number[7]),
        (hosts[1], number[8]),
        number[9] + number[10] / 1e6,
        number[11],
        number[12],
        chunks.get(14),
        chunks[17].decode() if 17 in chunks else None,
        chunks[15],
    )
