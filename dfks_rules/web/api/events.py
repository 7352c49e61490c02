"""What happens, as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import orjson

from dfks_rules.operations.events import GAP, TYPES, Event, Events
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.audience import Filter, Listening
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import DOMAIN, PRESENTITY
from dfks_rules.web.table import Answer, Call, Operation, Parameter, Reply, Streamed, Where

GATHER = 0.1
"""Seconds for which further events are gathered into one write; the first goes at once."""
ALIVE = 15.0
"""Seconds after which a comment says that the stream lives; with it goes the number of the newest
change, if there are some that the client did not ask for: he would lose his place in the journal.
An `id` without `data` is no event, but remembered (WHATWG HTML §9.2.6, dispatch the event).
"""
AT_ONCE = 100
"""Most events in one write."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream(call: Call) -> Answer | Streamed:
    """Events until the client goes."""
    given = call.given
    after = given.get("Last-Event-ID", given.get("after"))
    # Nobody listens before somebody reads: of HEAD nothing would be left to close.
    await call.operations.journal.newest()
    about = given.get("presentity")
    asked = Filter(given.get("types"), given.get("domain"), about and about.uri)
    listening = Listening(call.caller, asked)
    pieces = _pieces(call.operations.events, after, _wanted(call), listening)
    return Streamed(pieces, "text/event-stream", _HEADERS, is_endless=True, listening=listening)


def _wanted(call: Call) -> Callable[[Event], bool]:
    """Whether an event is for this caller, and was asked for."""
    presentity, domain = call.given.get("presentity"), call.given.get("domain")
    types = call.given.get("types", frozenset(TYPES))

    def is_wanted(event: Event) -> bool:
        if event.type == GAP:
            return True
        if event.type not in types:
            return False
        about = event.presentity
        if about is None:
            # What is wrong with policies may be another tenant's.
            return presentity is None and domain is None and call.caller.domains is None
        is_meant = presentity in (None, about) and domain in (None, about.domain)
        return is_meant and call.caller.sees(about.domain)

    return is_wanted


async def _pieces(
    events: Events, after: int | None, is_wanted: Callable[[Event], bool], listening: Listening
) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    listener = await events.listen(after)
    written, told_of = loop.time(), listener.seq
    listening.place = listener.seq
    try:
        yield b"retry: 2000\n%b\n" % (_place(listener.seq) if after is None else b"")
        while True:
            try:
                await asyncio.wait_for(listener.wait(), max(0.0, written + ALIVE - loop.time()))
            except TimeoutError:
                yield b": alive\n%b\n" % (_place(listener.seq) if listener.seq > told_of else b"")
                written, told_of = loop.time(), listener.seq
                continue
            wanted = [one for one in await listener.take(AT_ONCE) if is_wanted(one)]
            if wanted:
                yield b"".join(_told(one) for one in wanted)
                written, told_of = loop.time(), max(told_of, wanted[-1].seq)
            # Not before it was written: who does not read falls behind.
            listening.place = listener.seq
            listening.gaps += sum(one.type == GAP for one in wanted)
            if wanted:
                await asyncio.sleep(GATHER)
    finally:
        listener.close()


def _told(event: Event) -> bytes:
    head = _place(event.seq) if event.seq else b""
    return b"%bevent: %b\ndata: %b\n\n" % (head, event.type.encode(), orjson.dumps(event.data))


def _place(seq: int) -> bytes:
    """What a client who comes back says that he knows."""
    return b"id: %d\n" % seq


def _take_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        message = phrase("`{text}` is not the id of an event", text=text[:40])
        raise ValueError(message)
    return int(text)


def _take_types(text: str) -> frozenset[str]:
    types = frozenset(part.strip() for part in text.split(","))
    if unknown := sorted(types.difference(TYPES)):
        message = phrase(
            "`{unknown}` is not one of {listed}", unknown=unknown[0][:40], listed=", ".join(TYPES)
        )
        raise ValueError(message)
    return types


_NUMBER = {"type": "string", "pattern": "^[0-9]{1,18}$"}
OPERATIONS = (
    Operation(
        "streamEvents",
        "GET",
        "/v1/events",
        Scope.EVENTS_READ,
        "Tells what happens, as server-sent events.",
        stream,
        (Reply(200, "Events, for as long as the client listens.", types=("text/event-stream",)),),
        (
            PRESENTITY,
            DOMAIN,
            Parameter(
                "types",
                Where.QUERY,
                f"Comma-separated, of {', '.join(TYPES)}; default: all.",
                {"type": "string", "maxLength": 200},
                _take_types,
            ),
            Parameter(
                "after",
                Where.QUERY,
                "The number of the last change that is known.",
                _NUMBER,
                _take_number,
            ),
            Parameter(
                "Last-Event-ID",
                Where.HEADER,
                "The id of the last event that is known.",
                _NUMBER,
                _take_number,
            ),
        ),
        problems=("not-found", "not-kept", "store-unavailable"),
        description="The id of an event is its number in the journal: a client that comes back "
        "with it is told what it has missed. An `id` without `data` comes when a stream begins, "
        "and after changes that were not asked for. `event: gap` says that something is lost, "
        "because the client was too slow or the journal no longer has it: read the presentities "
        "again. "
        "Where several nodes share a store, each tells of the changes of all, with the same ids, "
        "and of its own subscriptions, refusals and policies.",
    ),
)
