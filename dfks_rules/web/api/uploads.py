"""Bodies that an operation reads by itself, piece by piece."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from dfks_rules.web.problem import Problem
from dfks_rules.web.table import Call

PATIENCE = 30.0
"""Seconds for which the next piece of a body may keep the server waiting."""


async def pieces_of(call: Call, at_most: int) -> AsyncIterator[bytes]:
    """The body of a request; `at_most` so many bytes.

    Raises:
        Problem: it is larger, breaks off, or does not come.
    """
    size = 0
    try:
        while True:
            piece = await asyncio.wait_for(call.stream.readany(), PATIENCE)
            if not piece:
                return
            size += len(piece)
            if size > at_most:
                raise Problem("too-large", f"at most {at_most} bytes")
            yield piece
    except (aiohttp.ClientError, ConnectionError) as error:
        raise Problem("invalid-body", "the body broke off", errors=[]) from error
    except TimeoutError as error:
        slow = {"Connection": "close"}
        raise Problem("too-slow", f"nothing came for {PATIENCE:g} s", slow) from error
