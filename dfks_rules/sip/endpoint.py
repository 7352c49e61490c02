"""A SIP endpoint without sockets: datagrams in; requests, ends of transactions and datagrams out.

It answers by itself what needs no knowledge of presence: repeats of requests, and requests that are
malformed. Everything else is handed up.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from dfks_rules.sip import header
from dfks_rules.sip.address import tag_of
from dfks_rules.sip.client import Client, MayReach, Send
from dfks_rules.sip.client import Ending as Ending  # Of its interface, as `Finished` is.
from dfks_rules.sip.client import Finished as Finished
from dfks_rules.sip.client_transaction import ClientTransaction, ClientTransactions, Outgoing
from dfks_rules.sip.counts import Counts
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming, read_addresses, unread
from dfks_rules.sip.lines import Fault
from dfks_rules.sip.message import Request, Response, parse_message
from dfks_rules.sip.ports import Ways
from dfks_rules.sip.response import INSECURE, REASONS, render_response, response_flow
from dfks_rules.sip.server_transaction import (
    ServerTransaction,
    ServerTransactions,
    server_key,
)
from dfks_rules.sip.stun import binding_answer
from dfks_rules.sip.trying import Unanswered

Owner = TypeVar("Owner")

_COUNTED_STATUS = {status: f"responses_{status}" for status in REASONS}


Refused = Callable[[Incoming, int, bytes], None]
"""Told of each error response: the request, the status and the reason phrase."""


class Endpoint(Generic[Owner]):
    """One for each server. `Owner` is what a request of ours belongs to, for whoever sent it."""

    def __init__(
        self,
        send: Send,
        tag_of: Callable[[bytes], bytes],
        ways: Ways | None = None,
        refused: Refused | None = None,
    ) -> None:
        """Make an endpoint.

        Args:
            send: where datagrams go.
            tag_of: a To tag for what is answered without a dialog: a keyed hash, the same for a
                repeat of the request (RFC 3261 §8.2.7).
            ways: the other ways to a peer; None where there is one transport.
            refused: told of each 4xx to 6xx response.
        """
        self._send = send
        self._tag_of = tag_of
        self._refused = refused
        self.ways = ways
        self.servers = ServerTransactions()
        self._unanswered = Unanswered()
        self.counted = Counts()
        """What happened."""
        # No Call-ID begins like this, so that nobody can ask for the secret of a branch.
        self._client: Client[Owner] = Client(
            send, ways, self.counted.named, lambda branch: tag_of(b"\r\n" + branch)
        )
        self.clients: ClientTransactions[Owner] = self._client.transactions

    @property
    def counts(self) -> dict[str, int]:
        """The same by name: `requests_subscribe`, `responses_200`, `malformed` and so on."""
        return self.counted.total()

    def receive(self, data: bytes, flow: Flow, now: float) -> Incoming | Finished[Owner] | None:
        """Take one datagram or framed message.

        Args:
            data: the message.
            flow: where it came from, and where an answer goes.
            now: monotonic seconds.
        """
        message = parse_message(data)
        if isinstance(message, Response):
            return self._client.answered(message, now)
        if message is None:
            self._receive_other(data, flow)
            return None
        self.counted.came(message.method, flow.listener.position)
        if message.method == b"ACK":
            return None
        if message.fault is None:
            key = server_key(message, message.method)
            transaction = self.servers.find(key)
            if transaction is not None:
                self._repeat(transaction)
                return None
            checked = read_addresses(message, flow, key)
            if isinstance(checked, Incoming):
                return None if self._answers(checked) else checked
            self._refuse_malformed(message, checked, flow)
        else:
            self._refuse_malformed(message, message.fault, flow)
        return None

    def refuse(self, data: bytes, flow: Flow, status: int, reason: bytes, headers: bytes) -> None:
        """Refuse a message that there is no time for, without a transaction.

        A request that was served before gets what it got; whatever cannot be answered, nothing.

        Args:
            data: the message.
            flow: where it came from.
            status: SIP status.
            reason: reason phrase.
            headers: further header lines, each with its CRLF.
        """
        request = parse_message(data)
        if not isinstance(request, Request) or request.method == b"ACK" or request.fault:
            return
        transaction = self.servers.find(server_key(request, request.method))
        if transaction is not None:
            self._repeat(transaction)
            return
        incoming = unread(request, flow)
        self.respond(incoming, status, reason=reason, headers=headers)

    def _receive_other(self, data: bytes, flow: Flow) -> None:
        """Take what is no message: a keep-alive (RFC 5626 §4.4), or anything."""
        if not data.strip():
            return
        answer = None if flow.listener.reliable else binding_answer(data, flow.remote)
        if answer is None:
            self.counted.count("malformed")
        else:
            self.counted.count("stun_requests")
            self._send(flow, answer)

    def _repeat(self, transaction: ServerTransaction) -> None:
        """A request came again."""
        self.counted.count("retransmissions_received")
        response = transaction.response
        if response is not None:
            self._send(transaction.flow, response)

    def _answers(self, incoming: Incoming) -> bool:
        """Answer a request that is about a transaction only; whether it was one."""
        if incoming.request.method == b"CANCEL":
            self._cancel(incoming)
            return True
        if not self.servers.is_merged(incoming.merge_key):
            return False
        # The request came another way before (RFC 3261 §8.2.2.2).
        self.respond(incoming, 482)
        return True

    def is_served(self, incoming: Incoming) -> bool:
        """Whether a request that has waited was served meanwhile; then its copy is answered so."""
        transaction = self.servers.find(incoming.key)
        if transaction is not None:
            self._repeat(transaction)
            return True
        return self._answers(incoming)

    def _cancel(self, incoming: Incoming) -> None:
        """A CANCEL of what is no INVITE has no effect, but it is answered (RFC 3261 §9.2)."""
        transaction = self.servers.cancelled_by(incoming.request)
        if transaction is None:
            self.respond(incoming, 481, reason=b"Call/Transaction Does Not Exist")
            return
        answer = parse_message(transaction.response or b"")
        to = answer.headers.get(b"to", b"") if isinstance(answer, Response) else b""
        self.respond(incoming, 200, tag=tag_of(to))

    def _refuse_malformed(self, request: Request, fault: Fault, flow: Flow) -> None:
        if not request.get(header.VIA):
            self.counted.count("malformed")
            return
        incoming = unread(request, flow)
        status, reason = fault
        self.counted.count("malformed" if status == 400 else "unsupported")
        headers = INSECURE if status == 480 else b""
        self.respond(incoming, status, reason=reason.encode(), headers=headers)

    def begin(self, incoming: Incoming, now: float) -> ServerTransaction:
        """Serve a request with a transaction: its repeats are not served again.

        Without this call `respond` is stateless (RFC 3261 §8.2.7), which is right for refusals that
        cost nothing to work out again, and keeps a flood of them from filling the memory.
        """
        request = incoming.request
        flow = response_flow(request, incoming.flow)
        return self.servers.begin(request.method, incoming.key, incoming.merge_key, flow, now)

    def expect_delay(self, incoming: Incoming, transaction: ServerTransaction, now: float) -> None:
        """The answer to a request may take long: its peer is told so in time (RFC 4320 §4.1).

        Nothing happens when the answer was sent already, as it nearly always was.

        Args:
            incoming: the request.
            transaction: what `begin` gave.
            now: monotonic seconds.
        """
        if transaction.response is None:
            self._unanswered.begun(transaction, incoming.request, incoming.flow.remote, now)

    def respond(
        self,
        incoming: Incoming,
        status: int,
        *,
        reason: bytes | None = None,
        tag: bytes = b"",
        headers: bytes = b"",
        transaction: ServerTransaction | None = None,
    ) -> None:
        """Send a final response without a body.

        Args:
            incoming: the request.
            status: SIP status.
            reason: reason phrase; None for the usual one.
            tag: To tag of the dialog; empty for an answer outside of a dialog.
            headers: further header lines, each with its CRLF.
            transaction: what `begin` gave; None for a stateless answer.
        """
        request = incoming.request
        if reason is None:
            reason = REASONS[status]
        if incoming.recipient.tag:
            tag = b""
        elif not tag:
            tag = self._tag_of(request.value(header.CALL_ID))
        message = render_response(request, incoming.flow.remote, status, reason, tag, headers)
        if transaction is None:
            self._send(response_flow(request, incoming.flow), message)
        else:
            if len(self._unanswered):
                self._unanswered.answered(transaction)
            transaction.answered(message)
            self._send(transaction.flow, message)
        self.counted.count(_COUNTED_STATUS[status])
        if status >= 400 and self._refused is not None:
            self._refused(incoming, status, reason)

    def request(self, request: Outgoing, owner: Owner, now: float) -> ClientTransaction[Owner]:
        """Send a request of ours and repeat it until it is answered."""
        return self._client.request(request, owner, now)

    def vet_targets(self, may_reach: MayReach[Owner]) -> None:
        """Have each target that was looked up for a request be approved before it is tried."""
        self._client.may_reach = may_reach

    def give_up(self, transaction: ClientTransaction[Owner]) -> None:
        """Wait for a response no longer; nothing happens when the transaction has ended."""
        self.clients.abandon(transaction)

    def undelivered(self, message: bytes, now: float) -> Finished[Owner] | None:
        """The transport could not deliver a message: a request goes another way, or is over.

        Args:
            message: as it was sent.
            now: monotonic seconds.

        Returns:
            The transaction that has ended by it (RFC 3261 §17.1.4), if there is one.
        """
        self.counted.count("undelivered")
        return self._client.undelivered(message, now)

    def bounced(self, beginning: bytes, now: float) -> None:
        """Nobody took a datagram: a request goes to its next target, if it has one.

        Args:
            beginning: of the datagram.
            now: monotonic seconds.
        """
        self._client.bounced(beginning, now)

    def located(self, branch: bytes, targets: Sequence[Flow], now: float) -> Finished[Owner] | None:
        """The hop of a request was looked up.

        Args:
            branch: of the request.
            targets: where it leads, in order; none where it leads nowhere.
            now: monotonic seconds.

        Returns:
            The transaction that has ended by it, if there is one.
        """
        return self._client.located(branch, tuple(targets), now)

    def expire(self, now: float) -> list[Finished[Owner]]:
        """Do what is due: send repeats, and 100 where an answer takes long.

        Returns:
            The transactions of ours that timed out.
        """
        for transaction, message in self._unanswered.due(now):
            self.counted.count("responses_100")
            transaction.proceed(message)
            self._send(transaction.flow, message)
        self.servers.expire(now)
        return self._client.expire(now)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        deadlines = (
            self.servers.next_deadline(),
            self.clients.next_deadline(),
            self._unanswered.next_deadline(),
        )
        return min((deadline for deadline in deadlines if deadline is not None), default=None)
