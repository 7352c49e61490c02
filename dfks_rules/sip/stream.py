"""Messages out of a stream: framing (RFC 3261 §18.3) and keep-alives (RFC 5626 §3.5.1)."""

import re

from dfks_rules.sip.message import MAX_HEAD

MAX_MESSAGE = MAX_HEAD + 65_536
"""Longest message on a stream, bytes."""
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class StreamReader:
    """The receiving side of one connection."""

    def __init__(self) -> None:
        self._buffer = b""
        self.broken = False
        """Whether the framing was lost: answer what was read, then close."""
        self.pings = 0
        """Keep-alives (double CRLF) that were read; each is answered with CRLF."""

    @property
    def waiting(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was received; the messages that are complete with it."""
        self._buffer += data
        messages: list[bytes] = []
        while not self.broken:
            self._skip_keep_alives()
            message = self._next()
            if message is None:
                break
            messages.append(message)
        return messages

    def _skip_keep_alives(self) -> None:
        while self._buffer.startswith(b"\r\n"):
            double = self._buffer.startswith(b"\r\n\r\n")
            self.pings += double
            self._buffer = self._buffer[4 if double else 2 :]

    def _next(self) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                self.broken = True
            return None
        lengths = _LENGTH.findall(self._buffer, 0, end)
        # A stream needs exactly one usable Content-Length; else nobody knows where a message ends.
        if len(lengths) != 1 or not re.fullmatch(rb"[0-9]{1,9}[ \t]*", lengths[0]):
            self.broken = True
            message, self._buffer = self._buffer, b""
            return message
        total = end + 4 + int(lengths[0])
        if total > MAX_MESSAGE:
            self.broken = True
            message, self._buffer = self._buffer, b""
            return message
        if len(self._buffer) < total:
            return None
        message, self._buffer = self._buffer[:total], self._buffer[total:]
        return message
