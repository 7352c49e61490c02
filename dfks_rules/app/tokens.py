"""Unguessable tokens for tags and branches, from the operating system's random numbers."""

import hashlib
import os

_WIDTH = 8
_POOL = 512


class Tokens:
    """64 random bits at a time, drawn in batches: one system call for hundreds of tokens."""

    def __init__(self, secret: bytes | None = None) -> None:
        """Make none yet.

        Args:
            secret: what `tag_of` is keyed by, 16 to 64 bytes; None for one of this process.
        """
        self._pool: list[bytes] = []
        self._keyed = hashlib.blake2b(key=secret or os.urandom(16), digest_size=_WIDTH)

    def token(self) -> bytes:
        """A new token (RFC 3261 §19.3 wants 32 bits)."""
        pool = self._pool
        if not pool:
            pool += os.urandom(_WIDTH * _POOL).hex(" ", _WIDTH).encode().split()
        return pool.pop()

    def tag_of(self, text: bytes) -> bytes:
        """The same token for the same text and secret."""
        hashed = self._keyed.copy()
        hashed.update(text)
        return hashed.hexdigest().encode()
