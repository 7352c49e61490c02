"""`GET /v1/trace/{aor}`; tests/e2e/test_trace.py asks a real server."""

import asyncio
from typing import Any

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from dfks_rules.operations.traces import TraceForm, TraceRequest
from dfks_rules.web.api.traces import MAX_SECONDS, OPERATIONS, SECONDS, form_of, trace
from dfks_rules.web.bodies import BodyStream
from dfks_rules.web.caller import LOCAL, Scope
from dfks_rules.web.problem import Problem
from dfks_rules.web.table import Call, Door, Streamed
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import ALICE, BOB

DOOR = Door(needs_token=False, is_secure=False, knows=lambda _: True, listeners=list, tokens=list)


def _call(operations: MemoryOperations, accept: str = "", **given: Any) -> Call:
    stream = BodyStream(StreamReader(BaseProtocol(asyncio.get_running_loop()), 1), 0)
    caller = LOCAL._replace(domains=frozenset(["example.com"]))
    return Call({"aor": ALICE, **given}, None, caller, operations, accept, stream, "", DOOR)


async def _traced(call: Call) -> tuple[Streamed, bytes]:
    streamed = await trace(call)
    return streamed, b"".join([piece async for piece in streamed.pieces])


async def test_a_trace_is_a_ladder_unless_something_else_is_wanted() -> None:
    """`curl` shows it in the terminal, for a minute."""
    operations = MemoryOperations()
    streamed, text = await _traced(_call(operations, "*/*"))
    assert text == b"first\nlast\n"
    assert streamed.content_type == "text/plain; charset=utf-8"
    assert streamed.headers["X-Accel-Buffering"] == "no"
    domains = frozenset(["example.com"])
    assert operations.traces.asked == [TraceRequest(ALICE, SECONDS, TraceForm.TEXT, 0, domains)]


async def test_a_file_has_a_name() -> None:
    """A browser saves it."""
    streamed, _ = await _traced(_call(MemoryOperations(), "application/x-pcapng", seconds=0))
    assert streamed.content_type == "application/x-pcapng"
    assert streamed.headers["Content-Disposition"] == 'attachment; filename="trace.pcapng"'


async def test_events_go_on_where_a_client_was_cut_off() -> None:
    """Last-Event-ID, as EventSource sends it."""
    operations = MemoryOperations()
    call = _call(operations, "text/event-stream", **{"Last-Event-ID": 7, "seconds": 5})
    streamed, _ = await _traced(call)
    assert streamed.content_type == "text/event-stream"
    assert operations.traces.asked[0][1:4] == (5, TraceForm.EVENTS, 7)


async def test_too_many_traces_are_refused() -> None:
    """With a time after which to ask again."""
    with pytest.raises(Problem) as refused:
        await trace(_call(MemoryOperations(), aor=BOB))
    assert refused.value.kind == "too-many-requests"
    assert "Retry-After" in refused.value.headers


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", TraceForm.TEXT),
        ("text/html,*/*;q=0.8", TraceForm.TEXT),
        ("Text/Event-Stream", TraceForm.EVENTS),
        ("application/x-pcapng", TraceForm.PCAPNG),
        ("application/vnd.tcpdump.pcap", TraceForm.PCAPNG),
    ],
)
def test_accept_says_the_form(accept: str, form: TraceForm) -> None:
    """Whatever else it lists."""
    assert form_of(accept) is form


def test_numbers_are_checked() -> None:
    """At most ten minutes; an id is a number."""
    (operation,) = OPERATIONS
    assert operation.scope is Scope.TRACE
    take = {parameter.name: parameter.take for parameter in operation.parameters}
    assert take["seconds"]("600") == MAX_SECONDS
    assert take["Last-Event-ID"]("12") == 12
    for name, text in (
        ("seconds", "601"),
        ("seconds", "-1"),
        ("seconds", "1.5"),
        ("seconds", "\u0661"),
        ("Last-Event-ID", "x"),
        ("Last-Event-ID", "9" * 17),
    ):
        with pytest.raises(ValueError, match="is not a number from 0 to"):
            take[name](text)
