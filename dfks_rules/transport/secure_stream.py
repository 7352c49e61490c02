"""TLS between a socket and its connection: a protocol to the one, a transport to the other.

The event loop's own TLS keeps a read buffer of 256 KiB for each connection, and cannot be half
closed. This keeps no byte that it need not:

| state       | input                                              | output              | next   |
|-------------|----------------------------------------------------|---------------------|--------|
| waiting     | records, before it is its turn                     | none: not read on   | same   |
| waiting     | its turn             | what the handshake says to the records | handshaking |
| handshaking | message to send                                    | keep it             | same   |
| handshaking | end of the handshake                               | send what was kept  | open   |
| handshaking | what is no TLS; a certificate that is not trusted  | alert, close        | closed |
| handshaking | end of the peer's side; close                      | break it            | closed |
| open        | message to send; record                            | record; plain text  | same   |
| open        | close_notify; end of the peer's side without it    | end of its side     | same   |
| open        | after close_notify: anything else                  | none: not kept      | same   |
| open        | a record that cannot be read                       | alert, close        | closed |
| open        | close                                              | close_notify, close | closed |

How long a handshake may take is watched by whoever watches the connection; only where we are the
client it is watched here.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

from dfks_rules.transport.connection import MAX_UNSENT
from dfks_rules.transport.cycles import break_cycle
from dfks_rules.transport.sources import Work

SLICE = 4_096
"""Bytes that OpenSSL is given at a time: its buffers keep the size that they once had."""
HANDSHAKE_WITHIN = 10.0
"""Seconds for the handshake of a connection that we open."""
_records = memoryview(bytearray(SLICE))
"""What was read last, by whichever stream: OpenSSL takes it over before the next one reads."""


class SecureStream(asyncio.Transport, asyncio.BufferedProtocol):
    """One connection with TLS."""

    def __init__(
        self,
        above: asyncio.BufferedProtocol,
        context: ssl.SSLContext,
        counts: Counter[str],
        *,
        is_ours: bool,
        turn: Callable[[Work], bool] | None = None,
    ) -> None:
        """Make a stream that has no socket yet.

        Args:
            above: takes the plain text, and is given this as its transport.
            context: certificates, and what is asked of the peer.
            counts: where `handshakes_done` and `handshakes_failed` are counted.
            is_ours: whether we open it, and are the client.
            turn: says whether the handshake of a peer may begin; else it calls when it may. None
                where it always may.
        """
        super().__init__()
        self._above = above
        self._counts = counts
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=not is_ours)
        self._unencrypted = bytearray()
        """What waits for the end of the handshake."""
        self._is_open = self._is_closing = self._is_ended = self._is_end_untold = False
        self._turn = turn
        """Whom to ask before the handshake begins; None afterwards."""
        self._timer: asyncio.TimerHandle | None = None
        if is_ours:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(HANDSHAKE_WITHIN, self.abort)

    # Towards the socket.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket: begin the handshake."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has no other
        self._below = transport
        self._above.connection_made(self)
        if not self._is_closing:
            self._go_on(memoryview(b""))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes in."""
        return _records

    def buffer_updated(self, nbytes: int) -> None:
        """Records came in, or parts of them."""
        if self._is_ended:
            return
        self._incoming.write(_records[:nbytes])
        if self._turn is not None:
            turn, self._turn = self._turn, None
            if not turn(self._begin):
                self._below.pause_reading()
                return
        self._take_in()

    def _begin(self) -> bool:
        """It is its turn: nothing was read since; there is no more to do by turns."""
        if not self.is_closing():
            self._below.resume_reading()
            self._take_in()
        return False

    def _take_in(self) -> None:
        is_full = True
        while is_full and not self._is_closing:
            plain = memoryview(self._above.get_buffer(-1))
            size = self._go_on(plain)
            is_full = size == len(plain)
            if size:
                self._above.buffer_updated(size)
        if self._is_ended and not self._is_closing:
            # Like the end of TCP, it is told to who has worked on what came before.
            if self.is_reading():
                self._end()
            else:
                self._is_end_untold = True

    def _go_on(self, plain: memoryview) -> int:
        """Bring the handshake forward, and read plain text; how many bytes there were."""
        size = 0
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._opened()
            while size < len(plain) and not self._is_ended:
                # With a buffer it gives how many bytes it put there, which the stubs do not know.
                done: Any = self._tls.read(len(plain) - size, plain[size:])
                self._is_ended = not done
                size += done
        except ssl.SSLWantReadError:
            self._answer()
        except ssl.SSLError:
            self._fail()
        else:
            self._answer()
        return size

    def _answer(self) -> None:
        """Send what TLS itself has to say: a peer may ask for new keys again and again, and not
        read the answers.
        """
        self._flush()
        if self._below.get_write_buffer_size() > MAX_UNSENT:
            self.abort()

    def _opened(self) -> None:
        self._is_open = True
        self._counts["handshakes_done"] += 1
        self._stop_timer()
        if self._unencrypted:
            self._encrypt()
            if not self.get_write_buffer_size():
                self._above.resume_writing()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        records = self._outgoing.read()
        if records:
            self._below.write(records)

    def _fail(self) -> None:
        """The peer cannot be understood, or not believed: it gets the alert that says so.

        Where it does not read, the alert would wait for as long as the peer likes.
        """
        self._is_closing = True
        if self._below.get_write_buffer_size():
            self._below.abort()
            return
        self._flush()
        self._below.close()

    def eof_received(self) -> bool:
        """The peer ended its side, perhaps without a word: the framing of SIP tells what is whole.

        Once it said so by close_notify, this is no news; what is still to be answered is answered.
        """
        if not self._is_open:
            self.abort()
        elif not self._is_ended:
            self._is_ended = True
            self._end()
        return not self._is_closing

    def _end(self) -> None:
        if not self._above.eof_received():
            self.close()

    def resume_writing(self) -> None:
        """Everything is written."""
        if not self._unencrypted:
            self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is no socket any more."""
        self._stop_timer()
        if not self._is_open:
            self._counts["handshakes_failed"] += 1
        self._is_closing = True
        # Each holds the other, and the collector looks at new ones only.
        above, self._above = self._above, asyncio.BufferedProtocol()
        break_cycle(self._below)
        above.connection_lost(exc)

    # Towards the connection.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the socket knows, e.g. `peername`."""
        return self._below.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it, once there is a handshake."""
        if self._is_closing:
            return
        self._unencrypted += data
        if self._is_open:
            self._encrypt()

    def _encrypt(self) -> None:
        try:
            while self._unencrypted:
                done = self._tls.write(self._unencrypted[:SLICE])
                del self._unencrypted[:done]
                self._flush()
        except ssl.SSLError:
            # Nothing here waits for the peer, since keys are not negotiated again: it is broken.
            self._fail()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When to say that everything is written."""
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return len(self._unencrypted) + self._below.get_write_buffer_size()

    def is_reading(self) -> bool:
        """Whether more is read from the socket."""
        return self._below.is_reading()

    def pause_reading(self) -> None:
        """Let the peer wait."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Read on; what there is to read may be the end."""
        self._below.resume_reading()
        if self._is_end_untold:
            self._is_end_untold = False
            self._end()

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._is_closing or self._below.is_closing()

    def close(self) -> None:
        """Say goodbye (close_notify), and close once that is sent."""
        if self._is_closing:
            return
        if not self._is_open:
            self.abort()
            return
        with contextlib.suppress(ssl.SSLError):
            # The peer's own close_notify is not waited for (RFC 8446 §6.1).
            self._tls.unwrap()
        self._flush()
        self._is_closing = True
        self._below.close()

    def abort(self) -> None:
        """Break the connection."""
        self._is_closing = True
        self._below.abort()
