"""Who listens to events, and who did until lately."""

from typing import Any

from dfks_rules.operations.events import TYPES
from dfks_rules.operations.times import time_told
from dfks_rules.web.audience import MOST_GONE, MOST_GONE_OF_TOKEN, Ending, Present
from dfks_rules.web.caller import Caller, Scope
from dfks_rules.web.paging import page, page_schema
from dfks_rules.web.schemas import AOR, COMPONENTS, SEQ, TEXT, TIME, nullable, record
from dfks_rules.web.table import Answer, Call, Operation, Reply

_COUNT = {"type": "integer", "minimum": 0}
_TEXTS = {"type": "array", "items": TEXT}
COMPONENTS["EventStream"] = record(
    {
        "token": TEXT | {"description": "Name of the token that it is listened to with."},
        "agent": TEXT | {"description": "User-Agent; that of a bridge begins with `dfks-bridge-`."},
        "address": TEXT,
        "domains": nullable(_TEXTS) | {"description": "Those that the token sees; null: all."},
        "types": {"type": "array", "items": {"type": "string", "enum": list(TYPES)}}
        | {"description": "What was asked for."},
        "domain": nullable(TEXT) | {"description": "Whose events were asked for; null: all."},
        "presentity": nullable(AOR) | {"description": "Of whom they were asked for; null: all."},
        "since": TIME,
        "until": nullable(TIME) | {"description": "When it ended; null: it is open."},
        "ending": nullable({"type": "string", "enum": [one.value for one in Ending]})
        | {
            "description": "Why it ended: the client left, or read nothing; its token is no longer "
            "valid; or the server had nothing more to tell."
        },
        "times": {"type": "integer", "minimum": 1}
        | {"description": "How often this program has come, this time included."},
        "lastId": SEQ | {"description": "Number of the newest change up to which all was sent."},
        "behind": _COUNT | {"description": "How many changes of anybody there are after that."},
        "gaps": _COUNT | {"description": "How often it was told that events are lost."},
        "waiting": _COUNT | {"description": "Bytes that were sent and have not arrived."},
    }
)


async def list_(call: Call) -> Answer:
    """All that the caller may see."""
    newest = await call.operations.journal.newest()
    found = [one for one in call.door.listeners() if _sees(call.caller, one)]
    return Answer(page([_told(one, newest) for one in found], None))


def _sees(caller: Caller, one: Present) -> bool:
    """Whoever hears of nothing that the caller does not see."""
    if caller.domains is None:
        return True
    domains = one.listening.caller.domains
    return domains is not None and domains <= caller.domains


def _told(one: Present, newest: int) -> dict[str, Any]:
    listening = one.listening
    domains, asked = listening.caller.domains, listening.asked
    return {
        "token": listening.caller.name,
        "agent": one.agent,
        "address": one.address,
        "domains": None if domains is None else sorted(domains),
        "types": [name for name in TYPES if asked.types is None or name in asked.types],
        "domain": asked.domain,
        "presentity": asked.presentity,
        "since": time_told(one.since),
        "until": None if one.until is None else time_told(one.until),
        "ending": one.ending and one.ending.value,
        "times": one.times,
        "lastId": listening.place,
        "behind": max(0, newest - listening.place),
        "gaps": listening.gaps,
        "waiting": one.waiting(),
    }


OPERATIONS = (
    Operation(
        "listEventStreams",
        "GET",
        "/v1/events/streams",
        Scope.EVENTS_READ,
        "Lists who listens to events: bridges, programs, consoles.",
        list_,
        (
            Reply(
                200, "Open streams, the oldest first; then ended ones.", page_schema("EventStream")
            ),
        ),
        problems=("not-kept", "store-unavailable"),
        description="Programs that have gone are listed for a week, or until they are back or the "
        f"server stops: the last {MOST_GONE_OF_TOKEN} of each token and {MOST_GONE} of all. "
        "Browsers that have gone are not. A token with domains sees those whose tokens see nothing "
        "else. Where several nodes share a store, each lists its own.",
    ),
)
