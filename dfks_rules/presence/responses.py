"""What refuses a request: error codes → SIP statuses."""

from dfks_rules.csta.names import ACCEPT
from dfks_rules.errors import DfksError, StoreError
from dfks_rules.presence.package import ALLOW_EVENTS
from dfks_rules.sip.response import INSECURE


class RefusedError(Exception):
    """A request is answered with an error; nothing was changed."""

    def __init__(
        self,
        status: int,
        reason: str | None = None,
        headers: bytes = b"",
        count: str | None = None,
    ) -> None:
        super().__init__(reason or str(status))
        self.status = status
        self.reason = None if reason is None else _phrase(reason)
        """Reason phrase; None for the usual one."""
        self.headers = headers
        """Header lines that the status calls for, each with its CRLF."""
        self.count = count
        """Its own count beside that of its status, see `counts.NAMES`; None for none."""


RETRY_AFTER = 10
"""When to ask again while the store fails, s: a disk or an engine that is being replaced is back by
then, and whoever pressed a key has not walked away yet."""

OUT_OF_ORDER = "CSeq out of order"
"""What a request is told that is older than another one in its dialog (RFC 3261 §12.2.2)."""

_STATUS_OF = {
    "csta_unsupported_type": 415,
    "sip_insecure_flow": 480,
    "store_unavailable": 503,
    "store_not_known": 503,
    "store_fenced": 503,
    "store_conflict": 500,
    "store_moved": 500,
}
_HEADERS_OF = {
    480: INSECURE,
    489: ALLOW_EVENTS,
    415: b"Accept: " + ACCEPT.encode() + b"\r\n",
    503: b"Retry-After: %d\r\n" % RETRY_AFTER,
}


def refusal(status: int, reason: str | None = None, headers: bytes = b"") -> RefusedError:
    """A refusal with the header that its status calls for (RFC 3261 §21.4)."""
    return RefusedError(status, reason, headers + _HEADERS_OF.get(status, b""))


def unavailable(reason: str, retry_after: int, count: str | None = None) -> RefusedError:
    """The refusal of a request that may come again in so many seconds (RFC 3261 §21.5.4).

    Args:
        reason: reason phrase.
        retry_after: seconds.
        count: see `RefusedError`.
    """
    return RefusedError(503, reason, b"Retry-After: %d\r\n" % retry_after, count)


def refusal_for(error: DfksError | RefusedError) -> RefusedError:
    """The answer to a request that could not be served because of `error`.

    What is wrong with the store is for the log: phones need not learn where its files are.
    """
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, StoreError):
        return RefusedError(_STATUS_OF.get(error.code, 503), None, _HEADERS_OF[503])
    return refusal(_STATUS_OF.get(error.code, 400), error.message)


def _phrase(text: str) -> bytes:
    """Text fit for a status line (RFC 3261 §25.1 Reason-Phrase): one line of UTF-8."""
    return "".join(char if char.isprintable() else " " for char in text).encode(errors="replace")
