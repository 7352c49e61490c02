"""The journal: who changed what, when, and by which rule."""

from collections.abc import Awaitable, Callable
from typing import Any

from dfks_rules.operations.events import change_told
from dfks_rules.operations.times import time_told
from dfks_rules.operations.turns import Turns
from dfks_rules.phrases.phrase import phrase
from dfks_rules.service.ports import JournalEntry
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT
from dfks_rules.web.parameters import FEATURES, PRESENTITY, moment_from, take_feature
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import TIME, ref
from dfks_rules.web.table import Answer, Call, Operation, Parameter, Reply, Where

PORTION = 40
"""Changes that are read in one turn of the event loop: well under a millisecond."""
LOOKED_AT = 2_000
"""Most changes that are looked at for one page."""

_Read = Callable[[int], Awaitable[list[JournalEntry]]]
"""The next changes in some direction from the one with a number."""


async def list_(call: Call) -> Answer:
    """The newest changes, those before a number, or those after one."""
    given, journal = call.given, call.operations.journal
    if "after" in given and "before" in given:
        raise Problem(
            "bad-parameter", phrase("give `after` or `before`, not both"), parameter="before"
        )
    newest = await journal.newest()
    if "after" in given:
        start = min(given["after"], newest)
        return Answer(await _page(call, lambda last: journal.read(last, PORTION), start, newest))
    presentity = given.get("presentity")
    start = min(given.get("before", newest + 1), newest + 1)
    return Answer(
        await _page(call, lambda last: journal.of(presentity, PORTION, last), start, newest)
    )


async def _page(call: Call, read: _Read, start: int, newest: int) -> dict[str, Any]:
    """What is wanted of what is read, as long as something is, and not too much.

    Raises:
        StoreError: it cannot be read.
    """
    limit, is_wanted = call.given.get("limit", DEFAULT_LIMIT), _wanted(call)
    since = call.given.get("since", 0.0)
    items: list[dict[str, Any]] = []
    turns = Turns()
    last, is_forward = start, "after" in call.given
    for _ in range(LOOKED_AT // PORTION):
        entries = await read(last)
        for entry in entries:
            if not is_forward and entry.at < since:
                return {"items": items, "newest": newest}
            if len(items) == limit:
                return {"items": items, "newest": newest, "next": str(last)}
            last = entry.seq
            if is_wanted(entry):
                items.append(_told(entry))
        if not entries:
            return {"items": items, "newest": newest}
        await turns.rest()
    return {"items": items, "newest": newest, "next": str(last)}


def _wanted(call: Call) -> Callable[[JournalEntry], bool]:
    given, caller = call.given, call.caller
    presentity, feature = given.get("presentity"), given.get("feature")
    since = given.get("since", 0.0)

    def is_wanted(entry: JournalEntry) -> bool:
        return (
            presentity in (None, entry.presentity)
            and feature in (None, entry.feature)
            and entry.at >= since
            and caller.sees(entry.presentity.domain)
        )

    return is_wanted


def _told(entry: JournalEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": time_told(entry.at),
        "presentity": entry.presentity.uri,
        "revision": entry.revision,
        **change_told(entry),
    }


def take_number(text: str) -> int:
    """The number of a change.

    Raises:
        ValueError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        message = phrase("`{text}` is not the number of a change", text=text[:40])
        raise ValueError(message)
    return int(text)


def _take_time(text: str) -> float:
    try:
        return moment_from(text).timestamp()
    except OverflowError as error:
        raise ValueError(phrase("it is before all times")) from error


NUMBER = {"type": "string", "pattern": "^[0-9]{1,18}$"}
"""The schema of the number of a change, where it is a parameter."""

OPERATIONS = (
    Operation(
        "listHistory",
        "GET",
        "/v1/history",
        Scope.FEATURES_READ,
        "Lists who changed what, when, and by which rule.",
        list_,
        (Reply(200, "A page of changes.", ref("History")),),
        (
            PRESENTITY,
            Parameter(
                "feature",
                Where.QUERY,
                "Only changes of this feature.",
                {"type": "string", "enum": FEATURES},
                take_feature,
            ),
            Parameter(
                "since",
                Where.QUERY,
                "Only changes from this time on; RFC 3339, with an offset.",
                TIME | {"maxLength": 40},
                _take_time,
            ),
            Parameter(
                "after",
                Where.QUERY,
                "List what follows the change with this number, the oldest first.",
                NUMBER,
                take_number,
            ),
            Parameter(
                "before",
                Where.QUERY,
                "List what came before the change with this number, the newest first.",
                NUMBER,
                take_number,
            ),
            LIMIT,
        ),
        problems=("not-found", "not-kept", "store-unavailable"),
        description="The newest change is first, unless `after` is given. A page may have fewer "
        "rows than `limit`, or none: read on while there is a `next`. `journal.keep` says how far "
        "the journal goes back.",
    ),
)
