"""A network that loses, doubles and reorders: phones end with the true state all the same."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.patient import PatientPhone
from tests.helpers.server import ROOT, Server, serve

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]

PHONES = 200
SHARED = 10
"""Every so many phones show the features of one user."""
BUSY = float(os.environ.get("DFKS_TEST_LOSSY_SECONDS", "40"))
"""For how long keys are pressed and operators set features, s."""
SETTLED = 240.0
"""Within which all show the truth: a phone may begin anew twice, which takes 64 s each."""


@asynccontextmanager
async def _phones(server: Server, seed: int) -> AsyncIterator[list[PatientPhone]]:
    """Phones that live behind the relay."""
    command = [sys.executable, "-m", "tests.helpers.relay"]
    relay = await asyncio.create_subprocess_exec(
        *command, str(server.ports["udp"]), str(PHONES), str(seed),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1_000_000,
    )  # fmt: skip
    assert relay.stdin is not None
    assert relay.stdout is not None
    loop, lives, phones = asyncio.get_running_loop(), [], []
    transports: list[asyncio.DatagramTransport] = []
    try:
        for number, (host, port, own) in enumerate(json.loads(await relay.stdout.readline())):
            phone = PatientPhone(_user(number), (host, port))
            transport, _ = await loop.create_datagram_endpoint(
                lambda phone=phone: phone,  # type: ignore[misc]
                remote_addr=("127.0.0.1", own),
            )
            transports.append(transport)
            phones.append(phone)
            lives.append(loop.create_task(phone.live()))
        yield phones
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        for transport in transports:
            transport.close()
        relay.stdin.close()
        await relay.wait()


def _user(number: int) -> str:
    return f"u{number % (PHONES // SHARED)}"


async def _mi(server: Server, method: str, **params: Any) -> Any:
    reply = await asyncio.to_thread(server.mi, method, **params)
    return reply["result"]


async def _truth(server: Server) -> dict[str, bool]:
    """User → whether do not disturb is on."""
    users = {_user(number) for number in range(PHONES)}
    found = {}
    for user in users:
        got = await _mi(server, "dfks_get_features", presentity=f"sip:{user}@lossy.test")
        (stored,) = (f["stored"] for f in got["features"] if f["feature"] == "DoNotDisturb")
        found[user] = stored["status"] == 1
    return found


async def test_200_phones_on_a_bad_network_end_with_the_true_state(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """20 % of the datagrams are lost, 10 % come twice, 30 % late, in each direction."""
    seed = int(pytestconfig.option.hypothesis_seed)
    dice = random.Random(seed)
    with serve(tmp_path, {"sip": {"listen": ["udp:127.0.0.1:0"]}}) as server:
        async with _phones(server, seed) as phones:
            ends = time.monotonic() + BUSY
            presses: set[asyncio.Task[None]] = set()
            while time.monotonic() < ends:
                phone = dice.choice(phones)
                press = asyncio.create_task(phone.press(on=dice.random() < 0.5))
                presses.add(press)
                press.add_done_callback(presses.discard)
                await _mi(
                    server,
                    "dfks_set_feature",
                    presentity=f"sip:{_user(dice.randrange(PHONES))}@lossy.test",
                    feature="DoNotDisturb",
                    status=dice.randrange(2),
                )
                await asyncio.sleep(0.02)
            await asyncio.gather(*presses)
            truth = await _truth(server)
            settled = time.monotonic() + SETTLED
            while wrong := _wrong(phones, truth):
                assert time.monotonic() < settled, (len(wrong), wrong)
                await asyncio.sleep(1)
                # A press that its phone gave up may have come late.
                truth = await _truth(server)
            statistics = await _mi(server, "get_statistics", statistics=["all"])
            statuses: dict[int, int] = {}
            for phone in phones:
                for status, times in phone.statuses.items():
                    statuses[status] = statuses.get(status, 0) + times
        assert server.stop() == 0
    assert int(statistics["sip:retransmissions_received"]) > PHONES
    assert int(statistics["sip:retransmissions_sent"]) > PHONES
    assert statuses[200] > PHONES
    assert set(statuses) <= {0, 200, 481, 503}, statuses
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def _wrong(phones: list[PatientPhone], truth: dict[str, bool]) -> list[tuple[int, bool | None]]:
    """The phones that do not show what is stored, and what they show."""
    return [
        (number, phone.shows)
        for number, phone in enumerate(phones)
        if phone.shows is not truth[_user(number)]
    ]
