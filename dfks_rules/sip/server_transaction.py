"""Requests of peers that must not be served twice (RFC 3261 §17.2.2).

| state      | input           | output                  | next        |
|------------|-----------------|-------------------------|-------------|
| trying     | same request    | nothing                 | trying      |
| trying     | no answer for 3.5 s | send 100            | proceeding  |
| proceeding | same request    | send the 100 again      | proceeding  |
| both       | timer J         | nothing                 | the same    |
| both       | our response    | send it                 | completed   |
| completed  | same request    | send the response again | completed   |
| completed  | timer J         | nothing                 | (forgotten) |

One that is completed is written down (`answered`): who asks for it is given one like it.

Two more requests belong to a transaction and leave its state alone: the same request that came
another way, which is answered 482 (§8.2.2.2), and a CANCEL of it, which is answered 200 and has no
effect (§9.2). Of the 100, `trying` knows more (RFC 4320 §4.1).
"""

from collections.abc import Callable
from enum import Enum
from math import floor
from typing import Final

from dfks_rules.sip import header
from dfks_rules.sip.answered import Answered, Entry
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.message import Request
from dfks_rules.sip.timers import TIMEOUT
from dfks_rules.sip.via import MAGIC_COOKIE


class ServerState(Enum):
    """Where a server transaction stands; one that is terminated is forgotten."""

    TRYING = "trying"
    """The answer is being worked out."""
    PROCEEDING = "proceeding"
    """It still is, and the peer was told 100."""
    COMPLETED = "completed"
    """The answer was sent."""


# CPython 3.11 calls a Python function for each `ServerState.TRYING`.
_TRYING: Final = ServerState.TRYING
_PROCEEDING: Final = ServerState.PROCEEDING
_COMPLETED: Final = ServerState.COMPLETED


class ServerTransaction:
    """A request that was or will be answered, and to whom a repeat of it is answered again."""

    __slots__ = ("_completed", "_response", "begun", "flow", "key", "merge_key", "state")

    def __init__(
        self,
        key: bytes,
        merge_key: bytes,
        flow: Flow,
        begun: float = 0.0,
        completed: "Callable[[ServerTransaction, bytes], None] | None" = None,
    ) -> None:
        """It is being worked on.

        Args:
            key: what `server_key` gave.
            merge_key: what `merge_key` gave, or empty for a request in a dialog.
            flow: where responses go.
            begun: when it came, monotonic seconds.
            completed: told of its final response.
        """
        self.key = key
        self.merge_key = merge_key
        self.flow = flow
        """Where responses go."""
        self.state: ServerState = _TRYING
        self._response = b""
        self.begun = begun
        self._completed = completed

    @property
    def response(self) -> bytes | None:
        """What a repeat is answered with; None while there is nothing."""
        return None if self.state is _TRYING else self._response

    def proceed(self, trying: bytes) -> None:
        """100 is being sent."""
        self._response = trying
        self.state = _PROCEEDING

    def answered(self, response: bytes) -> None:
        """The final response is being sent."""
        self._response = response
        self.state = _COMPLETED
        if self._completed is not None:
            self._completed(self, response)


def server_key(request: Request, method: bytes) -> bytes:
    """What a repeat of the request has in common with it, and no other request has.

    Args:
        request: one with a Via that can be read.
        method: its method; for a CANCEL, the method of the request that it may cancel (§9.2).

    Reference: RFC 3261 §17.2.3; for branches of RFC 2543 the whole set of its items
    """
    top = request.via
    assert top is not None  # noqa: S101 - a request without Via has a fault and no transaction
    if (
        top.branch is not None
        and len(top.branch) > len(MAGIC_COOKIE)
        and top.branch.startswith(MAGIC_COOKIE)
    ):
        return b" ".join((method, top.sent_by, top.branch))
    via, to = request.value(header.VIA), request.value(header.TO)
    sender, call_id = request.value(header.FROM), request.value(header.CALL_ID)
    return b"\0".join((method, request.uri, via, b"%d" % request.cseq, to, sender, call_id))


def merge_key(request: Request, from_tag: bytes) -> bytes:
    """What a request without To tag has in common with itself when it comes another way.

    Reference: RFC 3261 §8.2.2.2
    """
    return b" ".join((request.value(header.CSEQ), from_tag, request.value(header.CALL_ID)))


class ServerTransactions:
    """The requests of the last 32 seconds that must not be served twice."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, ServerTransaction] = {}
        """Those that are being worked on."""
        self._by_merge_key: dict[bytes, ServerTransaction] = {}
        self._methods: set[bytes] = set()
        self._answered = Answered()
        self._now = 0.0
        self._complete: Final = self._completed

    def __len__(self) -> int:
        return len(self._by_key) + len(self._answered)

    def find(self, key: bytes) -> ServerTransaction | None:
        """The transaction that a request is a repeat of."""
        found = self._by_key.get(key)
        if found is not None:
            return found
        entry = self._answered.find(key)
        if entry is None:
            return None
        found = ServerTransaction(key, entry.merge_key, entry.flow)
        found.answered(entry.response)
        return found

    def is_merged(self, merge_key: bytes) -> bool:
        """Whether a request that repeats nothing came another way before."""
        return merge_key in self._by_merge_key or self._answered.is_merged(merge_key)

    def cancelled_by(self, cancel: Request) -> ServerTransaction | None:
        """The transaction that a CANCEL belongs to (RFC 3261 §9.2)."""
        for method in self._methods:
            found = self.find(server_key(cancel, method))
            if found is not None:
                return found
        return None

    def begin(
        self, method: bytes, key: bytes, merge_key: bytes, flow: Flow, now: float
    ) -> ServerTransaction:
        """Remember a request, so that its repeats are known.

        Args:
            method: its method; only a few are ever served with a transaction.
            key: what `server_key` gave.
            merge_key: what `merge_key` gave, or empty for a request in a dialog.
            flow: where responses go.
            now: monotonic seconds.
        """
        self._now = now
        transaction = ServerTransaction(key, merge_key, flow, now, self._complete)
        self._by_key[key] = transaction
        if merge_key:
            self._by_merge_key[merge_key] = transaction
            self._methods.add(method)
        return transaction

    def _completed(self, transaction: ServerTransaction, response: bytes) -> None:
        """Write one down that has its final response."""
        key, merge_key = transaction.key, transaction.merge_key
        self._by_key.pop(key, None)
        self._by_merge_key.pop(merge_key, None)
        # Timer J: one that was worked on for longer is known for another round.
        rounds = floor((self._now - transaction.begun) / TIMEOUT) + 1
        until = transaction.begun + rounds * TIMEOUT
        self._answered.write(Entry(key, merge_key, transaction.flow, response), until)

    def expire(self, now: float) -> None:
        """Timer J."""
        self._now = now
        self._answered.expire(now)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        return self._answered.next_deadline()
