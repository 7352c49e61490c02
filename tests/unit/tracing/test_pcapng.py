"""pcapng files, read by a reader of our own; tests/e2e has Wireshark's tshark read them."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from dfks_rules.tracing.entries import Decided, Direction, Entry
from dfks_rules.tracing.pcapng import PcapngWriter
from tests.helpers.traced import BEGAN, message_at

_FAILED = Decided(BEGAN + 1, "", "sip:a@h", None, "operator", (), "disk is full")
_SENTENCE = "sip:a@h: the store failed: disk is full"


class _Block(NamedTuple):
    kind: int
    body: bytes

    def options(self, place: int) -> list[tuple[int, bytes]]:
        """The options from a place on."""
        found = []
        while place < len(self.body):
            kind, length = struct.unpack_from("<HH", self.body, place)
            found.append((kind, self.body[place + 4 : place + 4 + length]))
            place += 4 + length + -length % 4
        assert place == len(self.body)
        assert not found or found.pop() == (0, b"")
        return found


class _Packet(NamedTuple):
    interface: int
    at: float
    length: int
    data: bytes
    comments: list[str]


def _blocks(data: bytes) -> Iterator[_Block]:
    place = 0
    while place < len(data):
        kind, length = struct.unpack_from("<II", data, place)
        assert length % 4 == 0
        assert data[place + length - 4 : place + length] == struct.pack("<I", length)
        yield _Block(kind, data[place + 8 : place + length - 4])
        place += length
    assert place == len(data)


def _written(*entries: Entry) -> list[_Block]:
    writer = PcapngWriter("a title")
    return list(_blocks(writer.head() + b"".join(map(writer.entry, entries)) + writer.end()))


def _packet(block: _Block) -> _Packet:
    assert block.kind == 6
    interface, high, low, kept, length = struct.unpack_from("<IIIII", block.body)
    options = block.options(20 + kept + -kept % 4)
    assert {kind for kind, _ in options} <= {1}
    comments = [text.decode() for _, text in options]
    return _Packet(
        interface, (high << 32 | low) / 1e6, length, block.body[20 : 20 + kept], comments
    )


def _is_sound(data: bytes) -> bool:
    """Whether the checksum in it holds (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    return total % 0xFFFF == 0


def test_a_file_begins_with_an_interface_for_each_transport() -> None:
    """Raw IP, by name."""
    section, *interfaces = _written()
    assert section.kind == 0x0A0D0D0A
    assert section.body[:8] == bytes.fromhex("4d3c2b1a01000000")
    assert section.options(16) == [(1, b"a title"), (4, b"dfks-rules")]
    assert [one.kind for one in interfaces] == [1, 1, 1]
    assert [one.body[:2] for one in interfaces] == [b"\x65\0"] * 3
    assert [one.options(8) for one in interfaces] == [[(2, b"udp")], [(2, b"tcp")], [(2, b"tls")]]


def test_a_message_is_a_datagram_between_its_addresses() -> None:
    """With the time to the microsecond, and a header whose checksum holds."""
    message = message_at(BEGAN + 0.25, b"OPTIONS x", transport="tls", direction=Direction.SENT)
    packet = _packet(_written(message)[4])
    assert (packet.interface, packet.at, packet.length) == (2, BEGAN + 0.25, 37)
    ip, udp, data = packet.data[:20], packet.data[20:28], packet.data[28:]
    assert ip[:4] == b"\x45\0\0\x25"
    assert ip[8:10] == b"\x40\x11"
    assert _is_sound(ip)
    assert ip[12:] == bytes((192, 0, 2, 1, 192, 0, 2, 7))
    assert udp == struct.pack("!HHHH", 5060, 5062, 17, 0)
    assert data == b"OPTIONS x"


def test_a_datagram_of_ipv6_has_a_checksum() -> None:
    """There it is not optional."""
    message = message_at(data=b"OPTIONS xy", local=("::1", 5060), remote=("::2", 5062))
    packet = _packet(_written(message)[4])
    ip, rest = packet.data[:40], packet.data[40:]
    assert ip[:8] == struct.pack("!IHBB", 0x60000000, 18, 17, 64)
    pseudo = ip[8:] + struct.pack("!IHBB", 18, 0, 0, 17)
    assert _is_sound(pseudo + rest)


def test_a_message_that_was_cut_says_how_long_it_was() -> None:
    """Wireshark says that the capture was limited, not that the message is malformed."""
    packet = _packet(_written(message_at(data=b"xyz", length=900))[4])
    assert (packet.length, len(packet.data)) == (28 + 900, 28 + 3)
    assert packet.data[2:4] == struct.pack("!H", 928)
    longest = _packet(_written(message_at(data=b"xyz", length=90_000))[4])
    assert longest.data[2:4] == b"\xff\xff"


def test_a_decision_is_a_comment_on_the_message_that_follows() -> None:
    """The answer, mostly."""
    blocks = _written(message_at(), _FAILED, _FAILED, message_at(), message_at())
    comments = [_packet(block).comments for block in blocks[4:]]
    assert comments == [[], [_SENTENCE, _SENTENCE], []]


def test_a_decision_that_nothing_follows_is_not_lost() -> None:
    """An operator's set that no phone is told of: a comment on the statistics."""
    *_, last = _written(message_at(), _FAILED)
    assert last.kind == 5
    high, low = struct.unpack_from("<II", last.body, 4)
    assert (high << 32 | low) / 1e6 == BEGAN + 1
    assert last.options(12) == [(1, _SENTENCE.encode())]


def test_gaps_are_comments_too() -> None:
    """Whoever counts retransmissions has to know."""
    writer = PcapngWriter("t")
    writer.comment("3 entries before this one are lost")
    (block,) = _blocks(writer.entry(message_at()))
    assert _packet(block).comments == ["3 entries before this one are lost"]
