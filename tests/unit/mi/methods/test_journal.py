"""Who changed what, over MI."""

import json
from typing import Any

import pytest

from dfks_rules.mi.methods.journal import LIMIT
from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from tests.helpers.journal import ALICE
from tests.helpers.mi import dispatcher, error, request, result
from tests.helpers.operations import MemoryOperations

BOB = Aor("bob", "example.com")
CFA = Feature.CALL_FORWARDING_ALWAYS


@pytest.fixture
def operations() -> MemoryOperations:
    """Alice pressed a key, bob another, alice hers again."""
    operations = MemoryOperations()
    operations.journal.add()
    operations.journal.add(BOB, CFA)
    operations.journal.add()
    return operations


def _seqs(listing: Any) -> list[int]:
    return [row["seq"] for row in listing["changes"]]


async def test_a_change_says_who_and_by_which_rule(operations: MemoryOperations) -> None:
    """All that the journal knows, in JSON."""
    listing = await result(operations, "journal:list", ["sip:bob@example.com"])
    at = listing["changes"][0].pop("at")
    assert at.startswith("2026-01-0")
    assert listing == {
        "changes": [
            {
                "seq": 2,
                "presentity": "sip:bob@example.com",
                "revision": 2,
                "feature": "CallForwardingAlways",
                "before": {"status": 1},
                "after": {"status": 0},
                "origin": "watcher",
                "actor": "sip:bob@example.com",
                "rule": "p/r",
                "decision": "abc-2",
            }
        ],
        "last": 3,
        "more": False,
    }


@pytest.mark.parametrize(
    ("params", "seqs", "more"),
    [
        ({}, [1, 2, 3], False),
        (["*"], [1, 2, 3], False),
        (["alice@example.com"], [1, 3], False),
        ({"presentity": "*", "limit": "2"}, [2, 3], True),
        ({"presentity": "*", "feature": "CallForwardingAlways"}, [2], False),
        ({"presentity": "*", "after": "1"}, [2, 3], False),
        ({"presentity": "*", "after": 1, "limit": 1}, [2], True),
        ({"presentity": "*", "after": 3}, [], False),
        (["*", "0", "9", "DoNotDisturb"], [1, 3], False),
    ],
)
async def test_changes_are_chosen(
    operations: MemoryOperations, params: Any, seqs: list[int], more: bool
) -> None:
    """By whom they are about, by number, and by feature."""
    listing = await result(operations, "journal:list", params)
    assert (_seqs(listing), listing["more"]) == (seqs, more)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"presentity": "*", "after": -1}, "after: `-1` is not the number of a change"),
        ({"presentity": "*", "limit": 0}, "limit: `0` is not 1 to 500"),
        ({"presentity": "*", "limit": 501}, "limit: `501` is not 1 to 500"),
        ({"presentity": "*", "feature": "Dnd"}, "feature: `Dnd` is not a feature"),
        ({"presentity": "x y", "after": 1}, "presentity: "),
        (["*", 1], "Ambiguous call"),
        ({"since": 1}, "Named parameters do not match"),
    ],
)
async def test_other_parameters_are_refused(
    operations: MemoryOperations, params: Any, why: str
) -> None:
    """With the reason."""
    assert (await error(operations, "journal:list", params))["data"].startswith(why)


@pytest.mark.parametrize("after", [None, 0])
async def test_long_lists_fit_datagrams(after: int | None) -> None:
    """A client reads 32,768 bytes: the newest are shown, or the first that follow."""
    operations = MemoryOperations()
    for _ in range(900):
        operations.journal.add(rule="p/" + "r" * 60)
    params = {"presentity": "*", "limit": 500}
    if after is not None:
        params["after"] = after
    line = await dispatcher(operations).answer(request("journal:list", params))
    assert line is not None
    assert len(line) < 32_768
    listing = json.loads(line)["result"]
    seqs = _seqs(listing)
    assert listing["more"]
    assert 50 < len(seqs) < 500
    assert seqs == [*range(seqs[0], seqs[-1] + 1)]
    if after is None:
        assert (seqs[-1], listing["last"]) == (900, 900)
    else:
        assert (seqs[0], listing["last"]) == (1, seqs[-1])


async def test_who_asks_on_and_on_misses_nothing() -> None:
    """Webhooks and streams are made of this."""
    operations = MemoryOperations()
    for number in range(2500):
        operations.journal.add(BOB if number % 3 else ALICE, rule="p/" + "r" * 60)
    params: dict[str, Any] = {"presentity": "sip:alice@example.com", "after": 0}
    seqs: list[int] = []
    more = True
    while more:
        listing = await result(operations, "journal:list", params)
        seqs += _seqs(listing)
        params["after"], more = listing["last"], listing["more"]
    assert seqs == [entry.seq for entry in operations.journal.entries if entry.presentity == ALICE]


async def test_without_a_limit_there_is_one() -> None:
    """Somebody types `journal:list` on a busy server."""
    operations = MemoryOperations()
    for _ in range(LIMIT + 1):
        operations.journal.add()
    listing = await result(operations, "journal:list")
    assert (len(listing["changes"]), listing["more"]) == (LIMIT, True)


async def test_a_journal_that_cannot_be_read_is_an_error(operations: MemoryOperations) -> None:
    """Not an empty list."""
    operations.journal.is_broken = True
    failed = await error(operations, "journal:list")
    assert (failed["code"], failed["message"]) == (503, "Store unavailable")
