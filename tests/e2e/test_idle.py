"""A server that nobody talks to."""

import time
from pathlib import Path

import pytest

from bench.idle import wakes
from tests.helpers.server import serve

pytestmark = pytest.mark.alone

SECONDS = 4.0


def test_idle_server_sleeps(tmp_path: Path) -> None:
    """Not with its policies watched, its store looked at and its API open: each wake-up takes tens
    of microseconds, and the power that a machine saves while it sleeps.

    Six a second are known: the library that watches files (3), the thread of the store (1),
    heartbeats. There were 30.
    """
    config = {"store": f"sqlite:{tmp_path / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}
    with serve(tmp_path, config) as server:
        time.sleep(2.0)
        before = wakes(server.pid)
        time.sleep(SECONDS)
        assert (wakes(server.pid) - before) / SECONDS < 12
