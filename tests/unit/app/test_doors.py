"""The doors of operators, opened and left together."""

import asyncio
import os
import urllib.request
from pathlib import Path

from dfks_rules.app.doors import Doors
from dfks_rules.config.settings import (
    ApiSettings,
    FifoSettings,
    HttpSettings,
    ListenAddress,
    MiSettings,
)
from dfks_rules.mi.client import call, open_url
from dfks_rules.transport.inherited import Inherited, Passed
from dfks_rules.web.api import TABLE
from dfks_rules.web.server import WebServer, WebSettings
from tests.helpers.mi import dispatcher
from tests.helpers.operations import MemoryOperations


def _doors(folder: Path) -> Doors:
    settings = MiSettings(
        FifoSettings(folder / "fifo", folder),
        folder / "unix",
        HttpSettings(ListenAddress("tcp", "127.0.0.1", 0), "/mi", None),
    )
    api = ApiSettings(ListenAddress("tcp", "127.0.0.1", 0), None, frozenset(), 200)
    web = WebServer(WebSettings(None, frozenset(), 200), TABLE, MemoryOperations())
    return Doors(settings, dispatcher(), api, web)


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
