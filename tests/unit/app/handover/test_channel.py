"""What two servers say to each other."""

import socket
from collections.abc import Iterator

import pytest

from dfks_rules.app.handover.channel import BrokenOffError, Channel, EndedError, Word


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        one.settimeout(0)
        other.settimeout(0)
        yield one, other


async def test_words_arrive_one_by_one(ends: tuple[socket.socket, socket.socket]) -> None:
    """However fast they follow each other."""
    one, other = map(Channel, ends)
    await one.say(Word.STOPPED)
    await one.say(Word.YOURS)
    await other.hear(Word.STOPPED)
    await other.hear(Word.YOURS)


async def test_other_word_breaks_off(ends: tuple[socket.socket, socket.socket]) -> None:
    """A version that speaks otherwise."""
    one, other = map(Channel, ends)
    await one.say(Word.YOURS)
    with pytest.raises(BrokenOffError, match="`yours` in place of `stopped`"):
        await other.hear(Word.STOPPED)


async def test_silence_breaks_off(ends: tuple[socket.socket, socket.socket]) -> None:
    """It hangs."""
    with pytest.raises(BrokenOffError, match=r"no `ready` within 0\.01 s"):
        await Channel(ends[0]).hear(Word.READY, within=0.01)


async def test_end_of_the_other_breaks_off(ends: tuple[socket.socket, socket.socket]) -> None:
    """It has died: both to hear and to say something fail."""
    one, other = map(Channel, ends)
    other.close()
    with pytest.raises(EndedError, match="has ended"):
        await one.hear(Word.READY)
    with pytest.raises(EndedError, match="has ended"):
        await one.say(Word.STOPPED)
