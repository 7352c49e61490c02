"""TLS without sockets: both ends in memory, byte by byte where it matters."""

import asyncio
import contextlib
import os
import random
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.connection import MAX_READ, MAX_UNSENT
from dfks_rules.transport.secure_stream import SLICE, SecureStream
from tests.helpers.certificates import authority, untrusting


def _resident() -> int:
    """Bytes that this process takes: what OpenSSL keeps is not Python's."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Above(asyncio.BufferedProtocol):
    """A connection that writes down what it is told."""

    def __init__(self, *, keeps_open: bool = False) -> None:
        self.events: list[object] = []
        self.keeps_open = keeps_open
        self.buffer = bytearray(MAX_READ)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.events.append("made")

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.events.append(bytes(self.buffer[:nbytes]))

    def eof_received(self) -> bool:
        self.events.append("eof")
        return self.keeps_open

    def resume_writing(self) -> None:
        self.events.append("written")

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")


class Below(asyncio.Transport):
    """A socket that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.7", 5061)})
        self.sent = bytearray()
        self.unsent = 0
        self.state = "open"
        self.limits: tuple[int | None, int | None] | None = None
        self.reads = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.state == "open"
        self.sent += data

    def take(self) -> bytes:
        """What was written since the last look."""
        sent, self.sent = bytes(self.sent), bytearray()
        return sent

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def is_reading(self) -> bool:
        return self.reads

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.state != "open"

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"


class Phone:
    """The other end."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = untrusting().wrap_bio(self.incoming, self.outgoing)
        self.was_told_the_end = False

    def step(self, data: bytes = b"") -> bytes:
        """Take bytes for the handshake; what it says to that."""
        self.incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def record(self, data: bytes) -> bytes:
        """Plain text as it is on the wire."""
        self.tls.write(data)
        return self.outgoing.read()

    def read(self, data: bytes) -> bytes:
        """The plain text in what was on the wire."""
        self.incoming.write(data)
        read = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self.tls.read(65_536):
                read += piece
            self.was_told_the_end = True
        return read


class Pair:
    """A stream of the server, what is above and below, and the phone."""

    def __init__(
        self,
        folder: Path,
        *,
        keeps_open: bool = False,
        turn: Callable[[Callable[[], bool]], bool] | None = None,
    ) -> None:
        context = Certificates(authority().served(folder)).at("127.0.0.1")
        self.counts: Counter[str] = Counter()
        self.above, self.below, self.phone = Above(keeps_open=keeps_open), Below(), Phone()
        self.stream = SecureStream(self.above, context, self.counts, is_ours=False, turn=turn)
        self.stream.connection_made(self.below)

    def shake_hands(self) -> None:
        """Do the whole handshake."""
        self.take(self.phone.step())
        self.take(self.phone.step(self.below.take()))
        self.phone.read(self.below.take())

    def take(self, data: bytes) -> None:
        """Give the stream what the socket has, as much as it takes at a time."""
        while data and not self.below.is_closing():
            buffer = self.stream.get_buffer(-1)
            size = min(len(data), len(buffer))
            buffer[:size] = data[:size]
            self.stream.buffer_updated(size)
            data = data[size:]

    @property
    def told(self) -> list[object]:
        """What was told above since the last look."""
        events, self.above.events = self.above.events, []
        return events


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Before the handshake."""
    return Pair(tmp_path)


def test_every_cut_of_a_stream_is_the_same(pair: Pair) -> None:
    """TCP cuts where it likes, also within a handshake."""
    for byte in pair.phone.step():
        pair.take(bytes([byte]))
    for byte in pair.phone.step(pair.below.take()):
        pair.take(bytes([byte]))
    for byte in pair.phone.record(b"one") + pair.phone.record(b"two"):
        pair.take(bytes([byte]))
    assert pair.told == ["made", b"one", b"two"]
    assert pair.counts == {"handshakes_done": 1}


def test_what_comes_together_is_told_together(pair: Pair) -> None:
    """Each telling is a turn of the connection, in which it works on a few messages."""
    pair.shake_hands()
    pair.take(b"".join(pair.phone.record(b"%d" % number) for number in range(9)))
    assert pair.told == ["made", b"012345678"]


def test_long_record_is_told_in_pieces_that_fit(pair: Pair) -> None:
    """A record of 16 KiB comes with the end of the one before."""
    pair.above.buffer = bytearray(5_000)
    pair.shake_hands()
    long = random.Random(1).randbytes(16_384)
    records = pair.phone.record(long) + pair.phone.record(b"x" * SLICE)
    pair.take(records)
    made, *pieces = pair.told
    assert made == "made"
    assert b"".join(map(bytes, pieces)) == long + b"x" * SLICE  # type: ignore[arg-type]
    assert {len(piece) for piece in pieces[:3]} == {5_000}  # type: ignore[arg-type]


