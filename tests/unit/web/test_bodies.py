"""Bodies that are long, slow or not whole: those over a connection are in test_connections.py."""

import asyncio
import hashlib

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from dfks_rules.web.bodies import BodyStream
from dfks_rules.web.problem import Problem


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
