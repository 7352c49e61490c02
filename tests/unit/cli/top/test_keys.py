"""Keys of a terminal."""

import os
import pty
import subprocess
import sys
import termios

_PROGRAM = """
import asyncio
from dfks_rules.cli.top.keys import keys

async def main():
    found = asyncio.Queue()
    with keys(found.put_nowait):
        print("ready", flush=True)
        print([await found.get() for _ in range(3)], flush=True)

asyncio.run(main())
"""


def test_keys_come_without_enter_and_the_terminal_is_left_as_it_was() -> None:
    """Whoever quits must see what he types."""
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=follower, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.write(leader, "pé".encode())
        os.write(leader, b"q")
        assert process.stdout.readline() == "['p', 'é', 'q']\n"
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)
