"""The client side of an endpoint: requests of ours, to one target after the other.

Where the next hop has to be looked up, the request waits for that. A target that cannot be reached,
does not answer or is out of service (503) is left for the next one; whoever sent the request hears
only how the last one ended (RFC 3263 §4.3).
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, TypeVar

from dfks_rules.sip.client_transaction import (
    METHOD,
    ClientState,
    ClientTransaction,
    ClientTransactions,
    Outgoing,
    branch_of,
)
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.message import Response
from dfks_rules.sip.ports import Ways
from dfks_rules.sip.retry_after import retry_after

Owner = TypeVar("Owner")
MayReach = Callable[[Owner, Flow, float], bool]
"""Whether a request of its owner may go to a target, now (monotonic seconds)."""
Send = Callable[[Flow, bytes], None]
"""Hands bytes to a transport, which says by `Endpoint.undelivered` what it could not send."""

AVOID = 300.0
"""For how long a target that did not answer is tried only after others, s."""
MAX_AVOID = 10_000.0
"""Longest time that a target may ask for itself, s; longer ones are not believed."""


class Ending(Enum):
    """How a transaction of ours ended."""

    ANSWERED = "answered"
    """A final response came."""
    TIMED_OUT = "timed_out"
    """Nobody answered within 32 s."""
    UNREACHABLE = "unreachable"
    """The transport could not deliver the request (RFC 3261 §17.1.4)."""


class Finished(Generic[Owner]):
    """A transaction of ours ended."""

    __slots__ = ("ending", "response", "transaction")

    def __init__(
        self, transaction: ClientTransaction[Owner], response: Response | None, ending: Ending
    ) -> None:
        self.transaction = transaction
        self.response = response
        """The final response; None unless the ending is `ANSWERED`."""
        self.ending = ending


# CPython 3.11 calls a Python function for each `Ending.ANSWERED`.
_ANSWERED: Final = Ending.ANSWERED
_LOCATING: Final = ClientState.LOCATING
_TRYING: Final = ClientState.TRYING


class Client(Generic[Owner]):
    """Sends requests of ours. `Owner` is what each belongs to, for whoever sent it."""

    def __init__(
        self,
        send: Send,
        ways: Ways | None,
        counts: dict[str, int],
        secret_of: Callable[[bytes], bytes],
    ) -> None:
        """Make one.

        Args:
            send: where messages go.
            ways: what looks up hops; without it they lead nowhere.
            counts: where it counts `retransmissions_sent` and `failovers`.
            secret_of: a keyed hash of a branch, so that whoever saw the branch at one target cannot
                guess the one at the next, and answer for it.
        """
        self._secret_of = secret_of
        self._send = send
        self._ways = ways
        self._counts = counts
        self.transactions: ClientTransactions[Owner] = ClientTransactions()
        self.may_reach: MayReach[Owner] | None = None
        """Asked of each target that was looked up."""

    def _count(self, name: str) -> None:
        counts = self._counts
        counts[name] = counts.get(name, 0) + 1

    def request(self, request: Outgoing, owner: Owner, now: float) -> ClientTransaction[Owner]:
        """Send a request and repeat it until it is answered."""
        transaction = self.transactions.begin(request, owner, now)
        if request.flow.hop is None or request.flow.connection:
            self._send(request.flow, request.message)
        else:
            self._look_up(transaction, now)
        return transaction

    def answered(self, response: Response, now: float) -> Finished[Owner] | None:
        """Take a response; gives the transaction that it ends.

        One that matches none is dropped: branch and method have to fit (RFC 3261 §17.1.3).
        """
        if response.method != METHOD:
            return None
        if response.status == 503:
            failed = self.transactions.find(response.branch)
            if failed is not None and self._go_elsewhere(failed, now, _out_of_service(response)):
                return None
        transaction = self.transactions.answered(response.branch, response.status)
        return None if transaction is None else Finished(transaction, response, _ANSWERED)

    def undelivered(self, message: bytes, now: float) -> Finished[Owner] | None:
        """A transport could not deliver a message; gives the transaction that has ended by it."""
        branch = branch_of(message)
        transaction = None if branch is None else self.transactions.find(branch)
        if transaction is None or transaction.state is _LOCATING or transaction.message != message:
            return None
        if transaction.flow.hop is not None:
            # Its stream is gone. It goes where its hop leads now.
            self._look_up(transaction, now)
            return None
        if self._go_on(transaction, transaction.further, now, AVOID):
            return None
        return self._unreachable(transaction)

    def bounced(self, beginning: bytes, now: float) -> None:
        """Nobody took a datagram; where there is no other target, that is no news.

        A phone that restarts has nobody listening for a while. Its request is repeated as if
        nothing had been heard: what routers say cannot be believed for good (RFC 3261 §18.4 has it
        end at once). Who can quote the branch has seen the datagram.
        """
        branch = branch_of(beginning)
        transaction = None if branch is None else self.transactions.find(branch)
        if transaction is not None and transaction.message.startswith(beginning):
            self._go_elsewhere(transaction, now, AVOID)

    def located(
        self, branch: bytes, targets: tuple[Flow, ...], now: float
    ) -> Finished[Owner] | None:
        """The hop of a request was looked up; gives the transaction that has ended by it."""
        transaction = self.transactions.find(branch)
        if transaction is None or transaction.state is not _LOCATING:
            return None
        if self._go_to(transaction, targets + transaction.further, now):
            return None
        return self._unreachable(transaction)

    def _vetted(self, owner: Owner, targets: tuple[Flow, ...], now: float) -> tuple[Flow, ...]:
        """The targets from the first on that may be tried."""
        may_reach = self.may_reach
        while may_reach is not None and targets and targets[0].hop is None:
            if may_reach(owner, targets[0], now):
                break
            targets = targets[1:]
        return targets

    def expire(self, now: float) -> list[Finished[Owner]]:
        """Do what is due: repeats are sent, and transactions that timed out are returned."""
        again, timed_out = self.transactions.expire(now)
        for transaction in again:
            self._count("retransmissions_sent")
            self._send(transaction.flow, transaction.message)
        ended: list[Finished[Owner]] = []
        for transaction in timed_out:
            # Whoever sent a provisional response is there (RFC 3263 §4.3).
            is_silent = transaction.state is _TRYING
            if not (is_silent and self._go_elsewhere(transaction, now, AVOID)):
                self.transactions.abandon(transaction)
                ended.append(Finished(transaction, None, Ending.TIMED_OUT))
        return ended

    def _look_up(self, transaction: ClientTransaction[Owner], now: float) -> None:
        self.transactions.locate(transaction, now)
        if self._ways is not None:
            self._ways.locate(transaction.branch, transaction.flow)

    def _go_elsewhere(
        self, transaction: ClientTransaction[Owner], now: float, avoid: float
    ) -> bool:
        """Leave a target that can be reached and is no use: another way to it would not help."""
        here = transaction.flow.remote
        targets = tuple([one for one in transaction.further if one.remote != here])
        return self._go_on(transaction, targets, now, avoid)

    def _go_on(
        self,
        transaction: ClientTransaction[Owner],
        targets: tuple[Flow, ...],
        now: float,
        avoid: float,
    ) -> bool:
        """Leave a target that failed for the next one; whether there is one."""
        failed = transaction.flow
        if not self._go_to(transaction, targets, now):
            return False
        self._count("failovers")
        if self._ways is not None:
            self._ways.avoid(failed, now + avoid)
        return True

    def _go_to(
        self, transaction: ClientTransaction[Owner], targets: tuple[Flow, ...], now: float
    ) -> bool:
        """Send a request to the first of these; whether there is one, and it may be sent again."""
        targets = self._vetted(transaction.owner, targets, now)
        if not targets:
            return False
        # What waited for a look-up was not sent to anybody yet.
        if transaction.state is not _LOCATING and not transaction.may_repeat():
            return False
        self.transactions.move(transaction, targets, now, self._secret_of(transaction.branch))
        if transaction.flow.hop is None:
            self._send(transaction.flow, transaction.message)
        else:
            self._look_up(transaction, now)
        return True

    def _unreachable(self, transaction: ClientTransaction[Owner]) -> Finished[Owner]:
        self.transactions.abandon(transaction)
        return Finished(transaction, None, Ending.UNREACHABLE)


def _out_of_service(response: Response) -> float:
    """For how long the target that sent a 503 wants no request, s (RFC 3261 §21.5.4)."""
    wait = retry_after(response)
    return AVOID if wait is None or wait > MAX_AVOID else wait
