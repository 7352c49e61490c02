"""Requests whose answer takes long get 100 Trying, so that their peers wait on (RFC 4320 §4.1).

Not before timer E of the peer has grown to T2: over UDP an earlier 100 would slow down the repeats
that make up for what is lost. Nearly every request is answered long before.
"""

import re
from typing import Final

from dfks_rules.sip import header
from dfks_rules.sip.message import Request
from dfks_rules.sip.response import REASONS, render_response
from dfks_rules.sip.server_transaction import ServerTransaction
from dfks_rules.sip.timers import PORTION, T1

TRYING_AFTER: Final = 7 * T1
"""How long an answer may take without a 100, s: timer E fires after T1, 3 T1 and 7 T1, and is T2
from then on."""

_TIMESTAMP = re.compile(rb"[0-9]++(?>(?:\.[0-9]*+)?)")


class Unanswered:
    """The requests that are being worked on, the oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[ServerTransaction, tuple[Request, tuple[str, int], float]] = {}
        """Of each the request, where it came from, and when it is to be told 100."""

    def __len__(self) -> int:
        return len(self._waiting)

    def begun(
        self, transaction: ServerTransaction, request: Request, source: tuple[str, int], now: float
    ) -> None:
        """A request is being worked on.

        Args:
            transaction: its transaction.
            request: the request.
            source: address and port that it came from.
            now: monotonic seconds.
        """
        self._waiting[transaction] = request, source, now + TRYING_AFTER

    def answered(self, transaction: ServerTransaction) -> None:
        """It has its final response."""
        self._waiting.pop(transaction, None)

    def due(self, now: float) -> list[tuple[ServerTransaction, bytes]]:
        """The next transactions that are to be told 100, at most `PORTION`, each with that 100."""
        found: list[tuple[ServerTransaction, bytes]] = []
        for transaction, (request, source, due) in self._waiting.items():
            if due > now or len(found) == PORTION:
                break
            found.append((transaction, trying(request, source)))
        for transaction, _ in found:
            del self._waiting[transaction]
        return found

    def next_deadline(self) -> float | None:
        """When `due` will have something (monotonic seconds); None when nothing waits."""
        return next((due for _, _, due in self._waiting.values()), None) if self._waiting else None


def trying(request: Request, source: tuple[str, int]) -> bytes:
    """The 100 to a request: no To tag, and its Timestamp with our delay (RFC 3261 §8.2.6)."""
    stamp = request.value(header.TIMESTAMP)
    if _TIMESTAMP.fullmatch(stamp):
        stamp = b"%b %.1f" % (stamp, TRYING_AFTER)
    more = b"Timestamp: %b\r\n" % stamp if stamp else b""
    return render_response(request, source, 100, REASONS[100], b"", more)
