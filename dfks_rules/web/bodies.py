"""Bodies of requests: read at once and checked, or piece by piece by the operation itself."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import StreamReader, web

from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.problem import Problem

MAX_BODY = 2 * 1024 * 1024
"""Longest body that is read at once, bytes."""
WITHIN = 30.0
"""Seconds that a body may take that is read at once."""
PATIENCE = 30.0
"""Seconds for which the next piece of any other may keep the server waiting."""
_LAST = {"Connection": "close"}


async def read(request: web.Request, most: int) -> bytes:
    """The whole body.

    Raises:
        Problem: it is longer than `most`, does not come, or breaks off.
    """
    too_large = Problem("too-large", phrase("at most {most} bytes", most=most))
    if (request.content_length or 0) > most:
        raise too_large
    try:
        async with asyncio.timeout(WITHIN):
            body = await request.read()
    except (aiohttp.ClientError, ConnectionError) as error:
        raise Problem("not-json", phrase("the body broke off"), _LAST) from error
    except TimeoutError as error:
        raise Problem(
            "too-slow", phrase("it did not come within {within:g} s", within=WITHIN), _LAST
        ) from error
    if len(body) > most:
        raise too_large
    return body


class BodyStream:
    """A body that an operation reads by itself."""

    def __init__(self, content: StreamReader, most: int) -> None:
        """Read nothing yet.

        Args:
            content: the body as it comes.
            most: bytes that it may have.
        """
        self._content = content
        self._most = most
        self._hash = hashlib.sha256()
        self.is_whole = False
        """Whether its end was read."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """What was not read yet, to the end.

        Raises:
            Problem: it is too long, does not come, or breaks off.
        """
        size = 0
        try:
            while piece := await asyncio.wait_for(self._content.readany(), PATIENCE):
                size += len(piece)
                if size > self._most:
                    raise Problem("too-large", phrase("at most {most} bytes", most=self._most))
                self._hash.update(piece)
                yield piece
            self.is_whole = True
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Problem("invalid-body", phrase("the body broke off"), _LAST, errors=[]) from error
        except TimeoutError as error:
            raise Problem(
                "too-slow", phrase("nothing came for {patience:g} s", patience=PATIENCE), _LAST
            ) from error

    async def digest(self) -> bytes:
        """SHA-256 of all of it; what was not read is read, and dropped.

        Raises:
            Problem: as `pieces`.
        """
        async for _ in self.pieces():
            pass
        return self._hash.digest()
