"""The doors of operators, opened and left together."""

import asyncio
import os
import urllib.request
from pathlib import Path

import pytest

from dfks_rules.app.doors import Doors, reserve
from dfks_rules.config.settings import (
    ApiSettings,
    FifoSettings,
    HttpSettings,
    ListenAddress,
    MiSettings,
)
from dfks_rules.mi.client import call, open_url
from dfks_rules.mi.datagram import MAX_REPLY
from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.transport.inherited import Inherited, Passed
from dfks_rules.web.api import TABLE
from dfks_rules.web.server import WebServer, WebSettings
from tests.helpers.mi import dispatcher
from tests.helpers.operations import MemoryOperations
from tests.helpers.transports import until


def _settings(folder: Path) -> MiSettings:
    return MiSettings(
        FifoSettings(folder / "fifo", folder),
        folder / "unix",
        HttpSettings(ListenAddress("tcp", "127.0.0.1", 0), "/mi", None),
    )


_API = ApiSettings(ListenAddress("tcp", "127.0.0.1", 0), None, frozenset(), 200, 500)


def _doors(folder: Path, calls: Dispatcher | None = None) -> Doors:
    web = WebServer(WebSettings(None, frozenset(), 200), TABLE, MemoryOperations())
    return Doors(_settings(folder), calls or dispatcher(), _API, web)


class _Slow(Dispatcher):
    """Takes as long as the disk may for a set."""

    def __init__(self) -> None:
        super().__init__(REGISTRY, MemoryOperations())
        self.under_way = 0

    async def answer(self, data: bytes, longest: int = MAX_REPLY) -> bytes | None:
        self.under_way += 1
        await asyncio.sleep(0.3)
        return await super().answer(data, longest)


async def _answer_all(doors: Doors) -> None:
    *mi, api = doors.addresses()
    health = await asyncio.to_thread(urllib.request.urlopen, api.split()[1] + "/healthz")
    with health:
        assert health.status == 200
    for address in (one.split()[1] for one in mi):
        assert await asyncio.to_thread(call, open_url(address), "presence:cleanup", {}) == "OK"


async def test_next_server_takes_the_doors_over_where_they_are(tmp_path: Path) -> None:
    """Whoever asks meanwhile is answered by it."""
    first, second = _doors(tmp_path), _doors(tmp_path)
    await first.open(Inherited(), takes_over=False)
    await _answer_all(first)
    passed = Inherited([Passed(name, one.dup()) for name, one in first.sockets()])
    addresses = first.addresses()
    await first.leave()
    waiting = [
        asyncio.create_task(asyncio.to_thread(call, open_url(one), "presence:cleanup", {}))
        for one in (address.split()[1] for address in addresses[:-1])
    ]
    await second.open(passed, takes_over=True)
    await first.close(leaves=True)
    assert passed.close() == []
    assert second.addresses() == addresses
    assert await asyncio.gather(*waiting) == ["OK"] * 3
    await _answer_all(second)
    await second.close(leaves=False)
    assert os.listdir(tmp_path) == []


async def test_doors_that_were_reserved_are_opened_without_anything_new(tmp_path: Path) -> None:
    """Whether they can be is found out while another server still serves; nobody is turned away."""
    inherited = Inherited()
    await reserve(_settings(tmp_path), _API, inherited, takes_over=True)
    assert sorted(os.listdir(tmp_path)) == ["fifo", "unix"]
    before = len(os.listdir("/proc/self/fd"))
    doors = _doors(tmp_path)
    await doors.open(inherited, takes_over=True)
    assert inherited.close() == []
    assert len(os.listdir("/proc/self/fd")) == before + 2  # Both ends of the FIFO.
    await _answer_all(doors)
    await doors.close(leaves=False)


@pytest.mark.parametrize("door", ["fifo", "unix", "http"])
async def test_call_under_way_is_answered_before_the_doors_are_left(
    tmp_path: Path, door: str
) -> None:
    """Whoever asks is not told of a hand-over by silence."""
    slow = _Slow()
    doors = _doors(tmp_path, slow)
    await doors.open(Inherited(), takes_over=False)
    addresses = [one.split()[1] for one in doors.addresses()]
    [address] = [one for one in addresses[:-1] if one.startswith(door)]
    asking = asyncio.to_thread(call, open_url(address), "presence:cleanup", {})
    answer = asyncio.create_task(asking)
    await until(lambda: slow.under_way == 1)
    await doors.leave()
    assert await answer == "OK"
    await doors.close(leaves=False)
