"""UDP: the socket is drained at each wake-up, and what that leads to is sent together."""

import asyncio
import ipaddress
import socket
from collections import deque
from collections.abc import Callable

from dfks_rules.sip.flow import Flow, Listener

Receive = Callable[[bytes, Flow], None]
"""Takes one message and where it came from."""

DRAIN = 64
"""Most datagrams read before others get their turn."""
PORTION = 2 * DRAIN
"""Most datagrams sent before others get their turn: a response and a NOTIFY for each one read."""
BUFFER = 4 * 1024 * 1024
"""Socket buffers asked for, bytes: a burst of NOTIFYs is answered by a burst of 200s."""
MAX_LOOKUPS = 100
"""Most names looked up at once: a flood of Contacts with dead names must not fill the memory."""
MAX_DATAGRAM = 65_535


class UdpTransport:
    """One UDP socket."""

    def __init__(self, host: str, port: int, receive: Receive) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive = receive
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.listener = Listener("udp", reachable(host), self._socket.getsockname()[1])
        self._received: deque[tuple[bytes, tuple[str, int]]] = deque()
        self._waiting: deque[tuple[bytes, tuple[str, int]]] = deque()
        self._flushing = False
        self._lookups = 0
        self._loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        """Take what has come in, then work on it: kernel and interpreter by turns cost more."""
        receive_from, received = self._socket.recvfrom, self._received
        for _ in range(DRAIN):
            try:
                received.append(receive_from(MAX_DATAGRAM))
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # An ICMP error of an earlier datagram; the next read has the next datagram.
                continue
        self._work()

    def _work(self) -> None:
        listener, receive, received = self.listener, self._receive, self._received
        # A named tuple's own constructor is a Python function: this is the same without the call.
        new_flow = tuple.__new__
        try:
            while received:
                data, remote = received.popleft()
                receive(data, new_flow(Flow, (listener, remote[:2], 0, False)))
        finally:
            if received:  # One of them has raised: the others are served all the same.
                self._loop.call_soon(self._work)
            self._flush()

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram at the end of this turn.

        What one turn has to say goes out in one go, which wakes a busy peer once; a burst goes out
        in portions, with what came in meanwhile read in between.
        """
        if flow.resolve:
            self._resolve_and_send(flow, data)
            return
        self._waiting.append((data, flow.remote))
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush_later)

    def _flush_later(self) -> None:
        self._flush()
        self._flushing = bool(self._waiting)
        if self._flushing:
            self._loop.call_soon(self._flush_later)

    def _flush(self) -> None:
        waiting, send_to = self._waiting, self._send_to
        for _ in range(min(PORTION, len(waiting))):
            send_to(*waiting.popleft())

    def _send_to(self, data: bytes, remote: tuple[str, int]) -> None:
        # A full buffer or an unreachable peer is a lost datagram: the transaction repeats it.
        try:
            self._socket.sendto(data, remote)
        except OSError:
            return

    def _resolve_and_send(self, flow: Flow, data: bytes) -> None:
        """Look the name up on another thread; beyond `MAX_LOOKUPS` the datagram is lost."""
        if self._lookups < MAX_LOOKUPS:
            self._lookups += 1
            lookup = self._loop.run_in_executor(None, _resolve, flow)
            lookup.add_done_callback(lambda found: self._send_resolved(found, data))

    def _send_resolved(self, found: "asyncio.Future[tuple[str, int] | None]", data: bytes) -> None:
        self._lookups -= 1
        remote = None if found.cancelled() else found.result()
        if remote is not None and self._socket.fileno() >= 0:
            self._send_to(data, remote)

    def close(self) -> None:
        """Send what waits, then close the socket."""
        for data, remote in self._waiting:
            self._send_to(data, remote)
        self._waiting.clear()
        self._loop.remove_reader(self._socket)
        self._socket.close()


def _resolve(flow: Flow) -> tuple[str, int] | None:
    """The address behind a host name, or None."""
    family = socket.AF_INET6 if ":" in flow.listener.host else socket.AF_INET
    try:
        found = socket.getaddrinfo(*flow.remote, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return None
    return str(found[0][4][0]), int(found[0][4][1])


def reachable(host: str) -> str:
    """The address to name in Via and Contact for a socket bound to `host`."""
    if not ipaddress.ip_address(host).is_unspecified:
        return host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    target = "2001:db8::1" if ":" in host else "192.0.2.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing: it asks for the route's own address.
            probe.connect((target, 9))
        except OSError:
            return "::1" if ":" in host else "127.0.0.1"
        return str(probe.getsockname()[0])
