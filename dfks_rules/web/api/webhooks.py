"""Who is told by HTTP what happens."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from dfks_rules.operations.events import FEATURE_CHANGED
from dfks_rules.operations.states import domain_from
from dfks_rules.operations.times import time_told
from dfks_rules.operations.webhooks import (
    MOST_DEAD,
    MOST_ENDPOINTS,
    MOST_ENDPOINTS_OF_TOKEN,
    DeadLetter,
    EndpointRow,
    NewEndpoint,
    Tried,
)
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import Caller, Scope
from dfks_rules.web.paging import LIMIT, after_parameter, cursor, page, page_schema
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import COMPONENTS, ref
from dfks_rules.web.table import Answer, Body, Call, Operation, Parameter, Reply, Where
from dfks_rules.web.webhook_schemas import WEBHOOK_SCHEMAS

T = TypeVar("T")

COMPONENTS.update(WEBHOOK_SCHEMAS)

MOST_AT_ONCE = 50
"""Dead letters on a page: each has its event, and phones wait while they are read."""
_HIGHEST = 1 << 62
"""Above every number of a dead letter."""


async def list_(call: Call) -> Answer:
    """All that the caller may see."""
    rows = [_told(one) for one in call.operations.webhooks.rows() if _sees(call.caller, one)]
    return Answer(page(rows, None))


async def add(call: Call) -> Answer:
    """A new one; its secret is told only now."""
    said = call.body
    _check_url(call, said["url"])
    new = NewEndpoint(
        said["url"],
        frozenset(said.get("types", [FEATURE_CHANGED])),
        call.caller.name,
        _domains(call.caller, said.get("domains")),
        said.get("coalesce", False),
    )
    try:
        most = MOST_ENDPOINTS_OF_TOKEN if call.door.needs_token else MOST_ENDPOINTS
        row = await call.operations.webhooks.add(new, most)
    except OverflowError as error:
        raise Problem("too-many", str(error)) from error
    told = {**_told(row), "secret": row.endpoint.secret}
    return Answer(told, 201, {"Location": f"/v1/webhooks/{row.endpoint.id}"})


async def show(call: Call) -> Answer:
    """One of them."""
    return Answer(_told(_row(call)))


async def change(call: Call) -> Answer:
    """What is said is replaced."""
    _row(call)
    said: dict[str, Any] = {}
    for name, value in call.body.items():
        match name:
            case "url":
                _check_url(call, value)
                said["url"] = value
            case "types":
                said["types"] = frozenset(value)
            case "domains":
                said["domains"] = _domains(call.caller, value)
            case "coalesce":
                said["is_coalescing"] = value
            case _:
                said["off"] = (
                    None if value else phrase("switched off by {name}", name=call.caller.name)
                )
    with _Found():
        row = await call.operations.webhooks.change(
            call.given["id"], lambda endpoint: endpoint._replace(**said)
        )
    return Answer(_told(row))


async def remove(call: Call) -> Answer:
    """The webhook is removed."""
    _row(call)
    with _Found():
        await call.operations.webhooks.remove(call.given["id"])
    return Answer(status=204)


async def test(call: Call) -> Answer:
    """One event that says nothing."""
    _row(call)
    with _Found():
        return Answer(_tried_told(await call.operations.webhooks.test(call.given["id"])))


async def rotate(call: Call) -> Answer:
    """A new secret, told only now."""
    _row(call)
    with _Found():
        row = await call.operations.webhooks.rotate(call.given["id"])
    return Answer({**_told(row), "secret": row.endpoint.secret})


async def dead(call: Call) -> Answer:
    """What was given up, the newest first."""
    _row(call)
    limit = min(call.given.get("limit", MOST_AT_ONCE), MOST_AT_ONCE)
    before = call.given["after"][0] if "after" in call.given else _HIGHEST
    if not 0 < before <= _HIGHEST:
        raise Problem("bad-cursor", phrase("not a cursor of this list"))
    found = await call.operations.webhooks.dead(call.given["id"], before, limit + 1)
    rows = [_dead_told(one) for one in found[:limit]]
    return Answer(page(rows, cursor(found[limit - 1].number) if len(found) > limit else None))


async def retry(call: Call) -> Answer:
    """One of those is sent once more."""
    _row(call)
    with _Found(phrase("no such dead letter")):
        number = call.given["number"]
        return Answer(_tried_told(await call.operations.webhooks.retry(call.given["id"], number)))


class _Found:
    """Tells of what somebody else has removed meanwhile as of what was never there."""

    def __init__(self, what: str = phrase("no such webhook")) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: type[BaseException] | None, error: object, _trace: object) -> None:
        if kind is not None and issubclass(kind, KeyError):
            raise Problem("not-found", self._what)
        if isinstance(error, OverflowError):
            raise Problem("too-many-requests", str(error))


def _row(call: Call) -> EndpointRow:
    """The endpoint that is meant; whoever does not see all of its domains does not see it."""
    with _Found():
        row = call.operations.webhooks.row(call.given["id"])
    if not _sees(call.caller, row):
        raise Problem("not-found", phrase("no such webhook"))
    return row


def _sees(caller: Caller, row: EndpointRow) -> bool:
    if caller.domains is None:
        return True
    domains = row.endpoint.domains
    return domains is not None and domains <= caller.domains


def _domains(caller: Caller, said: list[str] | None) -> frozenset[str] | None:
    """Whose changes are told: never more than the caller sees."""
    if said is None:
        return caller.domains
    return frozenset(_domain(caller, number, one) for number, one in enumerate(said))


def _domain(caller: Caller, number: int, said: str) -> str:
    try:
        domain = domain_from(said)
        if not caller.sees(domain):
            message = phrase("no such domain: `{domain}`", domain=domain)
            raise ValueError(message)
    except ValueError as error:
        pointer = f"/domains/{number}"
        errors = [{"pointer": pointer, "detail": str(error)}]
        raise Problem(
            "invalid-body",
            phrase("{pointer}: {error}", pointer=pointer, error=error),
            errors=errors,
        ) from error
    return domain


def _check_url(call: Call, url: str) -> None:
    try:
        call.operations.webhooks.check_url(url)
    except ValueError as error:
        errors = [{"pointer": "/url", "detail": str(error)}]
        raise Problem(
            "invalid-body", phrase("/url: {error}", error=error), errors=errors
        ) from error


def _told(row: EndpointRow) -> dict[str, Any]:
    one = row.endpoint
    return {
        "id": one.id,
        "url": one.url,
        "types": sorted(one.types),
        "domains": None if one.domains is None else sorted(one.domains),
        "coalesce": one.is_coalescing,
        "active": one.off is None,
        "offReason": one.off,
        "createdBy": one.actor,
        "createdAt": time_told(one.created),
        "lag": round(row.lag, 3),
        "failingLanes": row.failing,
        "dead": row.dead,
        "results": {result.value: count for result, count in row.results.items()},
    }


def _dead_told(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": str(letter.number),
        "event": letter.event,
        "type": letter.type,
        "presentity": None if letter.presentity is None else letter.presentity.uri,
        "at": time_told(letter.at),
        "tries": letter.tries,
        "reason": letter.reason,
        "body": orjson.loads(letter.body),
    }


def _tried_told(tried: Tried) -> dict[str, Any]:
    return {
        "result": tried.result.value,
        "status": tried.status or None,
        "detail": tried.detail,
        "seconds": round(tried.took, 3),
    }


def _matching(pattern: str, what: str, kind: Callable[[str], T]) -> Callable[[str], T]:
    wanted = re.compile(pattern)

    def take(text: str) -> T:
        if wanted.fullmatch(text) is None:
            message = phrase("`{text}` is not the id of {what}", text=text[:40], what=what)
            raise ValueError(message)
        return kind(text)

    return take


_ID_PATTERN, _NUMBER_PATTERN = "wh_[0-9a-f]{16}", "[0-9]{1,18}"
_ID = Parameter(
    "id",
    Where.PATH,
    "The id of a webhook.",
    {"type": "string", "pattern": f"^{_ID_PATTERN}$"},
    _matching(_ID_PATTERN, phrase("a webhook"), str),
)
_NUMBER = Parameter(
    "number",
    Where.PATH,
    "The id of a dead letter.",
    {"type": "string", "pattern": f"^{_NUMBER_PATTERN}$"},
    _matching(_NUMBER_PATTERN, phrase("a dead letter"), int),
)
_PROBLEMS = ("not-kept", "elsewhere", "store-unavailable")
_OF_ONE = ("not-found", *_PROBLEMS)
_FOLLOWS = {
    "show": ("showWebhook", {"id": "$response.body#/id"}),
    "change": ("changeWebhook", {"id": "$response.body#/id"}),
    "rotate": ("rotateWebhookSecret", {"id": "$response.body#/id"}),
    "remove": ("removeWebhook", {"id": "$response.body#/id"}),
}

OPERATIONS = (
    Operation(
        "listWebhooks",
        "GET",
        "/v1/webhooks",
        Scope.WEBHOOKS,
        "Lists webhooks.",
        list_,
        (Reply(200, "All webhooks, the oldest first.", page_schema("Webhook")),),
        problems=_PROBLEMS,
        description="A token with domains sees those that are told of nothing else.",
    ),
    Operation(
        "addWebhook",
        "POST",
        "/v1/webhooks",
        Scope.WEBHOOKS,
        "Adds a webhook, which is sent events from now on.",
        add,
        (
            Reply(
                201,
                "The webhook, with its secret.",
                ref("WebhookWithSecret"),
                headers=("Location",),
            ),
        ),
        body=Body(ref("NewWebhook")),
        problems=("too-many", *_PROBLEMS),
        follows=_FOLLOWS,
    ),
    Operation(
        "showWebhook",
        "GET",
        "/v1/webhooks/{id}",
        Scope.WEBHOOKS,
        "Shows a webhook and the state of its deliveries.",
        show,
        (Reply(200, "The webhook, without its secret.", ref("Webhook")),),
        (_ID,),
        problems=_OF_ONE,
    ),
    Operation(
        "changeWebhook",
        "PATCH",
        "/v1/webhooks/{id}",
        Scope.WEBHOOKS,
        "Changes a webhook; what waits for it is tried at once.",
        change,
        (Reply(200, "The webhook as it is now.", ref("Webhook")),),
        (_ID,),
        Body(ref("WebhookChange")),
        _OF_ONE,
    ),
    Operation(
        "removeWebhook",
        "DELETE",
        "/v1/webhooks/{id}",
        Scope.WEBHOOKS,
        "Removes a webhook, with its dead letters.",
        remove,
        (Reply(204, "The webhook is removed."),),
        (_ID,),
        problems=_OF_ONE,
    ),
    Operation(
        "testWebhook",
        "POST",
        "/v1/webhooks/{id}/test",
        Scope.WEBHOOKS,
        "Sends a test event, once.",
        test,
        (Reply(200, "What came of it.", ref("WebhookTry")),),
        (_ID,),
        problems=_OF_ONE,
        description="Its type is `dfks.test.v1`.",
    ),
    Operation(
        "rotateWebhookSecret",
        "POST",
        "/v1/webhooks/{id}/rotate",
        Scope.WEBHOOKS,
        "Gives a webhook a new secret; for 24 hours the old one signs as well.",
        rotate,
        (Reply(200, "The webhook, with its new secret.", ref("WebhookWithSecret")),),
        (_ID,),
        problems=_OF_ONE,
    ),
    Operation(
        "listDeadLetters",
        "GET",
        "/v1/webhooks/{id}/dead",
        Scope.WEBHOOKS,
        "Lists events that were given up, the newest first.",
        dead,
        (Reply(200, "A page of the list.", page_schema("DeadLetter")),),
        (_ID, after_parameter(int), LIMIT),
        problems=_OF_ONE,
        description=f"The last {MOST_DEAD:,} of each webhook are kept; a page has at most "
        f"{MOST_AT_ONCE}.",
    ),
    Operation(
        "retryDeadLetter",
        "POST",
        "/v1/webhooks/{id}/dead/{number}/retry",
        Scope.WEBHOOKS,
        "Sends an event that was given up again, once.",
        retry,
        (Reply(200, "What came of it; if it was delivered, it is gone.", ref("WebhookTry")),),
        (_ID, _NUMBER),
        problems=_OF_ONE,
    ),
)
