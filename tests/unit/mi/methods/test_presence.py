"""Who watches whom."""

import json

import pytest

from tests.helpers.mi import dispatcher, error, request, result
from tests.helpers.operations import MemoryOperations, subscription


async def test_subscriptions_are_listed() -> None:
    """The row that an operator looks for when a phone shows the wrong key."""
    operations = MemoryOperations()
    operations.rows = [subscription(1)]
    listing = await result(operations, "subs_phtable_list")
    assert listing == {
        "subscriptions": [
            {
                "presentity": "sip:alice@example.com",
                "watcher": "sip:phone1@example.com",
                "call_id": "call-1@192.0.2.1",
                "expires": 3600,
                "contact": "sip:phone1@192.0.2.1:5060",
                "event": "as-feature-event",
                "transport": "udp",
                "proof": "proved",
            }
        ]
    }


async def test_subscriptions_are_found_by_presentity() -> None:
    """However the address is written."""
    operations = MemoryOperations()
    operations.rows = [subscription(1), subscription(2, "sip:bob@example.com")]
    (row,) = (await result(operations, "subs_phtable_list", ["bob@Example.com"]))["subscriptions"]
    assert row["watcher"] == "sip:phone2@example.com"
    assert len((await result(operations, "subs_phtable_list", ["*"]))["subscriptions"]) == 2


async def test_long_list_fits_datagrams_and_is_read_page_by_page() -> None:
    """A datagram client reads 32,768 bytes; nothing may be lost between pages."""
    operations = MemoryOperations()
    operations.rows = [subscription(number) for number in range(1000)]
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        line = await dispatcher(operations).answer(request("subs_phtable_list", ["*", str(offset)]))
        assert line is not None
        assert len(line) < 32_768
        answer = json.loads(line)["result"]
        seen += [row["call_id"] for row in answer["subscriptions"]]
        assert answer.get("more", 0) == 1000 - len(seen)
        offset = answer.get("next_offset")
    assert seen == [row.call_id for row in operations.rows]


@pytest.mark.parametrize("offset", [-1, 2**31, "x"])
async def test_offset_out_of_range_is_refused(offset: int | str) -> None:
    """A negative one would be a crash in islice."""
    failed = await error(MemoryOperations(), "subs_phtable_list", ["*", offset])
    assert failed["data"].startswith("offset: ")


@pytest.mark.parametrize("more", [[], ["as-feature-event"], ["as-feature-event", "0"]])
async def test_refresh_tells_how_many_watch(more: list[str]) -> None:
    """With the parameters of OpenSIPS."""
    operations = MemoryOperations()
    operations.rows = [subscription(1), subscription(2)]
    params = ["sip:alice@example.com", *more]
    assert await result(operations, "refreshWatchers", params) == {"watchers": 2}


async def test_refresh_of_another_event_package_is_refused() -> None:
    """There is only one here."""
    params = ["sip:alice@example.com", "presence"]
    failed = await error(MemoryOperations(), "presence:refresh_watchers", params)
    assert failed["data"] == "event: `presence` is not `as-feature-event`"


async def test_cleanup_has_nothing_to_do() -> None:
    """Cron jobs call it."""
    assert await result(MemoryOperations(), "presence:cleanup") == "OK"
