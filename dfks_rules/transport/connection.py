"""One stream, which a peer opened or we did.

| state       | input                        | output                       | next        |
|-------------|------------------------------|------------------------------|-------------|
| opening     | message to send              | keep it                      | opening     |
| opening     | connected                    | send what was kept           | open        |
| opening     | not connected                | what was kept is undelivered | closed      |
| open        | message to send              | send it                      | open        |
| open        | whole messages               | hand them up                 | open        |
| open        | end of the peer's side, requests unanswered     | ours are lost | half closed |
| open        | end of the peer's side, everything is answered  | close     | closed      |
| half closed | response to the last request | send it, close               | closed      |
| half closed | request to send              | not here: another connection | half closed |
| any         | deadline                     | close                        | closed      |
| any         | connection lost     | what was not written or answered is undelivered | closed |
"""

import asyncio
import enum
import math
import socket
from collections import deque

from dfks_rules.sip.flow import Flow
from dfks_rules.sip.glance import RESPONSE
from dfks_rules.sip.host import network_of
from dfks_rules.sip.stream import StreamReader
from dfks_rules.transport.connections import Connections
from dfks_rules.transport.cycles import break_cycle
from dfks_rules.transport.ports import Context
from dfks_rules.transport.unheard import Unheard

AT_ONCE = 4
"""Most messages of one read that are worked on at once; the rest goes by turns with others."""
MAX_READ = 16_384
"""Most bytes taken from a socket before others get their turn."""
MAX_KEPT = 100
"""Most messages kept for a connection that is being opened."""
MAX_UNSENT = 1_000_000
"""Most bytes kept for a peer that does not read."""
UNREAD = 65_536
"""Bytes kept for a peer that does not read, from which on its requests have to wait."""
_OPTIONS = (
    (socket.TCP_NODELAY, 1),
    # Finds peers that are gone, and keeps NAT open for phones that send no keep-alives of their own
    # (RFC 5626 has them do so every 95 to 120 s).
    (socket.TCP_KEEPIDLE, 110),
    (socket.TCP_KEEPINTVL, 15),
    (socket.TCP_KEEPCNT, 3),
    # As long as a transaction waits for an answer (timer F), in ms.
    (socket.TCP_USER_TIMEOUT, 32_000),
)


class _State(enum.Enum):
    OPENING = enum.auto()
    OPEN = enum.auto()
    HALF_CLOSED = enum.auto()
    CLOSED = enum.auto()


_buffer = memoryview(bytearray(MAX_READ))
"""What was read last, by whichever connection: it is taken over before the next one reads."""


