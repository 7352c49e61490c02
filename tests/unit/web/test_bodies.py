"""Bodies that are long, slow or not whole: those over a connection are in test_connections.py."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from dfks_rules.web.bodies import BodyStream
from dfks_rules.web.problem import Problem
from dfks_rules.web.table import SMALL
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


def _content(*pieces: bytes) -> StreamReader:
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    for piece in pieces:
        content.feed_data(piece)
    content.feed_eof()
    return content


async def test_digest_is_of_all_of_it_however_much_was_read() -> None:
    """What an operation does not want is read for it."""
    for count in (0, 1, 2):
        stream = BodyStream(_content(b"a" * 10, b"b"), 11)
        pieces = stream.pieces()
        for _ in range(count):
            await anext(pieces, None)
        assert await stream.digest() == hashlib.sha256(b"a" * 10 + b"b").digest()
        assert stream.is_whole


async def test_body_that_is_too_long_is_not_read_to_its_end() -> None:
    """Whoever sends it does not fill the disk."""
    stream = BodyStream(_content(b"a" * 10, b"b"), 10)
    with pytest.raises(Problem, match="at most 10 bytes"):
        await stream.digest()
    assert not stream.is_whole


async def test_a_body_that_does_not_say_how_long_it_is_is_measured() -> None:
    """With `Transfer-Encoding: chunked`, nobody knows before."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"status": "on"}'
        yield b" " * SMALL

    operations = MemoryOperations()
    async with api(operations) as web, aiohttp.ClientSession() as http:
        url = f"{web.url}/v1/presentities/sip:alice@example.com/features/DoNotDisturb"
        headers = {"Content-Type": "application/json"}
        async with http.put(url, data=pieces(), headers=headers) as got:
            assert got.status == 413
    assert not operations.states
