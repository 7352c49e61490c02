"""Who changed what, over HTTP."""

from pathlib import Path

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.web.api.history import LOOKED_AT, PORTION
from dfks_rules.web.binding import check
from dfks_rules.web.schemas import ref
from dfks_rules.web.tokens import TokenFile
from tests.helpers.journal import ALICE
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, Api, api, token_file

_BOB = Aor("bob", "acme.example")
_LIST = "/v1/history"


def _with(changes: int) -> MemoryOperations:
    """Bob presses a key after each nine of Alice's."""
    operations = MemoryOperations()
    for number in range(1, changes + 1):
        if number % 10:
            operations.journal.add(ALICE)
        else:
            operations.journal.add(_BOB, Feature.CALL_FORWARDING_ALWAYS)
    return operations


async def _seqs(web: Api, query: str = "") -> list[int]:
    got = await web.ask("GET", f"{_LIST}?{query}")
    check("history", ref("History"), got.json)
    return [one["seq"] for one in got.json["items"]]


async def test_a_change_says_who_and_by_which_rule() -> None:
    """All that the journal knows."""
    async with api(_with(1)) as web:
        got = await web.ask("GET", _LIST)
        assert got.json == {
            "items": [
                {
                    "seq": 1,
                    "at": "2026-01-05T11:00:01.000+00:00",
                    "presentity": "sip:alice@example.com",
                    "revision": 1,
                    "feature": "DoNotDisturb",
                    "before": {"status": "off"},
                    "after": {"status": "on"},
                    "origin": "watcher",
                    "actor": "sip:alice@example.com",
                    "rule": "p/r",
                    "decision": "abc-1",
                }
            ],
            "newest": 1,
        }


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("limit=2", [30, 29]),
        ("before=3", [2, 1]),
        ("before=99&limit=1", [30]),
        ("after=28", [29, 30]),
        ("after=99", []),
        ("after=0&limit=2", [1, 2]),
        ("presentity=bob@acme.example", [30, 20, 10]),
        ("presentity=bob@acme.example&before=20", [10]),
        ("presentity=bob@acme.example&after=10", [20, 30]),
        ("feature=CallForwardingAlways", [30, 20, 10]),
        ("since=2026-01-05T11:00:29Z", [30, 29]),
        ("since=2026-01-05T12:00:29%2B01:00&after=0", [29, 30]),
    ],
)
async def test_what_is_asked_for_is_listed(query: str, seqs: list[int]) -> None:
    """The newest first, or what follows a number."""
    async with api(_with(30)) as web:
        assert await _seqs(web, query) == seqs


@pytest.mark.parametrize("way", ["before", "after"])
async def test_pages_follow_each_other_and_leave_nothing_out(way: str) -> None:
    """`next` goes on in the same direction."""
    async with api(_with(95)) as web:
        found: list[int] = []
        query = "limit=20" + ("&after=0" if way == "after" else "")
        while True:
            got = (await web.ask("GET", f"{_LIST}?{query}")).json
            found += [one["seq"] for one in got["items"]]
            if "next" not in got:
                break
            query = f"limit=20&{way}={got['next']}"
    assert sorted(found) == list(range(1, 96))
    assert found == sorted(found, reverse=way == "before")


async def test_only_so_many_changes_are_looked_at_for_a_page() -> None:
    """What is rare comes on later pages; the loop turns in between."""
    operations = _with(LOOKED_AT + PORTION)
    async with api(operations) as web:
        got = (await web.ask("GET", f"{_LIST}?feature=CallForwardingBusy")).json
        assert (got["items"], got["next"]) == ([], str(PORTION + 1))


async def test_a_tenant_sees_its_own_changes(tmp_path: Path) -> None:
    """And learns nothing of others."""
    tokens = token_file(tmp_path, acme=(ALL, ["acme.example"]))
    async with api(_with(30), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["acme"]
        assert await _seqs(web) == [30, 20, 10]
        assert await _seqs(web, "after=0&limit=1") == [10]
        got = await web.ask("GET", f"{_LIST}?presentity=alice@example.com")
        assert (got.status, got.kind) == (404, "not-found")


@pytest.mark.parametrize(
    "query",
    ["after=1&before=2", "after=-1", "before=x", "since=yesterday", "since=2026-01-05T11:00:00"],
)
async def test_what_cannot_be_meant_is_refused(query: str) -> None:
    """A time without an offset is another one on another machine."""
    async with api(_with(3)) as web:
        got = await web.ask("GET", f"{_LIST}?{query}")
        assert (got.status, got.kind) == (400, "bad-parameter")


async def test_a_time_that_cannot_be_read_is_named_in_plain_words() -> None:
    """Not in those of a library."""
    async with api(_with(3)) as web:
        got = await web.ask("GET", f"{_LIST}?since=yesterday")
        assert got.json["detail"] == "since: `yesterday` is not a time such as 2026-01-05T12:00:00Z"


async def test_a_journal_that_cannot_be_read_is_503() -> None:
    """Never an empty list."""
    operations = _with(3)
    operations.journal.is_broken = True
    async with api(operations) as web:
        assert (await web.ask("GET", _LIST)).kind == "store-unavailable"
