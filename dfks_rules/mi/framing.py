"""Bytes from a FIFO → requests. Pure.

A client writes `:REPLYNAME:{json}` without a line end. Several requests may come in one read, and
one may come in pieces, so the end of a request is found in the JSON itself:

- an object or array ends where its brackets close;
- anything else is not a request: it ends with its line or with the data available, and is passed on
  so that the client gets an error;
- an unfinished request is abandoned when the next read starts a new one, when it is too long, or
  when the reader says so (`flush`).

A request without a name (`::{json}`, or no colons at all) gets no reply.
"""

import re
from typing import NamedTuple

from dfks_rules.mi.jsonrpc import MAX_REQUEST


class FifoRequest(NamedTuple):
    """One request, complete or abandoned."""

    reply_name: str | None
    """Name of the FIFO to reply to; None when it is missing or not a plain name."""
    body: bytes
    """The JSON, or the bytes in its place."""


_HEADER = re.compile(rb":([^:\n{\[]{0,255}):")
_UNFINISHED_HEADER = re.compile(rb":[0-9A-Za-z._-]{0,255}")
_START = re.compile(rb":[^:\n{\[\"]{1,255}:\s*[\[{]")
_PLAIN_NAME = re.compile(rb"(?!\.\.?$)[0-9A-Za-z._-]{1,255}")
_TOKENS = re.compile(rb'"(?>(?:[^"\\]++|\\.)*)"|[\[\]{}]|"', re.DOTALL)


class FifoFraming:
    """Buffers data until a request is complete."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def has_unfinished(self) -> bool:
        """Whether a request has begun but not ended."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> list[FifoRequest]:
        """The requests that are now complete or abandoned.

        Args:
            data: everything available to read.
        """
        requests = self.flush() if _START.match(data) else []
        self._buffer = (self._buffer + data).lstrip()
        while self._buffer:
            end = self._end_of_first()
            if end is None:
                break
            requests += self._cut(end)
        return requests

    def flush(self) -> list[FifoRequest]:
        """Abandon the unfinished request, and return it."""
        return self._cut(len(self._buffer))

    def _cut(self, end: int) -> list[FifoRequest]:
        frame, self._buffer = self._buffer[:end], self._buffer[end:].lstrip()
        header = _HEADER.match(frame)
        if not frame:
            return []
        if header is None:
            return [FifoRequest(None, frame)]
        name = header[1].decode() if _PLAIN_NAME.fullmatch(header[1]) else None
        return [FifoRequest(name, frame[header.end() :])]

    def _end_of_first(self) -> int | None:
        """The offset at which the first request ends; None when not yet known."""
        header = _HEADER.match(self._buffer)
        start = header.end() if header else 0
        while self._buffer[start : start + 1].isspace():
            start += 1
        if start == len(self._buffer) or _UNFINISHED_HEADER.fullmatch(self._buffer):
            return None
        if self._buffer[start : start + 1] not in (b"{", b"["):
            line_end = self._buffer.find(b"\n", start)
            return len(self._buffer) if line_end < 0 else line_end + 1
        depth = 0
        for token in _TOKENS.finditer(self._buffer, start):
            mark = token[0]
            if mark == b'"':
                break
            depth += (mark in b"[{") - (mark in b"]}")
            if depth == 0:
                return token.end()
        return len(self._buffer) if len(self._buffer) - start > MAX_REQUEST else None
