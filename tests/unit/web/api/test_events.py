"""Server-sent events."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dfks_rules.operations.events import Event as Happened
from dfks_rules.operations.events import policies_refused
from dfks_rules.web.api.events import _pieces
from dfks_rules.web.client import ApiClient, Event
from dfks_rules.web.tokens import TokenFile
from tests.helpers.journal import ALICE, MemoryJournal
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, api, token_file

_AT = datetime(2026, 1, 5, tzinfo=UTC)


def _with(changes: int) -> MemoryOperations:
    operations = MemoryOperations()
    for _ in range(changes):
        operations.journal.add(ALICE)
    return operations


async def _some(url: str, count: int, token: str | None = None, **query: str | int) -> list[Event]:
    found: list[Event] = []
    async with ApiClient(url, token) as client, asyncio.timeout(10):
        async for event in client.events("/v1/events", query=query):
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_whoever_comes_back_is_told_what_he_missed() -> None:
    """In the order of the journal, whose numbers are the ids."""
    async with api(_with(5)) as web:
        found = await _some(web.url, 3, after=2)
    assert [event.id for event in found] == ["3", "4", "5"]
    assert {event.type for event in found} == {"feature-changed"}
    data = found[0].data
    assert (data["presentity"], data["revision"]) == ("sip:alice@example.com", 3)
    assert data["changed"][0]["after"] == {"status": "on"}
    assert set(data["features"]) >= {"DoNotDisturb", "CallForwardingAlways"}


async def test_whoever_knows_more_or_less_than_the_journal_is_told_of_a_gap() -> None:
    """He reads the presentities again; nothing is passed over in silence."""
    operations = _with(5)
    del operations.journal.entries[:2]
    async with api(operations) as web:
        assert (await _some(web.url, 1, after=1))[0].type == "gap"
        assert (await _some(web.url, 1, after=99))[0].type == "gap"
        assert (await _some(web.url, 1, after=2))[0].id == "3"


async def test_a_tenant_hears_of_its_own_domain_only(tmp_path: Path) -> None:
    """As everywhere."""
    operations = _with(2)
    operations.journal.add(ALICE._replace(domain="acme.example"))
    tokens = token_file(tmp_path, acme=(ALL, ["acme.example"]))
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        found = await _some(web.url, 1, tokens["acme"], after=0)
        assert [event.id for event in found] == ["3"]


async def test_a_tenant_does_not_hear_of_policies(tmp_path: Path) -> None:
    """They decide for all: findings tell of files and rules of other tenants."""
    operations, acme = MemoryOperations(), ALICE._replace(domain="acme.example")
    operations.journal.add(acme)
    tokens = token_file(tmp_path, acme=(ALL, ["acme.example"]))
    wrong = policies_refused("change", ["tenants/beta.example: wrong"], _AT)
    heard = []
    async with (
        api(operations, TokenFile(tmp_path / "tokens.json")) as web,
        ApiClient(web.url, tokens["acme"]) as client,
        asyncio.timeout(10),
    ):
        async for event in client.events("/v1/events", query={"after": 0}):
            heard.append(event.type)
            if len(heard) == 2:
                break
            operations.events.publish(wrong)
            operations.events.publish(Happened("feature-refused", 0, acme, {}))
    assert heard == ["feature-changed", "feature-refused"]


@pytest.mark.parametrize("query", ["types=nothing", "after=x", "after=-1"])
async def test_what_cannot_be_listened_to_is_refused(query: str) -> None:
    """Before the stream begins."""
    async with api(_with(1)) as web:
        assert (await web.ask("GET", f"/v1/events?{query}")).kind == "bad-parameter"


async def test_who_goes_is_forgotten() -> None:
    """The ring is made for listeners only."""
    operations = MemoryOperations()
    operations.journal = MemoryJournal()
    pieces = _pieces(operations.events, None, lambda _: True)
    assert operations.events.counts["listeners"] == 0
    assert await anext(pieces) == b"retry: 2000\n\n"
    assert operations.events.counts["listeners"] == 1
    await pieces.aclose()  # type: ignore[attr-defined]
    assert operations.events.counts["listeners"] == 0