class Connection(asyncio.BufferedProtocol):
    """One stream; in the table from its making to its end."""

    def __init__(self, flow: Flow, context: Context, *, is_ours: bool) -> None:
        """Make a connection that has no socket yet.

        Args:
            flow: its number, and its remote: the peer that was accepted, or the one to connect to.
            context: the table that it enters, and who is told of messages.
            is_ours: whether we open it.
        """
        self.flow = flow
        self.asked_for = flow.remote
        """Where we were to connect to."""
        self.source = network_of(flow.remote[0])
        """What it is counted by."""
        self._receiver = context.receiver
        self._turns = context.turns
        self._sender = context.turns.sources.of(flow.remote[0])
        """Whose turn its messages wait for."""
        self._table: Connections = context.connections
        self._limits = self._table.limits
        self._loop = asyncio.get_running_loop()
        self._reader = StreamReader()
        self._transport: asyncio.Transport | None = None
        self._state = _State.OPENING
        self.is_ours = is_ours
        """Whether we opened it."""
        limits = self._limits
        self._idle = min(limits.opened_idle, limits.idle) if is_ours else limits.idle
        self._was_heard = is_ours
        """Whether a message came; whom we connected to need not send one."""
        self._begun: float | None = None
        """Since when a message is under way."""
        self._unanswered = 0
        """Requests handed up, less the responses sent."""
        self._received: deque[bytes] = deque()
        self._is_stuck = False
        """Whether what was received waits until the peer has read."""
        self._unwritten: list[bytes] = []
        """What was to be sent and may not have reached the socket."""
        self._unheard = Unheard()
        self.deadline = math.inf if is_ours else self._loop.time() + self._limits.first
        """When it is closed unless something happens (monotonic seconds)."""
        self._table.add(self)

    def takes(self, data: bytes) -> bool:
        """Whether a message can go this way: a peer that ended its side answers no request."""
        return self._state in (_State.OPENING, _State.OPEN) or (
            self._state is _State.HALF_CLOSED and data.startswith(RESPONSE)
        )

    @property
    def is_open(self) -> bool:
        """Whether it is open in both directions."""
        return self._state is _State.OPEN

    # Input of the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket: send what was kept."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has no other
        if self._state is _State.CLOSED:
            transport.abort()
            return
        self._transport, self._state = transport, _State.OPEN
        stream = transport.get_extra_info("socket")
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _OPTIONS:
            stream.setsockopt(socket.IPPROTO_TCP, option, value)
        # `resume_writing` is called when everything is written.
        transport.set_write_buffer_limits(high=0)
        if self.is_ours:
            peer = transport.get_extra_info("peername")
            if peer is None:  # It has broken the connection in the meantime.
                transport.abort()
                return
            self.flow = self.flow._replace(remote=peer[:2])
            self._table.name(self)
        self._move_deadline()
        kept, self._unwritten = self._unwritten, []
        for data in kept:
            self.write(data)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes in."""
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in."""
        reader = self._reader
        messages = reader.feed(_buffer[:nbytes])
        if reader.pings:
            # RFC 5626 §3.5.1; those that came together get one pong: a flood is not sent back.
            self._write(b"\r\n")
        if messages:
            self._was_heard = True
            self._table.counts["messages_received"] += len(messages)
        if not reader.waiting:
            self._begun = None
        elif messages or self._begun is None:
            self._begun = self._loop.time()
        self._move_deadline()
        self._received.extend(messages)
        has_more = True
        try:
            for _ in range(AT_ONCE):
                if not self._turns.is_free():
                    break
                has_more = self._work()
                if not has_more:
                    break
        finally:
            if has_more:
                self._pause()
                self._turns.wait(self._sender, self._work)

    def _work(self) -> bool:
        """Hand up one message; whether there are more that need not wait for the peer to read."""
        received = self._received
        if received and self._unread() < UNREAD and not self._hand_up():
            self._pause()
            self._turns.wait_longer(self._sender, self._work)
            return False
        if received:
            if self._unread() < UNREAD:
                return True
            self._is_stuck = True
            self._pause()
        elif self._reader.broken:
            self.close()
        else:
            self._resume()
        return False

    def _hand_up(self) -> bool:
        """Have one message worked on, or refused; False when it has to wait."""
        received, sender, turns = self._received, self._sender, self._turns
        message = received.popleft()
        self._unheard.came(message)
        is_request = not message.startswith((RESPONSE, b"ACK "))
        self._unanswered += is_request
        if turns.admits(sender, message):
            sender.credit -= len(message)
            self._receiver.receive(message, self.flow)
        elif not turns.refuses(sender, message, self.flow):
            self._unanswered -= is_request
            received.appendleft(message)
            return False
        return True

    def _unread(self) -> int:
        """Bytes that the peer should have read by now; 0 when there is no peer any more."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return 0
        return transport.get_write_buffer_size()

    def _pause(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def _resume(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_reading() and not transport.is_closing():
            transport.resume_reading()

    def eof_received(self) -> bool:
        """The peer has ended its side; it may yet wait for responses."""
        if self._unanswered <= 0 or self._state is not _State.OPEN:
            self.close()
            return False
        self._state = _State.HALF_CLOSED
        self._table.forget(self)
        self.deadline = self._loop.time() + self._limits.answer
        # Our own requests get no answer any more.
        self._tell_lost()
        return True

    def resume_writing(self) -> None:
        """Everything is written."""
        written, self._unwritten = self._unwritten, []
        for data in written:
            self._unheard.sent(data, self._loop.time())
        self._go_on()

    def _go_on(self) -> None:
        if self._is_stuck:
            self._is_stuck = False
            self._turns.wait(self._sender, self._work)

    def connection_lost(self, exc: Exception | None) -> None:
        """There is no socket any more."""
        if self._transport is not None:
            break_cycle(self._transport)
        self.fail()

    # Output.

    def write(self, data: bytes) -> None:
        """Send a message that `takes` has allowed; `flow` is where its sender wants it to go."""
        if self._transport is None:
            if len(self._unwritten) < MAX_KEPT:
                self._unwritten.append(data)
            else:
                self._loop.call_soon(self._tell_undelivered, data)
            return
        self._table.counts["messages_sent"] += 1
        if self._write(data):
            self._unwritten.append(data)
        else:
            self._unheard.sent(data, self._loop.time())
        self._move_deadline()
        if data.startswith(RESPONSE):
            self._unanswered -= 1
            if self._state is _State.HALF_CLOSED and self._unanswered <= 0:
                self.close()

    def _write(self, data: bytes) -> bool:
        """Send bytes; whether some have to wait, or cannot be sent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return True
        transport.write(data)
        size = transport.get_write_buffer_size()
        if size > MAX_UNSENT:
            transport.abort()
        return bool(size) or transport.is_closing()

    def _move_deadline(self) -> None:
        if self._state is not _State.OPEN or not self._was_heard:
            return
        if self._begun is not None:
            self.deadline = self._begun + self._limits.message
        else:
            self.deadline = self._loop.time() + self._idle

    def close(self) -> None:
        """Close once what was written is sent."""
        if self._transport is None:
            self.fail()
        elif self._state is not _State.CLOSED:
            self._state = _State.CLOSED
            self._table.forget(self)
            self.deadline = self._loop.time() + self._limits.answer
            self._transport.close()

    def expire(self) -> None:
        """The deadline has passed."""
        if self._state is _State.CLOSED and self._transport is not None:
            # It does not read the last that we have to say.
            self._transport.abort()
        else:
            self._table.counts["connections_timed_out"] += 1
            self.close()

    def fail(self) -> None:
        """The connection is gone, or there never was one."""
        self._state = _State.CLOSED
        self._table.remove(self)
        self._go_on()
        self._tell_lost()
        lost, self._unwritten = self._unwritten, []
        for data in lost:
            self._tell_undelivered(data)

    def _tell_lost(self) -> None:
        for data in self._unheard.lost(self._loop.time()):
            self._tell_undelivered(data)

    def _tell_undelivered(self, data: bytes) -> None:
        self._table.counts["undelivered"] += 1
        self._receiver.undelivered(data)
