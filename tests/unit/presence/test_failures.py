"""What a NOTIFY that was not accepted means."""

import pytest

from dfks_rules.presence.failures import Verdict, verdict_of
from dfks_rules.sip.message import Response, parse_message

_ENDS, _PASSES = Verdict.ENDS, Verdict.PASSES
_TABLE = {
    **dict.fromkeys((404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604), _ENDS),
    **dict.fromkeys((300, 301, 302, 380), _ENDS),
    **dict.fromkeys((400, 402, 403, 406, 413, 414, 415, 420, 421, 423, 486, 487, 488), _PASSES),
    **dict.fromkeys((491, 493, 500, 502, 503, 504, 505, 513, 600, 603, 606), _PASSES),
    408: Verdict.UNHEARD,
    401: Verdict.CHALLENGED,
    407: Verdict.CHALLENGED,
}


def _response(status: int, *lines: bytes) -> Response:
    head = b"SIP/2.0 %d X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 NOTIFY\r\n" % status
    response = parse_message(head + b"".join(b"%b\r\n" % line for line in lines) + b"\r\n")
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(("status", "verdict"), _TABLE.items())
@pytest.mark.parametrize("lines", [(), (b"Retry-After: 5",)])
def test_each_status_has_its_verdict(
    status: int, verdict: Verdict, lines: tuple[bytes, ...]
) -> None:
    """RFC 6665 §4.2.2: those of its list end the subscription, whatever else they say."""
    assert verdict_of(_response(status, *lines)) is verdict


def test_no_response_is_for_a_setting_to_judge() -> None:
    """RFC 6665 §4.2.2: SHOULD remove; a phone behind a bad link had better be kept."""
    assert verdict_of(None) is Verdict.UNHEARD
