"""`policy`: list, reload, roll back and explain policies, and compare them with a candidate."""

from collections.abc import Awaitable
from itertools import islice
from typing import Any

from dfks_rules.errors import PolicyError
from dfks_rules.mi.errors import NOT_FOUND, CallError, translate
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import (
    fitting,
    page,
    take_aor,
    take_integer,
    take_offset,
    take_presentity,
    take_text,
)
from dfks_rules.model.identity import Aor
from dfks_rules.operations.coming import DEFAULT_HOURS, coming_told
from dfks_rules.operations.policies import Activation, FailureRow, ShadowRow
from dfks_rules.policy.studying.coming import MAX_HOURS

MAX_LIMIT = 500
"""Most decisions of a page."""
_OFF = "off"
_MAX_LISTED = 20
"""Most findings in a list of policies, which must fit into a datagram; a reload returns more."""


async def list_(desk: Desk, given: Given) -> Any:
    """The policies in force, with their history, last failure and candidate."""
    listing = desk.operations.policies.listing()
    rows, more = page(row._asdict() for row in listing.policies)
    result = {
        "revision": listing.revision,
        "policies": rows,
        "since": listing.since,
        "from": listing.origin,
        "history": [row._asdict() for row in listing.history],
        "last_failure": listing.failure and _failure(listing.failure),
        "shadow": listing.shadow and _shadow(listing.shadow, with_samples=False),
    }
    return result | {"more": more} if more else result


async def reload(desk: Desk, given: Given) -> Any:
    """Read the files again, and report the result."""
    return await _activated(desk.operations.policies.reload("operator"))


async def check(desk: Desk, given: Given) -> Any:
    """What a reload would bring."""
    return await _activated(desk.operations.policies.check())


async def rollback(desk: Desk, given: Given) -> Any:
    """Restore a revision."""
    return await _activated(desk.operations.policies.rollback(given.get("revision")))


async def shadow(desk: Desk, given: Given) -> Any:
    """Start, stop, or show the comparison with a candidate."""
    policies = desk.operations.policies
    match given.get("path"):
        case None:
            row = policies.listing().shadow
            return row and _shadow(row, with_samples=True)
        case text if text == _OFF:
            await policies.stop_shadow()
            return "OK"
        case path:
            try:
                return _shadow(await policies.start_shadow(path), with_samples=True)
            except PolicyError as error:
                raise _unusable(error) from error


async def _activated(asked: Awaitable[Activation]) -> Any:
    try:
        return (await asked)._asdict()
    except PolicyError as error:
        raise _unusable(error) from error


def _unusable(error: PolicyError) -> CallError:
    """The error for unusable policies, with each finding separately, as many as fit."""
    findings, more = page(map(str, error.findings))
    data = {"findings": findings} | ({"more": more} if more else {})
    told = translate(error)
    return CallError(told.code, told.message, data)


def _failure(row: FailureRow) -> dict[str, Any]:
    findings, more = row.findings[:_MAX_LISTED], max(0, len(row.findings) - _MAX_LISTED)
    result = {"at": row.at, "trigger": row.trigger, "findings": findings}
    return result | {"more": more} if more else result


def _shadow(row: ShadowRow, *, with_samples: bool) -> dict[str, Any]:
    result = row._asdict()
    samples, more = page(result.pop("samples"))
    if not with_samples:
        return result
    return result | {"samples": samples} | ({"more": more} if more else {})


async def decisions(desk: Desk, given: Given) -> Any:
    """One page of the last decisions."""
    offset = given.get("offset", 0)
    found, total = desk.operations.latest_decisions(given.get("presentity"), offset)
    rows = fitting(islice(found, given.get("limit", MAX_LIMIT))).rows
    more = max(0, total - offset - len(rows))
    result: dict[str, Any] = {"decisions": rows}
    return result | {"more": more, "next_offset": offset + len(rows)} if more else result


async def explain(desk: Desk, given: Given) -> Any:
    """Why decisions came out as they did."""
    explained, more = page(await desk.operations.explain_decisions(given["which"]))
    if not explained:
        raise CallError(NOT_FOUND, "No such decision")
    result: dict[str, Any] = {"decisions": explained}
    return result | {"more": more} if more else result


async def next_(desk: Desk, given: Given) -> Any:
    """What time will change for a presentity."""
    hours = given.get("hours", DEFAULT_HOURS)
    found = await desk.operations.coming(given["presentity"], hours)
    changes, more = page(map(coming_told, found))
    result: dict[str, Any] = {"changes": changes}
    return result | {"more": more} if more else result


def _take_hours(value: Any) -> int:
    number = take_integer(value)
    if not 1 <= number <= MAX_HOURS:
        message = f"`{str(number)[:40]}` is not 1 to {MAX_HOURS}"
        raise ValueError(message)
    return number


def _take_which(value: Any) -> Aor | str:
    """A presentity, or the id of a decision, which has no `@`."""
    text = take_text(value)
    return take_aor(text) if "@" in text else text


def _take_limit(value: Any) -> int:
    number = take_integer(value)
    if not 1 <= number <= MAX_LIMIT:
        message = f"`{str(number)[:40]}` is not 1 to {MAX_LIMIT}"
        raise ValueError(message)
    return number


METHODS = (
    Method(
        "policy:list",
        (),
        "Lists the active policies in order of precedence, their revision, and the revisions to "
        "which you can roll back.",
        ((),),
        {},
        list_,
    ),
    Method(
        "policy:reload",
        (),
        "Reloads the policy files; if they are invalid, says why and changes nothing.",
        ((),),
        {},
        reload,
    ),
    Method(
        "policy:check",
        (),
        "Checks the policy files as they are now, and changes nothing; `changed` says whether a "
        "reload would bring others than those in force.",
        ((),),
        {},
        check,
    ),
    Method(
        "policy:rollback",
        (),
        "Rolls back to the previous revision or to a given one.",
        ((), ("revision",)),
        {"revision": Parameter(take_text, "a revision listed under `history` by `policy:list`")},
        rollback,
    ),
    Method(
        "policy:shadow",
        (),
        "Compares the policies in a folder with the active ones; without a path, shows results.",
        ((), ("path",)),
        {"path": Parameter(take_text, f"a folder or file on the server, or `{_OFF}`")},
        shadow,
    ),
    Method(
        "policy:decisions",
        (),
        "Lists the last decisions, newest first, each with its facts; `more` says how many are "
        "left, `next_offset` where to continue.",
        (
            (),
            ("presentity",),
            ("presentity", "offset"),
            ("presentity", "offset", "limit"),
        ),
        {
            "presentity": Parameter(take_presentity, "address of record, or `*` for all"),
            "offset": Parameter(take_offset, "how many rows to skip"),
            "limit": Parameter(_take_limit, f"at most so many rows, 1 to {MAX_LIMIT}"),
        },
        decisions,
    ),
    Method(
        "policy:explain",
        ("dfks:explain",),
        "Shows which rules matched and decided, and why the others did not match.",
        (("which",),),
        {
            "which": Parameter(
                _take_which, "id of a decision, or a presentity for its last decisions"
            )
        },
        explain,
    ),
    Method(
        "policy:next",
        (),
        "Shows what time will change for a presentity if nobody touches anything: what expires, "
        "and what its phone is shown from some moment on.",
        (("presentity",), ("presentity", "hours")),
        {
            "presentity": Parameter(take_aor, "address of record"),
            "hours": Parameter(
                _take_hours, f"how far ahead, 1 to {MAX_HOURS}; default: {DEFAULT_HOURS}"
            ),
        },
        next_,
    ),
)
