"""The debug log line for each refused SIP request."""

import structlog

from dfks_rules.app.records.limit import Limit
from dfks_rules.sip import header
from dfks_rules.sip.incoming import Incoming

LINES_PER_SECOND = 20
"""Most lines per second; the statistics count every refusal."""
_MAX_FIELD = 200
"""Most bytes of a peer's text in a line."""

_log = structlog.get_logger("dfks.sip")


class Refusals:
    """Logs refused requests, up to a limited number per second."""

    def __init__(self, limit: Limit | None = None) -> None:
        self._limit = limit or Limit(LINES_PER_SECOND)

    def refused(self, incoming: Incoming, status: int, reason: bytes) -> None:
        """Log one refused request.

        Args:
            incoming: the request; for a malformed one, only what could be read.
            status: status code of the response, 400 to 699.
            reason: its reason phrase.
        """
        suppressed = self._limit.admit()
        if suppressed is None:
            return
        request = incoming.request
        host, port = incoming.flow.remote
        _log.debug(
            "request_refused",
            call_id=_text(request.value(header.CALL_ID)),
            source=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            method=_text(request.method),
            status=status,
            reason=_text(reason),
            suppressed=suppressed,
        )


def _text(data: bytes) -> str:
    return data[:_MAX_FIELD].decode(errors="replace")
