"""Phones that watch."""

from pathlib import Path

import pytest

from dfks_rules.web.binding import check
from dfks_rules.web.client import ApiClient
from dfks_rules.web.paging import cursor
from dfks_rules.web.schemas import ref
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations, subscription
from tests.helpers.web import ALL, api, token_file

_LIST = "/v1/subscriptions"


def _watched() -> MemoryOperations:
    operations = MemoryOperations()
    operations.rows = [subscription(number) for number in range(5)]
    operations.rows.append(subscription(7, "sip:bob@acme.example"))
    return operations


async def test_they_are_listed_page_by_page() -> None:
    """Each with what helps to find the phone."""
    async with api(_watched()) as web, ApiClient(web.url) as client:
        found = [one async for one in client.pages(_LIST, {"limit": 4})]
        assert [one["callId"] for one in found] == [
            f"call-{number}@192.0.2.1" for number in (0, 1, 2, 3, 4, 7)
        ]
        for one in found:
            check("subscription", ref("Subscription"), one)


async def test_those_of_one_presentity_or_domain_can_be_asked_for(tmp_path: Path) -> None:
    """Another tenant's are not there."""
    tokens = token_file(tmp_path, acme=(ALL, ["acme.example"]), desk=(ALL, []))
    async with api(_watched(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["desk"]
        got = await web.ask("GET", f"{_LIST}?presentity=bob@acme.example")
        assert [one["watcher"] for one in got.json["items"]] == ["sip:phone7@example.com"]
        web.token = tokens["acme"]
        assert len((await web.ask("GET", _LIST)).json["items"]) == 1
        got = await web.ask("GET", f"{_LIST}?presentity=alice@example.com")
        assert (got.status, got.kind) == (404, "not-found")


@pytest.mark.parametrize("after", ["x", cursor("a", "b"), cursor(1, 2, 3)])
async def test_a_cursor_of_another_list_is_refused(after: str) -> None:
    """By name."""
    async with api(_watched()) as web:
        assert (await web.ask("GET", f"{_LIST}?after={after}")).kind == "bad-cursor"
