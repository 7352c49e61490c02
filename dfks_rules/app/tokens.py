"""Unguessable tokens for tags and branches, from the operating system's random numbers."""

import hashlib
import os

_WIDTH = 8
_POOL = 512


class Tokens:
    """64 random bits at a time, drawn in batches: one system call for hundreds of tokens."""

    def __init__(self) -> None:
        self._pool = b""
        self._next = 0
        self._key = os.urandom(16)

    def token(self) -> bytes:
        """A new token (RFC 3261 §19.3 wants 32 bits)."""
        if self._next >= len(self._pool):
            self._pool = os.urandom(_WIDTH * _POOL)
            self._next = 0
        start = self._next
        self._next = start + _WIDTH
        return self._pool[start : self._next].hex().encode()

    def tag_of(self, text: bytes) -> bytes:
        """The same token for the same text, for as long as this process lives."""
        return hashlib.blake2b(text, key=self._key, digest_size=_WIDTH).hexdigest().encode()
