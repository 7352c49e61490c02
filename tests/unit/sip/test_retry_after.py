"""For how long whoever answered wants to hear nothing."""

import pytest

from dfks_rules.sip.message import Response, parse_message
from dfks_rules.sip.retry_after import retry_after

_SENT = b"Date: Sat, 13 Nov 2010 23:29:00 GMT"


def _response(*lines: bytes) -> Response:
    head = b"SIP/2.0 503 X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 NOTIFY\r\n"
    response = parse_message(head + b"".join(b"%b\r\n" % line for line in lines) + b"\r\n")
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ((), None),
        ((b"Retry-After: 0",), 0),
        ((b"Retry-After: 120",), 120),
        ((b"Retry-After: 18000;duration=3600",), 18000),
        ((b"Retry-After: 120 (I'm in a meeting)",), 120),
        ((b"retry-after:\t0120 ( 7 ;duration=3) ;duration=60",), 120),
        ((b"Retry-After: Sat, 13 Nov 2010 23:31:00 GMT", _SENT), 120),
        ((b"Retry-After: Sat, 13 Nov 2010 23:31:00 GMT (lunch);duration=1", _SENT), 120),
        ((b"Retry-After: Sat, 13 Nov 2010 23:28:00 GMT", _SENT), 0),
        ((b"Retry-After: Sat, 13 Nov 2010 23:31:00 GMT",), None),
        ((b"Retry-After: Sat, 13 Nov 2010 23:31:00 GMT", b"Date: today"), None),
        ((b"Retry-After: Sat, 99 Nov 2010 23:31:00 GMT", _SENT), None),
        ((b"Retry-After: 12x",), None),
        ((b"Retry-After: -5",), None),
        ((b"Retry-After: 99999999999999999999",), None),
        ((b"Retry-After: \xff\xfe", _SENT), None),
        ((b"Retry-After: (only a comment)", _SENT), None),
    ],
)
def test_retry_after_is_seconds_or_a_date(lines: tuple[bytes, ...], seconds: int | None) -> None:
    """RFC 3261 §20.33 with comment and parameters; RFC 2543 had dates. Nonsense says nothing."""
    assert retry_after(_response(*lines)) == seconds
