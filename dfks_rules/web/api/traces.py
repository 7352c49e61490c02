"""Traces: what passes between the server and one user."""

from dfks_rules.operations.traces import (
    MAX_TRACES,
    MAX_TRACES_OF_TOKEN,
    TraceForm,
    TraceRequest,
)
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import AOR
from dfks_rules.web.problem import Problem
from dfks_rules.web.table import Call, Operation, Parameter, Reply, Streamed, Where

MAX_SECONDS = 600
"""Longest trace, s."""
SECONDS = 60
"""How long a trace is where nobody says, s."""
_MAX_ID = 10**15


async def trace(call: Call) -> Streamed:
    """What is kept of a user, then what passes, until the time is over."""
    form = form_of(call.accept)
    request = TraceRequest(
        call.given["aor"],
        call.given.get("seconds", SECONDS),
        form,
        call.given.get("Last-Event-ID", 0),
        call.caller.domains,
        call.caller.name if call.door.needs_token else "",
    )
    pieces = call.operations.traces.trace(request)
    if pieces is None:
        detail = phrase("too many users are traced at the same time, in all or for this token")
        raise Problem("too-many-requests", detail)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if form is TraceForm.PCAPNG:
        headers["Content-Disposition"] = 'attachment; filename="trace.pcapng"'
    charset = "; charset=utf-8" if form is TraceForm.TEXT else ""
    return Streamed(pieces, form.value + charset, headers)


def form_of(accept: str) -> TraceForm:
    """As what a client wants it: text, unless it says something else.

    Args:
        accept: the Accept header, or empty.
    """
    wanted = accept.lower()
    if TraceForm.EVENTS.value in wanted:
        return TraceForm.EVENTS
    return TraceForm.PCAPNG if "pcap" in wanted else TraceForm.TEXT


def _number(most: int, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or int(text) > most:
        message = phrase("`{text}` is not a number from 0 to {most}", text=text[:40], most=most)
        raise ValueError(message)
    return int(text)


_SECONDS = Parameter(
    "seconds",
    Where.QUERY,
    "For how long messages are shown as they pass; 0 shows only what is kept of the last trace.",
    {"type": "integer", "minimum": 0, "maximum": MAX_SECONDS, "default": SECONDS},
    lambda text: _number(MAX_SECONDS, text),
)
_LAST = Parameter(
    "Last-Event-ID",
    Where.HEADER,
    "The id of the last event that is known; what follows it is shown.",
    {"type": "integer", "minimum": 0, "maximum": _MAX_ID},
    lambda text: _number(_MAX_ID, text),
)

OPERATIONS = (
    Operation(
        "traceUser",
        "GET",
        "/v1/trace/{aor}",
        Scope.TRACE,
        "Traces a user: every SIP message from and to the user's phones, and every decision.",
        trace,
        (
            Reply(
                200,
                "The trace, as Accept says: a ladder for the terminal (`text/plain`), events, or "
                "a file for Wireshark.",
                types=(TraceForm.TEXT.value, TraceForm.EVENTS.value, TraceForm.PCAPNG.value),
            ),
        ),
        (AOR, _SECONDS, _LAST),
        description="The user is traced as presentity and as watcher: in Request-URI, From, To or "
        "P-Asserted-Identity. What is kept of the last 10 minutes of tracing comes first. "
        "Credentials and nonces are removed, and bodies are cut after 4,096 bytes. A trace ends "
        f"when its time is over, or when nobody watches it. At most {MAX_TRACES} users are traced "
        f"at a time, at most {MAX_TRACES_OF_TOKEN} of them for one token.",
    ),
)
