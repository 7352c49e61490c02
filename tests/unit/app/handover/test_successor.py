"""A process that is given our sockets."""

import os
import socket
import sys

import pytest

from dfks_rules.app.handover.channel import BrokenOffError, Word
from dfks_rules.app.handover.successor import Successor, own_command

_ANSWERS = """
import os, socket
from dfks_rules.transport.inherited import inherited
passed = inherited(os.environ)
channel = passed.channel()
udp = passed.take("udp", ("127.0.0.1", 0), socket.SOCK_DGRAM)
channel.send(b"ready")
channel.settimeout(10)
assert channel.recv(9) == b"stopped"
udp.settimeout(10)
data, peer = udp.recvfrom(99)
udp.sendto(data.upper(), peer)
channel.send(b"serving")
"""


def _start(code: str, *sockets: tuple[str, socket.socket]) -> Successor:
    return Successor.start(sockets, [sys.executable, "-c", code])


async def test_successor_serves_on_our_socket() -> None:
    """What was sent before it began is there."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        ours.bind(("127.0.0.1", 0))
        phone.settimeout(10)
        phone.sendto(b"hello", ours.getsockname())
        successor = _start(_ANSWERS, ("udp", ours))
        await successor.channel.hear(Word.READY)
        await successor.channel.say(Word.STOPPED)
        await successor.channel.hear(Word.SERVING)
        assert phone.recv(99) == b"HELLO"
        await successor.kill()


async def test_death_of_the_successor_is_noticed_and_its_sockets_are_left() -> None:
    """For a server in this process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        successor = _start("raise SystemExit(1)", ("udp", ours))
        with pytest.raises(BrokenOffError, match="has ended"):
            await successor.channel.hear(Word.READY)
        left = successor.left()
        await successor.kill()
        taken = left.take("udp", ours.getsockname(), socket.SOCK_DGRAM)
        assert taken is not None
        assert taken.getsockname() == ours.getsockname()
        taken.close()


def test_program_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no descriptor stays open."""
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(OSError, match="No such file"):
        _start("")
    assert len(os.listdir("/proc/self/fd")) == before


def test_own_command_is_how_this_process_was_started() -> None:
    """With the options of the interpreter."""
    assert own_command() == [sys.executable, *sys.orig_argv[1:]]
