"""Messages and decisions as HEPv3 packets, which Homer, sngrep and heplify take.

A packet is `HEP3`, its length, and chunks: vendor (0 for the generic ones), type, length, value.

Reference: HEP3 Network Protocol Specification, rev. 37 (Sipcapture)
"""

import struct
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from dfks_rules.tracing.addresses import packed_pair
from dfks_rules.tracing.as_json import decided_json, dumps
from dfks_rules.tracing.entries import Address, Decided, Message

MAX_PACKET = 65_000
"""Longest packet that fits a datagram, bytes; what does not is not sent."""
_MAX_ID = 255
"""Most bytes of a Call-ID beside a decision."""


class Chunk(IntEnum):
    """Types of chunks of the generic vendor."""

    FAMILY = 0x01
    PROTOCOL = 0x02
    SOURCE_4 = 0x03
    TARGET_4 = 0x04
    SOURCE_6 = 0x05
    TARGET_6 = 0x06
    SOURCE_PORT = 0x07
    TARGET_PORT = 0x08
    SECONDS = 0x09
    MICROSECONDS = 0x0A
    KIND = 0x0B
    AGENT = 0x0C
    KEY = 0x0E
    PAYLOAD = 0x0F
    CORRELATION = 0x11


SIP = 1
"""Kind of a packet with a SIP message."""
LOG = 100
"""Kind of a packet with a line of a log."""
_IP_PROTOCOL = {"udp": 17, "tcp": 6, "tls": 6}
_FAMILY = {4: 2, 6: 10}
"""AF_INET and AF_INET6, as Linux numbers them."""


class Agent(NamedTuple):
    """Who sends packets."""

    id: int
    """Number of the capture agent, 0 to 4,294,967,295."""
    key: bytes
    """What the collector asks of agents; empty for nothing."""


class Way(NamedTuple):
    """Between whom something went."""

    transport: str
    source: Address
    target: Address


NOWHERE = Way("udp", ("127.0.0.1", 0), ("127.0.0.1", 0))
"""The way of a decision that no message led to."""


def packet_of_message(message: Message, agent: Agent) -> bytes:
    """The packet with a SIP message."""
    correlation = message.call_id.encode()
    return _packet(way_of(message), message.at, SIP, agent, correlation, message.data)


def packet_of_decided(decided: Decided, way: Way, agent: Agent) -> bytes:
    """The packet with a decision, as JSON, under the Call-ID of the message that led to it."""
    payload = dumps(decided_json(decided))
    return _packet(way, decided.at, LOG, agent, decided.call_id.encode(), payload)


def way_of(message: Message) -> Way:
    """Between whom a message went."""
    from_to = (message.local, message.remote)
    source, target = from_to if message.is_sent else reversed(from_to)
    return Way(message.transport, source, target)


def _packet(
    way: Way, at: float, kind: int, agent: Agent, correlation: bytes, payload: bytes
) -> bytes:
    seconds, rest = divmod(round(at * 1e6), 1_000_000)
    chunks = [
        _addresses(way.transport, way.source[0], way.target[0]),
        _FIXED.pack(
            *(0, Chunk.SOURCE_PORT, 8, way.source[1]),
            *(0, Chunk.TARGET_PORT, 8, way.target[1]),
            *(0, Chunk.SECONDS, 10, seconds),
            *(0, Chunk.MICROSECONDS, 10, rest),
            *(0, Chunk.KIND, 7, kind),
            *(0, Chunk.AGENT, 10, agent.id),
        ),
    ]
    if agent.key:
        chunks.append(_chunk(Chunk.KEY, agent.key))
    if correlation:
        chunks.append(_chunk(Chunk.CORRELATION, correlation[:_MAX_ID]))
    chunks.append(_chunk(Chunk.PAYLOAD, payload))
    return _joined(chunks)


_FIXED = struct.Struct("!HHHH HHHH HHHI HHHI HHHB HHHI")


def _joined(chunks: Iterable[bytes]) -> bytes:
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", min(len(body) + 6, 0xFFFF)) + body


def _chunk(kind: Chunk, value: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, min(len(value) + 6, 0xFFFF)) + value


@lru_cache(4_096)
def _addresses(transport: str, source: str, target: str) -> bytes:
    """The chunks that say between which addresses: the same for all messages of a peer."""
    left, right = packed_pair(source, target)
    version = 4 if len(left) == 4 else 6
    kinds = {4: (Chunk.SOURCE_4, Chunk.TARGET_4), 6: (Chunk.SOURCE_6, Chunk.TARGET_6)}[version]
    return b"".join(
        (
            _chunk(Chunk.FAMILY, bytes((_FAMILY[version],))),
            _chunk(Chunk.PROTOCOL, bytes((_IP_PROTOCOL[transport],))),
            _chunk(kinds[0], left),
            _chunk(kinds[1], right),
        )
    )
