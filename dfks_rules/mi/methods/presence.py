"""`presence`: subscriptions."""

from typing import Any

from dfks_rules.mi.errors import invalid_params
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import (
    fitting,
    take_aor,
    take_integer,
    take_offset,
    take_presentity,
    take_text,
)
from dfks_rules.presence import package

EVENT = package.EVENT.decode()


async def subs_phtable_list(desk: Desk, given: Given) -> Any:
    """One page of subscriptions."""
    offset = given.get("offset", 0)
    found, total = desk.operations.subscriptions(given.get("presentity"), offset)
    rows = fitting(row._asdict() for row in found).rows
    more = max(0, total - offset - len(rows))
    listing: dict[str, Any] = {"subscriptions": rows}
    if more:
        listing |= {"more": more, "next_offset": offset + len(rows)}
    return listing


async def refresh_watchers(desk: Desk, given: Given) -> Any:
    """Send each watcher the full state."""
    if given.get("event", EVENT) != EVENT:
        message = f"event: `{given['event']}` is not `{EVENT}`"
        raise invalid_params(message)
    return {"watchers": desk.operations.refresh_watchers(given["presentity_uri"])}


async def cleanup(desk: Desk, given: Given) -> Any:
    """Nothing to clean up: subscriptions expire by themselves."""
    return "OK"


METHODS = (
    Method(
        "presence:subs_phtable_list",
        ("subs_phtable_list",),
        "Lists subscriptions; `more` says how many rows are left, `next_offset` where to continue.",
        ((), ("presentity",), ("presentity", "offset")),
        {
            "presentity": Parameter(take_presentity, "address of record, or `*` for all"),
            "offset": Parameter(take_offset, "how many rows to skip"),
        },
        subs_phtable_list,
    ),
    Method(
        "presence:refresh_watchers",
        ("refresh_watchers", "refreshWatchers"),
        "Sends the full state of a presentity to each of its watchers; returns their number.",
        (
            ("presentity_uri",),
            ("presentity_uri", "event"),
            ("presentity_uri", "event", "refresh_type"),
        ),
        {
            "presentity_uri": Parameter(take_aor, "address of record"),
            "event": Parameter(take_text, f"`{EVENT}`, the only event package"),
            "refresh_type": Parameter(
                take_integer, "a number, for compatibility with OpenSIPS; ignored"
            ),
        },
        refresh_watchers,
    ),
    Method(
        "presence:cleanup",
        ("cleanup",),
        "Does nothing, because subscriptions expire by themselves; returns `OK`.",
        ((),),
        {},
        cleanup,
    ),
)
