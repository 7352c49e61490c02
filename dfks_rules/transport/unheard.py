"""Requests that went into a stream and have no answer: lost if the stream is (RFC 3261 §18.4)."""

import re

from dfks_rules.sip.client_transaction import branch_of
from dfks_rules.sip.timers import TIMEOUT

MOST = 1_000
"""Most requests that are kept; then the oldest is left to its timer F."""
_FINAL = (b"SIP/2.0 2", b"SIP/2.0 3", b"SIP/2.0 4", b"SIP/2.0 5", b"SIP/2.0 6")
_BRANCH = re.compile(
    rb"\r\n(?:via|v)[ \t]*+:[^\r\n]*?;[ \t]*+branch=([^\r\n;, \t]++)", re.IGNORECASE
)


class Unheard:
    """The requests of one stream, for as long as their transactions wait."""

    def __init__(self) -> None:
        self._by_branch: dict[bytes, tuple[float, bytes]] = {}

    def __len__(self) -> int:
        return len(self._by_branch)

    def sent(self, data: bytes, now: float) -> None:
        """A message went out (`now`: monotonic seconds); a response is not waited for."""
        branch = branch_of(data)
        if branch is None:
            return
        waiting = self._by_branch
        waiting[branch] = now + TIMEOUT, data
        while len(waiting) > MOST or next(iter(waiting.values()))[0] <= now:
            del waiting[next(iter(waiting))]

    def came(self, data: bytes) -> None:
        """A message came in; it may be the answer to one."""
        if self._by_branch and data.startswith(_FINAL):
            found = _BRANCH.search(data)
            if found is not None:
                self._by_branch.pop(found[1], None)

    def lost(self, now: float) -> list[bytes]:
        """What is to be sent another way."""
        waiting, self._by_branch = self._by_branch, {}
        return [data for until, data in waiting.values() if until > now]
