"""Non-INVITE transactions over any transport (RFC 3261 §17.1.2, §17.2.2), both sides.

| side   | state      | input             | output                  | next       |
|--------|------------|-------------------|-------------------------|------------|
| server | trying     | same request      | nothing                 | trying     |
| server | trying     | our response      | send it                 | completed  |
| server | completed  | same request      | send the response again | completed  |
| server | completed  | timer J           | nothing                 | terminated |
| client | trying     | timer E           | send the request again  | trying     |
| client | trying     | 1xx               | nothing                 | proceeding |
| client | proceeding | timer E (T2)      | send the request again  | proceeding |
| client | both       | 2xx to 6xx           | tell the owner          | terminated |
| client | both       | timer F           | tell the owner          | terminated |

A terminated client transaction is forgotten at once: a late response then matches nothing and is
dropped, which is all that timer K is for. No 100 is ever sent (RFC 4320 §4.1).
"""

from typing import Generic, TypeVar

from dfks_rules.sip.flow import Flow
from dfks_rules.sip.message import Request
from dfks_rules.sip.timers import TimerQueues
from dfks_rules.sip.via import MAGIC_COOKIE

T1 = 0.5
"""Estimate of the round trip, s (RFC 3261 §17.1.1.1)."""
T2 = 4.0
"""Longest wait between retransmissions of a non-INVITE request, s."""
TIMEOUT = 64 * T1
"""Timers F and J, s: how long a request is repeated, and how long a response is kept."""

Owner = TypeVar("Owner")


class ServerTransaction:
    """A request that was or will be answered, and to whom a repeat of it is answered again."""

    __slots__ = ("flow", "key", "response")

    def __init__(self, key: bytes, flow: Flow) -> None:
        self.key = key
        self.flow = flow
        """Where responses go."""
        self.response: bytes | None = None
        """None while the answer is being worked out."""


class ClientTransaction(Generic[Owner]):
    """A request of ours that waits for its final response."""

    __slots__ = ("branch", "flow", "message", "owner", "started", "wait")

    def __init__(self, branch: bytes, message: bytes, flow: Flow, owner: Owner, now: float) -> None:
        self.branch = branch
        self.message = message
        """Let go of at the end, and empty then: the timers hold the transaction for a while."""
        self.flow = flow
        self.owner = owner
        """Whom the outcome is told to."""
        self.started = now
        self.wait = T1
        """The current value of timer E, s."""


def server_key(request: Request) -> bytes:
    """What a repeat of the request has in common with it, and no other request has.

    Reference: RFC 3261 §17.2.3; for branches of RFC 2543 the whole set of its items
    """
    via = request.via
    assert via is not None  # noqa: S101 - a request without Via has a fault and no transaction
    if (
        via.branch is not None
        and len(via.branch) > len(MAGIC_COOKIE)
        and via.branch.startswith(MAGIC_COOKIE)
    ):
        return b"%b %b %b" % (request.method, via.sent_by, via.branch)
    headers = request.headers
    fields = (request.method, request.uri, headers[b"via"])
    return b"\0".join((*fields, *(headers[name] for name in (b"to", b"from", b"call-id", b"cseq"))))


class ServerTransactions:
    """The requests of the last 32 seconds that must not be served twice."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, ServerTransaction] = {}
        self._timers: TimerQueues[ServerTransaction] = TimerQueues()

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: bytes) -> ServerTransaction | None:
        """The transaction that a request is a repeat of."""
        return self._by_key.get(key)

    def begin(self, key: bytes, flow: Flow, now: float) -> ServerTransaction:
        """Remember a request, so that its repeats are known."""
        transaction = self._by_key[key] = ServerTransaction(key, flow)
        self._timers.add(now, TIMEOUT, transaction)
        return transaction

    def expire(self, now: float) -> None:
        """Timer J. One that is still being worked out gets another round."""
        for _, transaction in self._timers.due(now):
            if transaction.response is None:
                self._timers.add(now, TIMEOUT, transaction)
            else:
                del self._by_key[transaction.key]

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        return self._timers.next_deadline()


class ClientTransactions(Generic[Owner]):
    """The requests of ours that wait for a final response."""

    def __init__(self) -> None:
        self._by_branch: dict[bytes, ClientTransaction[Owner]] = {}
        self._timers: TimerQueues[ClientTransaction[Owner]] = TimerQueues()

    def __len__(self) -> int:
        return len(self._by_branch)

    def begin(
        self, branch: bytes, message: bytes, flow: Flow, owner: Owner, now: float
    ) -> ClientTransaction[Owner]:
        """Remember a request that is being sent."""
        transaction = ClientTransaction(branch, message, flow, owner, now)
        self._by_branch[branch] = transaction
        self._timers.add(now, TIMEOUT if flow.listener.reliable else T1, transaction)
        return transaction

    def answered(self, branch: bytes, status: int) -> ClientTransaction[Owner] | None:
        """The transaction that a final response ends; None for a provisional one or a stranger."""
        if status < 200:
            proceeding = self._by_branch.get(branch)
            if proceeding is not None:
                proceeding.wait = T2
            return None
        transaction = self._by_branch.pop(branch, None)
        if transaction is not None:
            transaction.message = b""
        return transaction

    def abandon(self, transaction: ClientTransaction[Owner]) -> None:
        """Forget a transaction; nothing happens when it has ended already."""
        self._by_branch.pop(transaction.branch, None)
        transaction.message = b""

    def expire(
        self, now: float
    ) -> tuple[list[ClientTransaction[Owner]], list[ClientTransaction[Owner]]]:
        """Timers E and F: the requests to send again, and the transactions that timed out."""
        again: list[ClientTransaction[Owner]] = []
        timed_out: list[ClientTransaction[Owner]] = []
        for deadline, transaction in self._timers.due(now):
            if not transaction.message:
                continue
            left = transaction.started + TIMEOUT - deadline
            if left <= 0:
                del self._by_branch[transaction.branch]
                timed_out.append(transaction)
                continue
            again.append(transaction)
            transaction.wait = min(2 * transaction.wait, T2)
            self._timers.add(deadline, min(transaction.wait, left), transaction)
        return again, timed_out

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        return self._timers.next_deadline()
