"""A trace as pcapng, for Wireshark, tshark and sngrep.

Each message is a UDP datagram of its own, whatever it came by: so it is read also where it came
encrypted, or in pieces. The name of the interface is the transport. A decision is a comment on the
message that comes next, which is mostly the answer.

Reference: draft-ietf-opsawg-pcapng, §4.1 (section), §4.2 (interface), §4.3 (packet), §4.6
(statistics)
"""

import struct

from dfks_rules.tracing.addresses import packed_pair
from dfks_rules.tracing.entries import Decided, Entry, Message
from dfks_rules.tracing.hep import way_of
from dfks_rules.tracing.words import sentences_of

_RAW = 101
"""LINKTYPE_RAW: a packet begins with its IP header."""
_MAX_DATAGRAM = 65_507
_MAX_COMMENT = 60_000
_TRANSPORTS = ("udp", "tcp", "tls")
_COMMENT, _NAME, _APPLICATION = 1, 2, 4


class PcapngWriter:
    """Renders entries one after the other."""

    def __init__(self, title: str) -> None:
        """Nothing is rendered yet.

        Args:
            title: what the file is, as the comment of its section.
        """
        self._title = title
        self._comments: list[str] = []
        """Decisions for which no message has come yet."""
        self._at = 0.0

    def head(self) -> bytes:
        """How the file begins."""
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        options = _options((_COMMENT, self._title), (_APPLICATION, "dfks-rules"))
        blocks = [_block(0x0A0D0D0A, section + options)]
        for name in _TRANSPORTS:
            interface = struct.pack("<HHI", _RAW, 0, 0)
            blocks.append(_block(1, interface + _options((_NAME, name))))
        return b"".join(blocks)

    def comment(self, text: str) -> None:
        """Say something of the message that comes next."""
        self._comments.append(text)

    def entry(self, entry: Entry) -> bytes:
        """The blocks of an entry; none for a decision, which goes with what follows."""
        self._at = entry.at
        if isinstance(entry, Decided):
            self._comments += sentences_of(entry)
            return b""
        return self._packet(entry)

    def end(self) -> bytes:
        """How the file ends: with the decisions that nothing followed."""
        if not self._comments:
            return b""
        statistics = struct.pack("<III", 0, *_timestamp(self._at))
        return _block(5, statistics + self._taken_comments())

    def _packet(self, message: Message) -> bytes:
        whole, kept = _datagram(message)
        interface = _TRANSPORTS.index(message.transport)
        head = struct.pack("<IIIII", interface, *_timestamp(message.at), len(kept), whole)
        return _block(6, head + _padded(kept) + self._taken_comments())

    def _taken_comments(self) -> bytes:
        comments, self._comments = self._comments, []
        return _options(*((_COMMENT, text) for text in comments))


def _timestamp(at: float) -> tuple[int, int]:
    """High and low half of microseconds since 1970."""
    high, low = divmod(round(at * 1e6), 1 << 32)
    return high, low


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _options(*options: tuple[int, str]) -> bytes:
    """Options with the end of them; nothing where there is none."""
    if not options:
        return b""
    packed = [_option(kind, text) for kind, text in options]
    return b"".join(packed) + struct.pack("<HH", 0, 0)


def _option(kind: int, text: str) -> bytes:
    value = text.encode(errors="replace")[:_MAX_COMMENT]
    return struct.pack("<HH", kind, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _datagram(message: Message) -> tuple[int, bytes]:
    """An IP packet with a message: how long it was, and what is kept of it."""
    way = way_of(message)
    source, target = packed_pair(way.source[0], way.target[0])
    length = min(max(message.length, len(message.data)), _MAX_DATAGRAM)
    udp = struct.pack("!HHHH", way.source[1], way.target[1], length + 8, 0)
    if len(source) == 4:
        ip = _ip4(length + 28, source, target)
    else:
        # A checksum must be there (RFC 8200 §8.1); whoever writes it off a cut packet has none.
        udp = udp[:6] + struct.pack("!H", _udp_checksum(source, target, udp, message.data))
        ip = struct.pack("!IHBB", 6 << 28, length + 8, 17, 64) + source + target
    return len(ip) + 8 + length, ip + udp + message.data[:length]


def _ip4(length: int, source: bytes, target: bytes) -> bytes:
    def head(checksum: int) -> bytes:
        fixed = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0x4000, 64, 17, checksum)
        return fixed + source + target

    return head(_checksum(head(0)))


def _udp_checksum(source: bytes, target: bytes, udp: bytes, data: bytes) -> int:
    pseudo = source + target + struct.pack("!IHBB", int.from_bytes(udp[4:6]), 0, 0, 17)
    return _checksum(pseudo + udp + data) or 0xFFFF


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
