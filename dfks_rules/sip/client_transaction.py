"""Requests of ours that wait for a final response (RFC 3261 §17.1.2).

| state      | input                   | output                        | next       |
|------------|-------------------------|-------------------------------|------------|
| trying     | timer E                 | send the request again        | trying     |
| both       | timer E, and it was sent as often as it may be | nothing | the same  |
| trying     | 1xx                     | nothing                       | proceeding |
| proceeding | timer E (T2)            | send the request again        | proceeding |
| both       | 2xx to 6xx              | tell the owner: answered      | terminated |
| both       | timer F                 | tell the owner: timed out     | terminated |
| both       | transport error         | tell the owner: unreachable   | terminated |
| any        | the owner gives it up   | nothing                       | terminated |

Where its next hop has to be looked up, or has more than one target (RFC 3263 §4.3):

| state      | input                                      | output                 | next       |
|------------|--------------------------------------------|------------------------|------------|
| locating   | targets are found                          | send it to the first   | trying     |
| locating   | there is none; or timer F                  | tell the owner         | terminated |
| trying     | transport error, 503 or timer F; has more targets | send it to the next | trying |
| proceeding | transport error or 503; has more targets   | send it to the next    | trying     |
| both       | its stream is gone; it has a hop           | look it up             | locating   |

At each target the request has a branch of its own, and its timers begin anew: for that target it is
another transaction. Its CSeq stays, and its owner hears only how the last one ended.

A terminated transaction is forgotten at once: a late response then matches nothing and is dropped,
which is all that timer K is for. There is no timer E on a stream.
"""

import re
from enum import Enum
from math import ceil
from typing import Final, Generic, TypeVar

from dfks_rules.sip.flow import Flow
from dfks_rules.sip.timers import T1, T2, TIMEOUT, TimerQueues

Owner = TypeVar("Owner")

METHOD: Final = b"NOTIFY"
"""The method of every request of ours."""
_BRANCH = re.compile(rb"\r\nVia: [^\r\n]*;branch=([^\r\n;]++)\r\n")
_NEVER: Final = -1.0


class ClientState(Enum):
    """Where a client transaction stands."""

    LOCATING = "locating"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    TERMINATED = "terminated"


# CPython 3.11 calls a Python function for each `ClientState.TRYING`.
_LOCATING: Final = ClientState.LOCATING
_TRYING: Final = ClientState.TRYING
_PROCEEDING: Final = ClientState.PROCEEDING
_TERMINATED: Final = ClientState.TERMINATED


class Outgoing:
    """A request of ours, ready to be sent."""

    __slots__ = ("branch", "flow", "further", "message", "sendings")

    def __init__(
        self, branch: bytes, message: bytes, flow: Flow, further: tuple[Flow, ...] = ()
    ) -> None:
        self.branch = branch
        self.message = message
        self.flow = flow
        self.further = further
        """Where it goes, one after the other, when nobody can be reached by `flow`."""
        self.sendings = 0
        """How often it is sent at most, wherever; 0 for as often as the timers say."""


class ClientTransaction(Generic[Owner]):
    """A request of ours that waits for its final response."""

    __slots__ = (
        "_sendings",
        "_targets",
        "_wait",
        "branch",
        "due",
        "flow",
        "further",
        "message",
        "owner",
        "started",
        "state",
    )

    def __init__(self, request: Outgoing, owner: Owner, now: float) -> None:
        self.branch = request.branch
        """Another one at each target."""
        self.message = request.message
        """Let go of at the end: the timers hold the transaction for a while."""
        self.flow = request.flow
        self.further = request.further
        """Where it goes when nobody can be reached by `flow`."""
        self.owner = owner
        """Whom the outcome is told to."""
        self.state: ClientState = _TRYING
        self.due = 0.0
        """When its timer is due (monotonic seconds); one of an earlier target no longer matters."""
        self._sendings = request.sendings - 1
        """How often it may be sent again; below 0 for any number."""
        self._targets = 0
        """How many there were before this one."""
        self.started = now
        """When it was sent to this target first, monotonic seconds."""
        self._wait = T1
        """The current value of timer E, s."""

    def proceed(self) -> None:
        """A provisional response came: the request is repeated less often."""
        self.state = _PROCEEDING
        self._wait = T2

    def end(self) -> None:
        """It is over, one way or another."""
        self.state = _TERMINATED
        self.message = b""

    def may_repeat(self) -> bool:
        """Whether it may be sent once more; to be sent if so."""
        if self._sendings == 0:
            return False
        self._sendings -= 1
        return True

    def locate(self) -> None:
        """Its next hop is looked up."""
        self.state = _LOCATING

    def move(self, targets: tuple[Flow, ...], now: float, secret: bytes) -> None:
        """Go to the first of these targets, and to the others after it.

        Args:
            targets: there is at least one.
            now: monotonic seconds.
            secret: what nobody can guess of its branch there.
        """
        here = b"\r\n%b%b\r\n" % (self.flow.listener.via_start, self.branch)
        self._targets += 1
        self.branch = b"%b.%d%b" % (self.branch.partition(b".")[0], self._targets, secret)
        self.flow, self.further = targets[0], targets[1:]
        there = b"\r\n%b%b\r\n" % (self.flow.listener.via_start, self.branch)
        self.message = self.message.replace(here, there, 1)
        self.state = _TRYING
        self.started = now
        self._wait = T1

    def next_wait(self, deadline: float) -> float:
        """How long after the timer that was due at `deadline` the next one is, s; 0: timed out."""
        # In steps of T1, whatever rounding made of it: each other wait would be a queue of its own.
        left = ceil((self.started + TIMEOUT - deadline) / T1) * T1
        self._wait = min(2 * self._wait, T2)
        return max(0.0, min(self._wait, left))


