"""Which tokens there are, and when each was used; never what would let somebody in."""

from datetime import datetime
from typing import Any

from dfks_rules.operations.times import time_told
from dfks_rules.web.caller import Caller, Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT, after_parameter, cursor, page, page_schema
from dfks_rules.web.schemas import COMPONENTS, TEXT, TIME, nullable, record
from dfks_rules.web.table import Answer, Call, Operation, Reply
from dfks_rules.web.tokens import Entry, Known

COMPONENTS["Token"] = record(
    {
        "name": TEXT,
        "scopes": {
            "type": "array",
            "items": {"type": "string", "enum": [scope.value for scope in Scope]},
        },
        "domains": nullable({"type": "array", "items": TEXT})
        | {"description": "Those that it sees; null: all."},
        "created": nullable(TIME) | {"description": "null: nobody knows."},
        "expires": nullable(TIME) | {"description": "From then on nobody is let in; null: never."},
        "lastUsed": nullable(TIME) | {"description": "null: not since the server started."},
        "lastAddress": nullable(TEXT) | {"description": "From where; of a proxy if there is one."},
    }
)


async def list_(call: Call) -> Answer:
    """A page of those that the caller may see."""
    limit, after = call.given.get("limit", DEFAULT_LIMIT), tuple(call.given.get("after", ()))
    found = [
        one
        for one in call.door.tokens()
        if _sees(call.caller, one.entry.caller) and _key(one.entry) > after
    ]
    found.sort(key=lambda one: _key(one.entry))
    last = cursor(*_key(found[limit - 1].entry)) if len(found) > limit else None
    return Answer(page([_told(one) for one in found[:limit]], last))


def _key(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.created


def _sees(caller: Caller, other: Caller) -> bool:
    """Whoever sees nothing that the caller does not see; so also himself."""
    if caller.domains is None:
        return True
    return other.domains is not None and other.domains <= caller.domains


def _told(known: Known) -> dict[str, Any]:
    entry, last = known
    return {
        "name": entry.name,
        "scopes": list(entry.scopes),
        "domains": list(entry.domains) or None,
        "created": _moment(entry.created),
        "expires": _moment(entry.expires),
        "lastUsed": last and time_told(last.at),
        "lastAddress": last and last.address,
    }


def _moment(text: str) -> str | None:
    """As all times are told; None where the file, which people may edit, has none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else time_told(moment)


OPERATIONS = (
    Operation(
        "listTokens",
        "GET",
        "/v1/tokens",
        Scope.TOKENS_READ,
        "Lists the tokens of the HTTP API, also expired ones, without their secrets.",
        list_,
        (Reply(200, "A page of the list, by name.", page_schema("Token")),),
        (after_parameter(str, str), LIMIT),
        description="A token with domains sees itself, and those that see nothing else. A stream "
        "counts as use as long as it is told something. Uses are forgotten when the server stops; "
        "where there are several nodes, each knows its own. Without `http.tokens`, there are none.",
    ),
)
