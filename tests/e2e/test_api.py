"""The HTTP API of a real server, over restarts and `kill -9`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.web.client import ApiClient, ApiError
from tests.helpers.server import serve
from tests.helpers.web import api_url

pytestmark = pytest.mark.e2e
_ALICE = "/v1/presentities/sip:alice@example.com"
_DND = f"{_ALICE}/features/DoNotDisturb"


def _config(folder: Path) -> dict[str, Any]:
    return {"store": f"sqlite:{folder / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}


async def _put(url: str, status: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with ApiClient(url) as client:
        return await client.ask("PUT", _DND, body={"status": status}, headers=named)


def test_an_answer_is_given_again_after_kill_9(tmp_path: Path) -> None:
    """The client that heard nothing asks again; nothing happens twice."""
    with serve(tmp_path, _config(tmp_path)) as server:
        first = asyncio.run(_put(api_url(server), "on", Idempotency_Key="k-1", If_Match='"0"'))
        server.kill()
    with serve(tmp_path, _config(tmp_path)) as server:
        url = api_url(server)
        again = asyncio.run(_put(url, "on", Idempotency_Key="k-1", If_Match='"0"'))
        assert again == first
        with pytest.raises(ApiError) as reused:
            asyncio.run(_put(url, "off", Idempotency_Key="k-1", If_Match='"0"'))
        assert reused.value.kind == "idempotency-key-reused"
        with pytest.raises(ApiError) as stale:
            asyncio.run(_put(url, "off", If_Match='"0"'))
        assert (stale.value.status, stale.value.kind) == (412, "changed-meanwhile")