def branch_of(message: bytes) -> bytes | None:
    """The branch of a request of ours; None for a response."""
    found = None if message.startswith(b"SIP/") else _BRANCH.search(message)
    return None if found is None else found[1]


class ClientTransactions(Generic[Owner]):
    """The requests of ours that wait for a final response."""

    def __init__(self) -> None:
        self._by_branch: dict[bytes, ClientTransaction[Owner]] = {}
        self._timers: TimerQueues[ClientTransaction[Owner]] = TimerQueues()

    def __len__(self) -> int:
        return len(self._by_branch)

    def begin(self, request: Outgoing, owner: Owner, now: float) -> ClientTransaction[Owner]:
        """Remember a request that is being sent."""
        transaction = ClientTransaction(request, owner, now)
        self._by_branch[request.branch] = transaction
        self._wait(transaction, now, TIMEOUT if request.flow.listener.reliable else T1)
        return transaction

    def _wait(self, transaction: ClientTransaction[Owner], start: float, wait: float) -> None:
        transaction.due = start + wait
        self._timers.add(start, wait, transaction)

    def locate(self, transaction: ClientTransaction[Owner], now: float) -> None:
        """Its next hop is looked up, for as long as it would otherwise wait for an answer."""
        transaction.locate()
        self._wait(transaction, now, TIMEOUT)

    def move(
        self,
        transaction: ClientTransaction[Owner],
        targets: tuple[Flow, ...],
        now: float,
        secret: bytes,
    ) -> None:
        """A request goes to other targets; see `ClientTransaction.move`."""
        self._by_branch.pop(transaction.branch, None)
        transaction.move(targets, now, secret)
        self._by_branch[transaction.branch] = transaction
        self._wait(transaction, now, TIMEOUT if transaction.flow.listener.reliable else T1)

    def find(self, branch: bytes) -> ClientTransaction[Owner] | None:
        """The transaction of a branch, if it has not ended."""
        return self._by_branch.get(branch)

    def answered(self, branch: bytes, status: int) -> ClientTransaction[Owner] | None:
        """The transaction that a final response ends; None for a provisional one or a stranger."""
        if status < 200:
            proceeding = self._by_branch.get(branch)
            if proceeding is not None:
                proceeding.proceed()
            return None
        transaction = self._by_branch.pop(branch, None)
        if transaction is not None:
            transaction.end()
        return transaction

    def abandon(self, transaction: ClientTransaction[Owner]) -> None:
        """Forget a transaction; nothing happens when it has ended already."""
        self._by_branch.pop(transaction.branch, None)
        transaction.end()

    def expire(
        self, now: float
    ) -> tuple[list[ClientTransaction[Owner]], list[ClientTransaction[Owner]]]:
        """Timers E and F: the requests to send again, and those that nobody answered in time.

        The latter wait for `move` or `abandon`.
        """
        again: list[ClientTransaction[Owner]] = []
        timed_out: list[ClientTransaction[Owner]] = []
        for deadline, transaction in self._timers.due(now):
            if transaction.state is _TERMINATED or transaction.due != deadline:
                continue
            wait = transaction.next_wait(deadline)
            if wait == 0:
                transaction.due = _NEVER  # One of an earlier target may be due at the same time.
                timed_out.append(transaction)
                continue
            if transaction.may_repeat():
                again.append(transaction)
            self._wait(transaction, deadline, wait)
        return again, timed_out

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        return self._timers.next_deadline()
