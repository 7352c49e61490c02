"""Messages and decisions in a few words."""

from typing import Any

import pytest

from dfks_rules.tracing.entries import Decided
from dfks_rules.tracing.words import details_of, sentences_of, title_of
from tests.helpers.playbook import message
from tests.helpers.traced import BEGAN, message_at


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"SUBSCRIBE sip:a@h SIP/2.0\r\n\r\n", "SUBSCRIBE"),
        (b"SIP/2.0 481 Subscription does not exist\r\n\r\n", "481 Subscription does not exist"),
        (b"SIP/2.0 200 \x1b[31mOK\r\n", "200 \N{REPLACEMENT CHARACTER}[31mOK"),
        (b"GET / HTTP/1.1\r\n", "? GET / HTTP/1.1"),
        (b"\xff\0", "? \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
        (b"", "? "),
        (b"SIP/2.0 ", ""),
    ],
)
def test_a_title_says_what_a_message_is(data: bytes, title: str) -> None:
    """Also of what is none; a terminal is not controlled by it."""
    assert title_of(message_at(data=data)) == title


@pytest.mark.parametrize(
    ("data", "details"),
    [
        (message(), "CSeq 1 SUBSCRIBE, expires 600"),
        (b"NOTIFY x SIP/2.0\r\nSubscription-State: active;expires=9\r\n\r\n", "active;expires=9"),
        (b"X\r\n\r\nCSeq: 1 X\r\n", ""),
    ],
)
def test_details_tell_messages_apart(data: bytes, details: str) -> None:
    """What each kind of message has."""
    assert details_of(message_at(data=data)) == details


def test_a_cut_message_says_so() -> None:
    """Else somebody wonders why Content-Length does not fit."""
    assert details_of(message_at(data=b"xyz", length=9)) == "cut after 3 of 9 bytes"


def _decided(*decisions: dict[str, Any], **changes: Any) -> Decided:
    alice = "sip:alice@h"
    return Decided(BEGAN, "c", alice, alice, "watcher", decisions)._replace(**changes)


_GET = {"op": "get", "effect": "allow", "matched": ["p/a"], "feature": "DoNotDisturb", "id": "x-1"}
_SET = {**_GET, "op": "set", "asked": {"status": "on", "forwardTo": "201"}, "changed": True}


@pytest.mark.parametrize(
    ("decided", "sentence"),
    [
        (_decided(_SET), "set DoNotDisturb on forwardTo=201: allowed, changed by p/a [x-1]"),
        (
            _decided({**_SET, "changed": False, "matched": []}),
            "set DoNotDisturb on forwardTo=201: allowed, nothing changed [x-1]",
        ),
        (
            _decided({**_SET, "effect": "deny", "reason": "quiet", "rule": "p/no"}),
            "set DoNotDisturb on forwardTo=201: refused, quiet by p/no [x-1]",
        ),
        (
            _decided({**_SET, "effect": "deny", "reason": "q", "rule": None, "text": "No\x07"}),
            "set DoNotDisturb on forwardTo=201: refused, q (No\N{REPLACEMENT CHARACTER}) [x-1]",
        ),
        (
            _decided(
                {**_GET, "told": {"status": "off"}},
                {**_GET, "told": None, "matched": ["p/a", "p/b"]},
                {**_GET, "told": {"status": "on"}, "feature": "CallForwardingBusy"},
            ),
            "told DoNotDisturb off, CallForwardingBusy on by p/a, p/b [x-1]",
        ),
        (_decided({**_GET, "told": None, "matched": []}), "told nothing [x-1]"),
        (
            _decided({"op": "subscribe", "effect": "allow", "matched": ["p/s"], "id": "x-1"}),
            "subscribe: allowed by p/s [x-1]",
        ),
        (_decided(_SET, origin="operator", watcher=None), "operator at sip:alice@h: set "),
        (
            _decided(_SET, origin="operator", watcher=None, actor="help desk"),
            "help desk at sip:alice@h: set ",
        ),
        (_decided(_SET, watcher="sip:bob@h"), "sip:bob@h at sip:alice@h: set "),
        (
            _decided(failure="disk\nfull"),
            "sip:alice@h: the store failed: disk\N{REPLACEMENT CHARACTER}full",
        ),
    ],
)
def test_a_decision_is_a_sentence(decided: Decided, sentence: str) -> None:
    """Who, what, how it was decided, by which rule, and the id for `dfks policy explain`."""
    (found,) = sentences_of(decided)
    assert found.startswith(sentence)
    assert found == sentence or sentence.endswith(" ")
