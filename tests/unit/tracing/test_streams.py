"""What a client is sent of a trace."""

import json

from dfks_rules.operations.traces import TraceForm
from dfks_rules.tracing.entries import Decided, Entry
from dfks_rules.tracing.streams import renderer_of
from tests.helpers.playbook import message
from tests.helpers.traced import BEGAN, message_at

_FAILED = Decided(BEGAN, "", "sip:a@h", None, "operator", (), "disk is full")
_ENTRIES: list[Entry] = [message_at(data=message()), _FAILED]


def _whole(form: TraceForm) -> bytes:
    shows = renderer_of(form, "sip:a@h")
    return (
        shows.head()
        + shows.gap(3)
        + shows.entry(7, _ENTRIES[0])
        + shows.entry(8, _ENTRIES[1])
        + shows.rest()
        + shows.end()
    )


def test_events_have_the_numbers_of_their_entries() -> None:
    """Last-Event-ID says where to go on; `end` says that there is nothing to come back for."""
    *events, rest = _whole(TraceForm.EVENTS).decode().split("\n\n")
    assert rest == ""
    fields = [
        dict(line.split(": ", 1) for line in event.split("\n") if not line.startswith(":"))
        for event in events
    ]
    told = [(one.get("event"), one.get("id")) for one in fields]
    assert told == [
        ("trace", None),
        ("gap", None),
        ("message", "7"),
        ("decision", "8"),
        (None, None),
        ("end", None),
    ]
    assert fields[0]["retry"] == "2000"
    assert json.loads(fields[1]["data"]) == {"lost": 3}
    assert json.loads(fields[3]["data"])["failure"] == "disk is full"


def test_text_is_a_ladder() -> None:
    """For curl."""
    lines = _whole(TraceForm.TEXT).decode().splitlines()
    assert lines[0] == "trace of sip:a@h; the server is on the left"
    assert lines[1] == "… 3 entries are lost …"
    assert lines[3][14:].startswith("│◀── SUBSCRIBE ──")
    assert lines[4].endswith("the store failed: disk is full")
    assert lines[-1] == "end of the trace"


def test_pcapng_is_a_file_from_its_beginning_to_its_end() -> None:
    """Gaps are comments."""
    data = _whole(TraceForm.PCAPNG)
    assert data.startswith(b"\x0a\x0d\x0d\x0a")
    assert b"Trace of sip:a@h by dfks-rules; credentials are removed" in data
    assert b"3 entries before this one are lost" in data
    assert data.count(b"the store failed") == 1
