"""Two clients set one key with If-Match and Idempotency-Key, while the server is killed."""

import asyncio
import random
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dfks_rules.web.client import ApiClient, ApiError
from tests.helpers.server import serve
from tests.helpers.web import api_url

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]
_ALICE = "/v1/presentities/sip:alice@example.com"
_LIVES = 5
_PRESSES = 60
"""Of each client, in each life of the server, unless it is killed before."""


class _Put(NamedTuple):
    """One request."""

    key: str
    revision: int
    status: str

    async def send(self, client: ApiClient) -> Any:
        """The answer, or the problem; raises ApiError where there is none."""
        headers = {"Idempotency-Key": self.key, "If-Match": f'"{self.revision}"'}
        path, body = f"{_ALICE}/features/DoNotDisturb", {"status": self.status}
        while True:
            try:
                return await client.ask("PUT", path, body=body, headers=headers)
            except ApiError as error:
                if error.status == 0:
                    raise
                if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    return error.problem
                await asyncio.sleep(1.0)  # The server has more to do, and has done nothing.


class _Client:
    """Looks, and sets; asks again for what it has heard nothing of."""

    def __init__(self, name: str, rng: random.Random) -> None:
        self._name, self._rng = name, rng
        self.answered: dict[_Put, Any] = {}
        self.unheard: list[_Put] = []
        self.doubtful: set[_Put] = set()
        """Answered only when they were asked for again."""

    async def live(self, url: str) -> None:
        """Use one life of the server."""
        async with ApiClient(url) as client:
            while self.unheard:
                self.answered[self.unheard[0]] = await self.unheard[0].send(client)
                self.doubtful.add(self.unheard.pop(0))
            for _ in range(_PRESSES):
                shown = await client.ask("GET", _ALICE)
                number = len(self.answered) + len(self.unheard)
                status = self._rng.choice(("on", "off"))
                put = _Put(f"{self._name}-{number}", shown["revision"], status)
                self.unheard.append(put)
                self.answered[put] = await put.send(client)
                self.unheard.pop()
                if self._rng.random() < 0.2:
                    assert await put.send(client) == self.answered[put]


async def _life(url: str, clients: list[_Client], kill: Any, after: float) -> None:
    tasks = [asyncio.create_task(client.live(url)) for client in clients]
    await asyncio.wait(tasks, timeout=after)
    kill()
    for one in await asyncio.gather(*tasks, return_exceptions=True):
        assert one is None or (isinstance(one, ApiError) and one.status == 0), repr(one)


async def _check(url: str, clients: list[_Client]) -> None:
    async with ApiClient(url) as client:
        for one in clients:
            await one.live(url)
            for put, answer in one.answered.items():
                assert await put.send(client) == answer, put
                # The server has a limit of 200 requests a second and client.
                await asyncio.sleep(0.006)
        history: list[Any] = []
        page: Any = {"next": "0"}
        while "next" in page:
            query = {"after": page["next"], "limit": 500}
            page = await client.ask("GET", "/v1/history", query=query)
            history += page["items"]
        shown = await client.ask("GET", _ALICE)
    assert [change["revision"] for change in history] == list(range(1, len(history) + 1))
    assert shown["revision"] == len(history)
    assert shown["features"]["DoNotDisturb"] == history[-1]["after"]
    made = {change["decision"]: change for change in history}
    assert len(made) == len(history)
    told: list[str] = []
    for one in clients:
        for put, answer in one.answered.items():
            if answer.get("result", {}).get("changed"):
                told.append(answer["result"]["decision"]["id"])
                assert made[told[-1]]["revision"] == answer["revision"] == put.revision + 1
            else:
                assert answer.get("status") == 412 or not answer["result"]["changed"]
    # Each change is one answer's, but for those that were made when the server was killed.
    assert len(told) == len(set(told))
    untold = len(history) - len(told)
    assert untold <= sum(len(one.doubtful) for one in clients)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_answered_is_done_once_whenever_the_server_is_killed(
    tmp_path: Path, seed: int
) -> None:
    """The journal equals the states, and the answers equal the journal."""
    rng = random.Random(seed)
    clients = [_Client(name, random.Random(f"{seed}{name}")) for name in ("one", "other")]
    config = {"store": f"sqlite:{tmp_path / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}
    for _ in range(_LIVES):
        with serve(tmp_path, config) as server:
            asyncio.run(_life(api_url(server), clients, server.kill, rng.uniform(0.05, 0.8)))
    with serve(tmp_path, config) as server:
        asyncio.run(_check(api_url(server), clients))
