"""UDP: the socket is drained at each wake-up, and what that leads to is sent together.

What the kernel's buffer has no room for is lost to all, whoever filled it: so much more is read at
a time than is worked on, and what is too much of one source is dropped here.
"""

import asyncio
import contextlib
import errno
import math
import socket
import struct
from collections import deque
from collections.abc import Mapping

from dfks_rules.sip.flow import Flow, Listener, TransportName
from dfks_rules.transport import turns
from dfks_rules.transport.addresses import Listeners
from dfks_rules.transport.datagrams import Origin
from dfks_rules.transport.icmp import take_errors
from dfks_rules.transport.ports import Context
from dfks_rules.transport.udp_socket import UdpSocket

FULL = frozenset((errno.EAGAIN, errno.EINTR, errno.ENOBUFS))
"""There is no room for a datagram: in the socket's buffer; or in the queue of the device, which
Linux tells sockets only that keep errors (`icmp`). It is lost as on its way, and is repeated."""
FEW = 64
"""Most datagrams read at a time while nobody waits: more would not stay in the CPU's caches."""
DRAIN = 1_024
"""Most datagrams read at a time while somebody waits, before others get their turn: about 3 ms."""
FULL_READS = 4
"""Reads in a row that found all they may, after which the kernel's queue counts as waiting."""
AT_ONCE = 0.004
"""Seconds for which datagrams are worked on in the order in which they came, while nobody waits."""
EARLY_FOR = 10.0
"""Seconds for which what came before the server served is worked on in order, at most."""
LOOK_EVERY = 8
"""Datagrams between two looks at the clock."""
PORTION = 2 * turns.PORTION
"""Most datagrams sent before others get their turn: a response and a NOTIFY for each one read."""
MAX_FLOWS = 10_000
"""Most peers whose flow is kept. One flow serves all subscriptions of a phone."""
_SO_MEMINFO = 55
"""Of Linux's <asm/socket.h>; Python does not name it."""
_MEMINFO = struct.Struct("@9I")
"""What is in the socket's queues, bytes; the last is how many datagrams found them full."""


