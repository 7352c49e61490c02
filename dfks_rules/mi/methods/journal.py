"""`journal`: who changed what, when, and by which rule."""

from datetime import UTC, datetime
from typing import Any

from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import page, take_integer, take_presentity, take_text
from dfks_rules.model.features import Feature
from dfks_rules.operations.states import state_json
from dfks_rules.operations.times import time_told
from dfks_rules.service.history import History, Which, follow, latest
from dfks_rules.service.ports import JournalEntry

LIMIT = 100
"""Most changes of a reply, where the call says nothing."""
MAX_LIMIT = 500
LOOKED_AT = 500
"""Most changes that one call looks at: phones wait meanwhile, about 5 ms."""


async def list_(desk: Desk, given: Given) -> Any:
    """The newest changes, or those after a number, in order.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    which = Which(given.get("presentity"), given.get("feature"))
    limit, after = given.get("limit", LIMIT), given.get("after")
    if after is None:
        return _newest(await latest(desk.operations.journal, which, limit, LOOKED_AT))
    return _next(await follow(desk.operations.journal, which, after, limit, LOOKED_AT))


def _newest(history: History) -> dict[str, Any]:
    rows, dropped = page(map(row_of, reversed(history.entries)))
    return {"changes": rows[::-1], "last": history.last, "more": history.more or dropped > 0}


def _next(history: History) -> dict[str, Any]:
    rows, dropped = page(map(row_of, history.entries))
    last = rows[-1]["seq"] if dropped else history.last
    return {"changes": rows, "last": last, "more": history.more or dropped > 0}


def row_of(entry: JournalEntry) -> dict[str, Any]:
    """A change as JSON; `at` in local time."""
    at = datetime.fromtimestamp(entry.at, UTC).astimezone()
    return {
        "seq": entry.seq,
        "at": time_told(at),
        "presentity": entry.presentity.uri,
        "revision": entry.revision,
        "feature": entry.feature.value,
        "before": state_json(entry.before),
        "after": state_json(entry.after),
        "origin": entry.origin.value,
        "actor": entry.actor,
        "rule": entry.rule,
        "decision": entry.decision,
    }


def _take_number(value: Any) -> int:
    number = take_integer(value)
    if not 0 <= number < 2**63:
        message = f"`{str(number)[:40]}` is not the number of a change"
        raise ValueError(message)
    return number


def _take_limit(value: Any) -> int:
    number = take_integer(value)
    if not 1 <= number <= MAX_LIMIT:
        message = f"`{str(number)[:40]}` is not 1 to {MAX_LIMIT}"
        raise ValueError(message)
    return number


def _take_feature(value: Any) -> Feature:
    try:
        return Feature(take_text(value))
    except ValueError:
        message = f"`{value[:40]}` is not a feature"
        raise ValueError(message) from None


METHODS = (
    Method(
        "journal:list",
        (),
        "Lists changes of features, the newest last; `last` is where `after` goes on.",
        (
            (),
            ("presentity",),
            ("presentity", "after"),
            ("presentity", "limit"),
            ("presentity", "feature"),
            ("presentity", "after", "limit"),
            ("presentity", "after", "feature"),
            ("presentity", "limit", "feature"),
            ("presentity", "after", "limit", "feature"),
        ),
        {
            "presentity": Parameter(take_presentity, "address of record, or `*` for all"),
            "after": Parameter(_take_number, "list what follows the change with this `seq`"),
            "limit": Parameter(_take_limit, f"at most so many, 1 to {MAX_LIMIT}"),
            "feature": Parameter(
                _take_feature, ", ".join(f"`{feature.value}`" for feature in Feature)
            ),
        },
        list_,
    ),
)