def test_message_waits_for_the_handshake(pair: Pair) -> None:
    """It counts as unsent until then, so that a failure tells of it."""
    pair.stream.write(b"early")
    assert (pair.below.take(), pair.stream.get_write_buffer_size()) == (b"", 5)
    pair.take(pair.phone.step())
    pair.take(pair.phone.step(pair.below.take()))
    assert pair.phone.read(pair.below.take()) == b"early"
    assert pair.told == ["made", "written"]
    assert pair.stream.get_write_buffer_size() == 0


def test_written_is_told_when_the_socket_has_it(pair: Pair) -> None:
    """What waits in the kernel's stead is not yet written."""
    pair.below.unsent = 99
    pair.stream.write(b"early")
    pair.stream.resume_writing()
    pair.shake_hands()
    assert pair.told == ["made"]
    pair.stream.resume_writing()
    assert pair.told == ["written"]


def test_long_message_is_sent_whole(pair: Pair) -> None:
    """A record holds 16 KiB."""
    pair.shake_hands()
    long = random.Random(2).randbytes(100_000)
    pair.stream.write(long)
    assert pair.phone.read(pair.below.take()) == long


def test_garbage_ends_the_connection(pair: Pair) -> None:
    """And nothing after it is read."""
    pair.take(b"SUBSCRIBE sip:a SIP/2.0\r\n\r\n")
    assert pair.below.state == "closed"
    assert pair.below.take() == b""
    pair.take(pair.phone.step())
    pair.stream.write(b"x")
    pair.stream.connection_lost(None)
    assert pair.told == ["made", "lost"]
    assert pair.counts == {"handshakes_failed": 1}


def test_record_that_was_changed_on_the_way_ends_the_connection(pair: Pair) -> None:
    """What was whole before it is told."""
    pair.shake_hands()
    good, bad = pair.phone.record(b"good"), bytearray(pair.phone.record(b"bad"))
    bad[-1] ^= 1
    pair.take(good + bad)
    assert pair.told == ["made", b"good"]
    assert pair.below.state == "closed"
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        pair.phone.read(pair.below.take())
    assert pair.counts == {"handshakes_done": 1}


def test_who_cannot_be_understood_and_does_not_read_is_given_up(pair: Pair) -> None:
    """The alert would wait behind all the rest, for as long as the peer likes."""
    pair.shake_hands()
    pair.below.unsent = 1
    pair.take(b"garbage")
    assert pair.below.state == "aborted"


