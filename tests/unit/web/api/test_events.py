"""Server-sent events."""

import asyncio
from pathlib import Path

import pytest

from dfks_rules.model.features import FeatureState
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.operations.events import FEATURE_REFUSED, POLICIES_REFUSED, policies_refused
from dfks_rules.operations.events import Event as RingEvent
from dfks_rules.operations.ports import Sets
from dfks_rules.service.feed import Settled
from dfks_rules.web.api import events
from dfks_rules.web.api.events import _pieces
from dfks_rules.web.audience import Filter, Listening
from dfks_rules.web.caller import LOCAL
from dfks_rules.web.client import PLACE, ApiClient, Event
from dfks_rules.web.tokens import TokenFile
from tests.helpers.journal import ALICE, DND, MemoryJournal
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import NOON
from tests.helpers.web import ALL, api, token_file


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


async def test_what_is_about_all_is_not_told_to_a_tenant(tmp_path: Path) -> None:
    """The findings of a policy may be about another tenant's."""
    operations = _with(1)
    tokens = token_file(tmp_path, acme=(ALL, ["acme.example"]), desk=(ALL, ()))
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        heard = [
            asyncio.create_task(_some(web.url, 1, tokens[name], types=types))
            for name, types in (("desk", POLICIES_REFUSED), ("acme", FEATURE_REFUSED))
        ]
        late = asyncio.create_task(_some(web.url, 1, tokens["acme"], types=POLICIES_REFUSED))
        while operations.events.counts["listeners"] < 3:  # noqa: ASYNC110 - they come by HTTP
            await asyncio.sleep(0.01)
        operations.events.publish(policies_refused("change", ["other/p.yaml:1:1: wrong"], NOON))
        about = ALICE._replace(domain="acme.example")
        operations.events.publish(RingEvent(FEATURE_REFUSED, 0, about, {}))
        assert [found[0].type for found in await asyncio.gather(*heard)] == [
            POLICIES_REFUSED,
            FEATURE_REFUSED,
        ]
        assert not late.done()
        late.cancel()


@pytest.mark.parametrize("query", ["types=nothing", "after=x", "after=-1"])
async def test_what_cannot_be_listened_to_is_refused(query: str) -> None:
    """Before the stream begins."""
    async with api(_with(1)) as web:
        assert (await web.ask("GET", f"/v1/events?{query}")).kind == "bad-parameter"


async def test_a_quiet_tenant_keeps_its_place_in_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise it would be told of a gap when what others have changed is purged."""
    monkeypatch.setattr(events, "ALIVE", 0.05)
    operations = _with(2)
    async with api(operations) as web, ApiClient(web.url) as client, asyncio.timeout(10):
        query = {"domain": "acme.example"}
        stream = client.events("/v1/events", query=query, with_places=True)
        begun = await anext(stream)
        assert (begun.type, begun.id) == (PLACE, "2")
        for _ in range(3):
            operations.journal.add(ALICE)
        result = await operations.set(Sets(ALICE, (Asked(DND, FeatureState(True)),)))
        operator = Requester(Origin.OPERATOR)
        settled = Settled(ALICE, result.outcomes, 1, operator, NOON, 0.0)
        operations.events.hear(settled)
        place = await anext(stream)
        assert (place.type, place.id) == (PLACE, "5")
        del operations.journal.entries[:4]
        operations.journal.add(ALICE._replace(domain="acme.example"))
        operations.events.hear(settled)
        [found] = await _some(web.url, 1, after=int(place.id), domain="acme.example")
        assert found.type == "feature-changed"


async def test_who_goes_is_forgotten() -> None:
    """The ring is made for listeners only."""
    operations = MemoryOperations()
    operations.journal = MemoryJournal()
    pieces = _pieces(operations.events, None, lambda _: True, Listening(LOCAL, Filter()))
    assert operations.events.counts["listeners"] == 0
    assert await anext(pieces) == b"retry: 2000\nid: 0\n\n"
    assert operations.events.counts["listeners"] == 1
    await pieces.aclose()
    assert operations.events.counts["listeners"] == 0
