"""Entries as JSON, and back."""

import json

from dfks_rules.tracing.as_json import dumps, entry_from, entry_json
from dfks_rules.tracing.entries import Decided, Direction, Entry
from tests.helpers.traced import BEGAN, message_at

_SIX = ("2001:db8::7", 5062)
_ENTRIES: list[Entry] = [
    message_at(BEGAN + 0.123456, b"SUBSCRIBE sip:\xc3\xa4@h SIP/2.0\r\n\r\n"),
    message_at(data=b"\xff\0", direction=Direction.SENT, transport="tls", remote=_SIX, call_id=""),
    message_at(length=90_000),
    Decided(BEGAN, "call-1", "sip:a@h", "sip:b@h", "watcher", ({"id": "abc-1"},)),
    Decided(BEGAN, "", "sip:a@h", None, "operator", (), "disk is full", "help desk"),
]


def test_what_was_rendered_is_read_as_it_was() -> None:
    """`dfks trace` writes the same pcapng as the server."""
    assert [entry_from(json.loads(dumps(entry_json(one)))) for one in _ENTRIES] == _ENTRIES


def test_a_message_is_text_where_it_can_be() -> None:
    """People read events, too."""
    assert entry_json(_ENTRIES[0]) == {
        "kind": "message",
        "at": "2026-01-05T12:00:00.123456+00:00",
        "direction": "received",
        "transport": "udp",
        "local": "192.0.2.1:5060",
        "remote": "192.0.2.7:5062",
        "callId": "call-1",
        "length": 30,
        "message": "SUBSCRIBE sip:ä@h SIP/2.0\r\n\r\n",
    }
    told = entry_json(_ENTRIES[1])
    assert (told["base64"], told["remote"], told["callId"]) == ("/wA=", "[2001:db8::7]:5062", None)
    assert "message" not in told
