"""Messages out of a stream: framing (RFC 3261 §18.3) and keep-alives (RFC 5626 §3.5.1)."""

import re

from dfks_rules.sip.message import MAX_HEAD

MAX_MESSAGE = MAX_HEAD + 65_536
"""Longest message on a stream, bytes."""
_CR = 0x0D
_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*+:((?>(?:[^\r\n]++|\r\n[ \t])*))", re.IGNORECASE
)
"""The value with its line folds (§7.3.1)."""
_CRLFS = re.compile(rb"(?>(?:\r\n)*)")
_DIGITS = re.compile(rb"[ \t\r\n]*+([0-9]{1,9})[ \t\r\n]*+")


class StreamReader:
    """The receiving side of one connection.

    The work is linear in what is received, however it was cut: no byte is looked for the end of the
    headers twice, and what was read leaves the buffer once for each call of `feed`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        """Bytes at the start of the buffer that are known not to hold the end of the headers."""
        self._total = 0
        """Length of the message at the start of the buffer; 0 until its headers are there."""
        self._line_ends = 0
        """CRLFs since the last message."""
        self.broken = False
        """Whether the framing was lost: answer what was read, then close."""
        self.pings = 0
        """Keep-alives (double CRLF) to answer, with CRLF: one for all that the last call read."""

    @property
    def waiting(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """Take what was received; the messages that are complete with it."""
        self._buffer += data
        self.pings = 0
        messages: list[bytes] = []
        start = 0
        while not self.broken:
            if not self._total:
                start = self._skip_keep_alives(start)
                self._measure(start)
                if not self._total:
                    break
            end = start + self._total
            if len(self._buffer) < end:
                break
            messages.append(bytes(self._buffer[start:end]))
            start = end
            self._total = 0
        del self._buffer[:start]
        return messages

    def _skip_keep_alives(self, start: int) -> int:
        """Where the next message begins."""
        found = _CRLFS.match(self._buffer, start)
        assert found is not None  # noqa: S101 - it matches nothing, too
        end = found.end()
        if end > start:
            before = self._line_ends // 2
            self._line_ends += (end - start) // 2
            if self._line_ends // 2 > before:
                self.pings = 1
        if end < len(self._buffer) and self._buffer[end] != _CR:
            self._line_ends = 0
        return end

    def _measure(self, start: int) -> None:
        """Set the length of the message at `start`, if its headers are there.

        A stream needs exactly one usable Content-Length: else nobody knows where a message ends,
        and what is there is the last that is read.
        """
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", start + self._searched)
        if end < 0:
            self._searched = max(0, len(buffer) - start - 3)
            self.broken = len(buffer) - start >= MAX_HEAD + 4
        else:
            self._searched = 0
            lengths = _LENGTH.findall(buffer, start, end)
            number = _DIGITS.fullmatch(lengths[0]) if len(lengths) == 1 else None
            body = MAX_MESSAGE if number is None else int(number[1])
            self._total = end + 4 - start + body
            self.broken = end - start > MAX_HEAD or self._total > MAX_MESSAGE
        if self.broken:
            self._total = len(buffer) - start