class UdpTransport:
    """One UDP socket."""

    def __init__(self, bound: UdpSocket, context: Context) -> None:
        """Serve what came early, and read from the next turn of the event loop on.

        Args:
            bound: the socket.
            context: what all transports share.
        """
        self._receiver = context.receiver
        self._turns = context.turns
        self._afterwards = context.afterwards
        self._take = context.turns.take if context.turns.is_limited else context.receiver.receive
        """What works on a datagram at once."""
        self._loop = asyncio.get_running_loop()
        self._flows: dict[Origin, Flow] = {}
        self._received: deque[tuple[bytes, Origin]] = deque()
        self._waiting: deque[tuple[Flow, bytes]] = deque()
        self._flushing = False
        self._is_paused = False
        self._full_reads = 0
        self._received_in_all = self._sent_in_all = 0
        self._unsent = self._undelivered = self._bounced = 0
        self._bound = bound
        self._socket = bound.socket
        self._datagrams = bound.datagrams
        host, port = self._socket.getsockname()[:2]
        self._listeners = Listeners(TransportName.UDP, (host, int(port)), context.advertise)
        bound.take_rest()
        self._early_ends = self._loop.time() + EARLY_FOR
        """When sources take turns, even if something that came early still waits."""
        if bound.early:
            bound.gather()
            self._loop.call_soon(self._work_early)
        else:
            self._read_on()

    @property
    def listener(self) -> Listener:
        """The address that was configured."""
        return self._listeners.primary

    @property
    def counts(self) -> Mapping[str, int]:
        """Datagrams so far; those dropped came faster than they were read."""
        dropped = 0
        if self._socket.fileno() >= 0:
            with contextlib.suppress(OSError):
                info = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
                dropped = _MEMINFO.unpack(info)[-1]
        return {
            "datagrams_received": self._received_in_all,
            "datagrams_dropped": dropped,
            "datagrams_sent": self._sent_in_all,
            "datagrams_unsent": self._unsent,
            "datagrams_bounced": self._bounced,
            "undelivered": self._undelivered,
        }

    def at(self, host: str) -> Listener:
        """The listener of one local address."""
        return self._listeners.at(host)

    def has(self, listener: Listener) -> bool:
        """Whether `listener` is an address of this socket."""
        return listener in self._listeners

    def stream_to(self, remote: tuple[str, int]) -> None:
        """Datagrams have no streams."""

    def _read_on(self) -> None:
        if not self._is_paused and self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._read)

    def _work_early(self) -> None:
        """Work on what came early, in its order, whoever sent it: all of it has waited for us.

        What comes meanwhile waits behind it, until nothing does, or it takes too long: it may be a
        flood, against which sources take turns.
        """
        early, ends = self._bound.early, self._loop.time() + AT_ONCE
        take = self._receiver.receive
        try:
            while early and self._loop.time() < ends:
                self._received_in_all += 1
                data, origin = early.popleft()
                take(data, self._flows.get(origin) or self._flow_from(origin))
        finally:
            self._flush()
            if early and self._loop.time() < self._early_ends:
                self._loop.call_soon(self._work_early)
            else:
                self._end_early()

    def _end_early(self) -> None:
        early = self._bound.early
        self._received_in_all += len(early)
        self._received.extend(early)
        early.clear()
        self._bound.stop_gathering()
        self._read_on()
        self._sort()
        self._turns.go_on()

    def _read(self) -> None:
        """Take what has come in, then work on it: kernel and interpreter by turns cost more."""
        received = self._received
        most = FEW if self._full_reads < FULL_READS and self._turns.is_calm else DRAIN
        for _ in range(most):
            try:
                self._datagrams.receive(most - len(received), received)
                break
            except OSError:
                # An ICMP error of an earlier datagram; the next read has the next datagram.
                self._take_errors()
        if not received:
            self._take_errors()  # Nothing else may have woken us.
        self._received_in_all += len(received)
        self._full_reads = self._full_reads + 1 if len(received) == most else 0
        self._afterwards.begin()
        self._afterwards.call(self._flush)
        try:
            if self._turns.is_calm:
                self._work()
            else:
                self._sort()
                self._turns.go()
        finally:
            self._afterwards.end()

    def _work(self) -> None:
        """Work on datagrams as they came, for a while: sorting a few of them gains nothing."""
        received, flows, take = self._received, self._flows, self._take
        done, ends = 0, math.inf
        try:
            while received:
                data, origin = received.popleft()
                take(data, flows.get(origin) or self._flow_from(origin))
                done += 1
                if done % LOOK_EVERY == 0:
                    now = self._loop.time()
                    ends = min(ends, now + AT_ONCE)
                    if now >= ends:
                        break
        finally:
            if received:  # It took too long, or one has raised: the others have their turns.
                self._sort()
                self._turns.go_on()

    def _sort(self) -> None:
        """Have datagrams wait by their sources."""
        received, flows, put = self._received, self._flows, self._turns.put
        now = self._loop.time()
        for data, origin in received:
            put(data, flows.get(origin) or self._flow_from(origin), now)
        received.clear()

    def _flow_from(self, origin: Origin) -> Flow:
        """The flow to a peer."""
        remote, local = self._datagrams.ends_of(origin)
        if len(self._flows) >= MAX_FLOWS:
            self._flows.clear()
        flow = self._flows[origin] = Flow(self._listeners.at(local), remote)
        return flow

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits to be worked on here, or to be sent."""
        return not (self._bound.early or self._received or self._waiting)

    def pause(self) -> None:
        """Read no more; what was read is worked on, and what is sent goes out."""
        self._is_paused = True
        self._loop.remove_reader(self._socket)

    def sockets(self) -> list[socket.socket]:
        """What whoever serves next has to be given."""
        return [self._socket]

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram at the end of what is being worked on, or in the next turn.

        What one turn has to say goes out in one go, which wakes a busy peer once; a burst goes out
        in portions, with what came in meanwhile read in between.
        """
        self._waiting.append((flow, data))
        if not self._flushing:
            self._flushing = True
            self._afterwards.call(self._flush_later)

    def _flush_later(self) -> None:
        self._flush()
        self._flushing = bool(self._waiting)
        if self._flushing:
            self._loop.call_soon(self._flush_later)

    def _flush(self) -> None:
        waiting, send_now = self._waiting, self._send_now
        portion = min(PORTION, len(waiting))
        self._sent_in_all += portion
        for _ in range(portion):
            send_now(*waiting.popleft())

    def _send_now(self, flow: Flow, data: bytes) -> None:
        try:
            self._datagrams.send(flow, data)
        except (OSError, OverflowError) as error:
            if not self._is_lost(error):
                self._send_again(flow, data)

    def _is_lost(self, error: Exception) -> bool:
        """Whether there was no room for a datagram, which counts it."""
        if isinstance(error, OSError) and error.errno in FULL:
            self._sent_in_all -= 1
            self._unsent += 1
            return True
        return False

    def _send_again(self, flow: Flow, data: bytes) -> None:
        """Send what may have failed for an ICMP error of an earlier datagram."""
        self._take_errors()
        try:
            self._datagrams.send(flow, data)
        except (OSError, OverflowError) as error:
            if self._is_lost(error):
                return
            # Nobody is there, it is too long, or a peer has written a port above 65535.
            self._sent_in_all -= 1
            self._undelivered += 1
            self._receiver.undelivered(data)

    def _take_errors(self) -> None:
        for beginning in take_errors(self._socket):
            self._bounced += 1
            self._loop.call_soon(self._receiver.bounced, beginning)

    async def close(self) -> None:
        """Send what waits, then close the socket."""
        for _ in range(-(-len(self._waiting) // PORTION)):
            self._flush()
        self._loop.remove_reader(self._socket)
        self._socket.close()
