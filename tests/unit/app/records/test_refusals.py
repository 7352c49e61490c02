"""The debug line for each refused request."""

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.records.limit import Limit
from dfks_rules.app.records.refusals import LINES_PER_SECOND, Refusals
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import FLOW, LISTENER, message


def _incoming(data: bytes, flow: Flow = FLOW) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda *_: None, lambda _: b"tag")
    incoming = endpoint.receive(data, flow, 0.0)
    assert isinstance(incoming, Incoming)
    return incoming


@pytest.mark.parametrize(
    ("host", "source"), [("192.0.2.7", "192.0.2.7:5062"), ("2001:db8::7", "[2001:db8::7]:5062")]
)
def test_line_tells_which_request_of_whom_was_refused_and_why(host: str, source: str) -> None:
    """With the Call-ID it is found in a trace of the phone or of a proxy."""
    with capture_logs() as lines:
        incoming = _incoming(message(call_id=b"x" * 300), Flow(LISTENER, (host, 5062)))
        Refusals().refused(incoming, 489, b"Bad Event \xff")
    assert lines == [
        {
            "event": "request_refused",
            "log_level": "debug",
            "call_id": "x" * 200,
            "source": source,
            "method": "SUBSCRIBE",
            "status": 489,
            "reason": "Bad Event \N{REPLACEMENT CHARACTER}",
            "suppressed": 0,
        }
    ]


def test_flood_of_refusals_is_no_flood_of_lines() -> None:
    """A scanner sends thousands a second."""
    now = 0.0
    refusals, incoming = Refusals(Limit(LINES_PER_SECOND, lambda: now)), _incoming(message())
    with capture_logs() as lines:
        for _ in range(1000):
            refusals.refused(incoming, 403, b"Forbidden")
        now = 1.5
        refusals.refused(incoming, 403, b"Forbidden")
    assert len(lines) == LINES_PER_SECOND + 1
    assert lines[-1]["suppressed"] == 1000 - LINES_PER_SECOND