def test_close_notify_is_the_end_of_the_peer_and_leaves_ours(tmp_path: Path) -> None:
    """RFC 8446 §6.1; the end of TCP that follows is no news."""
    pair = Pair(tmp_path, keeps_open=True)
    pair.shake_hands()
    last = pair.phone.record(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        pair.phone.tls.unwrap()
    pair.take(last + pair.phone.outgoing.read())
    assert pair.told == ["made", b"last", "eof"]
    pair.take(b"\x17\x03\x03\x00\x01\x00")
    assert pair.stream.eof_received()
    pair.stream.write(b"answer")
    pair.stream.close()
    assert pair.told == []
    assert pair.below.state == "closed"
    answer = pair.below.take()
    assert answer[0] == 0x17
    assert len(answer) > len(b"answer") * 2, "close_notify is there, too"


def test_what_comes_after_close_notify_is_not_kept(tmp_path: Path) -> None:
    """The peer waits for answers, and may send for as long as we let it."""
    pair = Pair(tmp_path, keeps_open=True)
    pair.shake_hands()
    with pytest.raises(ssl.SSLWantReadError):
        pair.phone.tls.unwrap()
    pair.take(pair.phone.outgoing.read())
    before = _resident()
    for _ in range(64):
        pair.take(bytes(2**20))
    assert _resident() - before < 2**24
    assert pair.below.state == "open"


def test_end_is_told_once_what_came_before_it_is_worked_on(tmp_path: Path) -> None:
    """A connection that has paused has more to do; of TCP it would not know of the end, either."""
    pair = Pair(tmp_path, keeps_open=True)
    pair.shake_hands()
    last = pair.phone.record(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        pair.phone.tls.unwrap()
    pair.stream.pause_reading()
    pair.take(last + pair.phone.outgoing.read())
    assert pair.told == ["made", b"last"]
    pair.stream.resume_reading()
    pair.stream.resume_reading()
    assert pair.told == ["eof"]


def test_end_without_close_notify_is_an_end_too(tmp_path: Path) -> None:
    """Content-Length tells whether a message is whole, so nobody gains by cutting one."""
    pair = Pair(tmp_path, keeps_open=True)
    pair.shake_hands()
    assert pair.stream.eof_received()
    pair.stream.write(b"answer")
    assert pair.phone.read(pair.below.take()) == b"answer"
    assert not pair.phone.was_told_the_end
    assert pair.told == ["made", "eof"]


def test_peer_that_reads_no_answer_of_tls_is_given_up(pair: Pair) -> None:
    """It may ask for new keys forever; no message of ours is needed for that."""
    pair.shake_hands()
    pair.below.unsent = MAX_UNSENT
    pair.take(pair.phone.record(b"one"))
    assert pair.below.state == "open"
    pair.below.unsent += 1
    pair.take(pair.phone.record(b"two"))
    assert pair.below.state == "aborted"


def test_end_is_answered_where_nothing_is_left_to_say(pair: Pair) -> None:
    """The connection above says so."""
    pair.shake_hands()
    assert not pair.stream.eof_received()
    assert pair.below.state == "closed"
    assert pair.phone.read(pair.below.take()) == b""


def test_end_within_the_handshake_breaks_the_connection(pair: Pair) -> None:
    """Nothing could be said."""
    assert not pair.stream.eof_received()
    assert pair.below.state == "aborted"
    pair.stream.connection_lost(None)
    assert pair.told == ["made", "lost"]


def test_close_within_the_handshake_breaks_the_connection(pair: Pair) -> None:
    """Who is silent does not hold it open; what waited is told as lost by the connection."""
    pair.stream.write(b"early")
    pair.stream.close()
    assert (pair.below.state, pair.stream.is_closing()) == ("aborted", True)
    assert pair.stream.get_write_buffer_size() == 5


def test_close_says_goodbye_once(pair: Pair) -> None:
    """A phone can tell it from an attack."""
    pair.shake_hands()
    pair.stream.close()
    pair.stream.close()
    assert not pair.phone.was_told_the_end
    assert pair.phone.read(pair.below.take()) == b""
    assert pair.phone.was_told_the_end


def test_rest_is_the_sockets_own(pair: Pair) -> None:
    """Names, reading and buffers."""
    assert pair.stream.get_extra_info("peername") == ("192.0.2.7", 5061)
    pair.stream.set_write_buffer_limits(high=0)
    assert pair.below.limits == (0, None)
    pair.stream.pause_reading()
    assert not pair.stream.is_reading()
    pair.stream.resume_reading()
    assert pair.stream.is_reading()
    pair.below.close()
    assert pair.stream.is_closing()


async def test_handshake_of_ours_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that accepts and says nothing."""
    monkeypatch.setattr("dfks_rules.transport.secure_stream.HANDSHAKE_WITHIN", 0.01)
    counts: Counter[str] = Counter()
    below = Below()
    stream = SecureStream(Above(), untrusting(), counts, is_ours=True)
    stream.connection_made(below)
    assert below.take()[:1] == b"\x16"
    async with asyncio.timeout(5):
        while below.state != "aborted":  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.001)
    stream.connection_lost(None)
    assert counts == {"handshakes_failed": 1}


def test_nothing_is_said_before_its_turn(tmp_path: Path) -> None:
    """A handshake takes as much CPU as several requests."""
    calls: list[Callable[[], bool]] = []

    def turn(work: Callable[[], bool]) -> bool:
        calls.append(work)
        return False

    pair = Pair(tmp_path, turn=turn)
    pair.take(pair.phone.step())
    assert pair.below.take() == b""
    assert not pair.below.is_reading()
    (begin,) = calls
    assert not begin()
    assert pair.below.is_reading()
    pair.take(pair.phone.step(pair.below.take()))
    pair.phone.read(pair.below.take())
    pair.take(pair.phone.record(b"one"))
    assert pair.told == ["made", b"one"]
    assert len(calls) == 1


def test_its_turn_comes_too_late_for_a_stream_that_is_closed(tmp_path: Path) -> None:
    """Its peer has gone while it waited."""
    calls: list[Callable[[], bool]] = []

    def turn(work: Callable[[], bool]) -> bool:
        calls.append(work)
        return False

    pair = Pair(tmp_path, turn=turn)
    pair.take(pair.phone.step())
    pair.stream.abort()
    assert not calls[0]()
    assert pair.below.take() == b""
