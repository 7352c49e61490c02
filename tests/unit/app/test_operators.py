"""The side of operators, wired; whole servers are in tests/e2e."""

from pathlib import Path

import aiohttp
import pytest

from dfks_rules.transport.inherited import Inherited
from tests.helpers.wired import config_of, parts_of

_API = {"listen": "127.0.0.1:0"}


@pytest.mark.parametrize(("store", "status"), [("memory:", 501), ("sqlite:dfks.db", 200)])
@pytest.mark.parametrize("what", ["webhooks", "imports", "history"])
async def test_what_needs_a_journal_is_there_where_one_is_kept(
    tmp_path: Path, what: str, store: str, status: int
) -> None:
    """Otherwise an operator is told why it is not."""
    async with parts_of(config_of(tmp_path, store=store, http=_API)) as parts:
        await parts.operators.open(Inherited(), takes_over=False)
        api = parts.operators.addresses()[0].removeprefix("api ")
        async with aiohttp.ClientSession() as http, http.get(f"{api}/v1/{what}") as response:
            assert response.status == status
            if status == 501:
                assert (await response.json())["type"].endswith(":not-kept")


async def test_doors_let_nobody_in_once_the_next_server_is_to_serve(tmp_path: Path) -> None:
    """Whoever knocks waits for it: its sockets are passed before they are closed here."""
    async with parts_of(config_of(tmp_path, http=_API)) as parts:
        await parts.operators.open(Inherited(), takes_over=False)
        assert [name for name, _ in parts.operators.sockets()] == ["api"]
        await parts.operators.leave()
        assert parts.operators.sockets() == []
