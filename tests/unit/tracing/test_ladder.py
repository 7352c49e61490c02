"""A trace as text."""

from datetime import UTC

from dfks_rules.tracing.entries import Decided, Direction, Entry
from dfks_rules.tracing.ladder import Ladder
from tests.helpers.playbook import message
from tests.helpers.traced import BEGAN, message_at

_FAILED = Decided(BEGAN + 1.5, "call-1", "sip:a@h", None, "operator", (), "disk is full")


def test_messages_are_arrows_and_decisions_stand_between_them() -> None:
    """The server is on the left; the Call-ID is said once."""
    ladder = Ladder(UTC)
    refused = message_at(
        BEGAN + 2,
        b"SIP/2.0 500 Server Internal Error\r\nCSeq: 1 SUBSCRIBE\r\n\r\n",
        direction=Direction.SENT,
    )
    other = message_at(BEGAN + 3, message(cseq=b"2 SUBSCRIBE"), call_id="call-2")
    other = other._replace(transport="tls", remote=("::1", 9))
    entries: list[Entry] = [message_at(BEGAN + 0.0514, message()), _FAILED, refused, other]
    assert [line for entry in entries for line in ladder.lines(entry)] == [
        "              │ Call-ID call-1",
        "12:00:00.051  │◀── SUBSCRIBE ─────────────│  192.0.2.7:5062 udp  "
        "CSeq 1 SUBSCRIBE, expires 600",
        "12:00:01.500  │    sip:a@h: the store failed: disk is full",
        "12:00:02.000  │─── 500 Server Internal… ─▶│  192.0.2.7:5062 udp  CSeq 1 SUBSCRIBE",
        "              │ Call-ID call-2",
        "12:00:03.000  │◀── SUBSCRIBE ─────────────│  [::1]:9 tls  CSeq 2 SUBSCRIBE, expires 600",
    ]


def test_a_message_that_comes_again_says_so() -> None:
    """Retransmissions are what one looks for; the other way it is another message."""
    ladder = Ladder(UTC)
    first, again = message_at(BEGAN, message()), message_at(BEGAN + 1, message())
    back = again._replace(direction=Direction.SENT)
    lines = [list(ladder.lines(entry))[-1] for entry in (first, again, back)]
    assert [line.endswith(", again") for line in lines] == [False, True, False]


def test_messages_may_be_shown_whole() -> None:
    """Below their arrows; nothing in them controls the terminal."""
    whole = Ladder(UTC, whole=True)
    shown = list(whole.lines(message_at(data=b"A b SIP/2.0\r\nX: \x1b\r\n\r\n<body/>")))
    assert [line.strip() for line in shown[2:]] == [
        "│    A b SIP/2.0",
        "│    X: \N{REPLACEMENT CHARACTER}",
        "│",
        "│    <body/>",
        "│",
    ]
