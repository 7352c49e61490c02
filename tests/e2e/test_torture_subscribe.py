"""Each defect of RFC 4475, carried over to a SUBSCRIBE of our package or an answer to a NOTIFY.

The RFC's own messages are INVITEs and REGISTERs, which a notifier refuses whatever else is wrong
with them; here the defect is all there is to refuse.
"""

import contextlib
import itertools
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.load import answer
from tests.helpers.certificates import authority
from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN

pytestmark = pytest.mark.e2e

_PLAIN = {
    "via": b"Via: SIP/2.0/@T 127.0.0.1:@P;rport;branch=z9hG4bKt@N",
    "hops": b"Max-Forwards: 70",
    "from_": b"From: <sip:t@N@example.com>;tag=f",
    "to": b"To: <sip:t@N@example.com>",
    "call_id": b"Call-ID: t@N",
    "cseq": b"CSeq: 1 SUBSCRIBE",
    "contact": b"Contact: <sip:t@127.0.0.1:@P;transport=@t>",
    "event": b"Event: as-feature-event",
    "expires": b"Expires: 60",
    "length": b"Content-Length: 0",
}
_LINE = b"SUBSCRIBE sip:t@N@example.com SIP/2.0"
_BINARY = b"--x\r\nContent-Type: application/octet-stream\r\n\r\n\0\xff\r\n--x--\r\n"
_numbers = itertools.count(1)


class Case(NamedTuple):
    """One message, and how it is to be answered."""

    section: str
    data: bytes
    statuses: tuple[int, ...]
    """One of them is the answer; a SUBSCRIBE that is accepted is followed by its NOTIFY."""
    then: str = "goes on"
    """A stream `goes on`, or is `closed`, or waits because the message `never ends` there."""
    says: bytes = b""
    """What the answer has to contain."""


def _case(
    section: str,
    *statuses: int,
    line: bytes = _LINE,
    then: str = "goes on",
    says: bytes = b"",
    body: bytes = b"",
    more: bytes = b"",
    **changes: bytes,
) -> Case:
    """A SUBSCRIBE with other lines in place of some, an empty one for none."""
    lines = [value for value in (_PLAIN | changes).values() if value]
    head = b"\r\n".join([line, *lines, *([more] if more else [])])
    return Case(section, head + b"\r\n\r\n" + body, statuses, then, says)


_LONG = b"a" * 300
CASES = (
    _case(
        "3.1.1.1 wsinv", 200,
        to=b"TO :\r\n sip:t@N@example.com ;   x    = y", cseq=b"CSeq: 0009\r\n  SUBSCRIBE",
        hops=b"Max-Forwards: 0068", length=b"l: 0", event=b"o:\r\n\tas-feature-event",
        contact=b'm:"Quoted string \\"\\"" <sip:t@127.0.0.1:@P;transport=@t> ; x =\r\n y ;\r\n  z',
        more=b"Subject:\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value",
    ),
    _case(
        "3.1.1.2 intmeth", 200,
        call_id=b"Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{@N",
        from_=b'From: "\\\x00 \xd0\xa2" <sip:t@N@example.com>;tag=_!-.*%1*_+`\'~;q="\xc3"',
    ),
    _case(
        "3.1.1.3 esc01", 200,
        line=b"SUBSCRIBE sip:%74@N@example.com;unknownparam=a%20b SIP/2.0",
        to=b'To: "%Z%45" <sip:%74@N@example.com>',
    ),
    _case("3.1.1.4 escnull", 200, line=b"SUBSCRIBE sip:null-%00-@N@example.com SIP/2.0",
          from_=b"From: <sip:null-%00-@N@example.com>;tag=f"),
    _case("3.1.1.5 esc02", 501, line=b"SUBSCR%49BE sip:t@N@example.com SIP/2.0",
          cseq=b"CSeq: 1 SUBSCR%49BE", says=b"\r\nAllow: "),
    _case("3.1.1.6 lwsdisp", 200, from_=b"From: caller<sip:t@N@example.com>;tag=f"),
    _case(
        "3.1.1.7 longreq", 200,
        call_id=b"Call-ID: " + _LONG + b"@N",
        from_=b'From: "' + _LONG + b'" <sip:t@N@example.com>;tag=' + _LONG,
        more=b"\r\n".join([b"Via: SIP/2.0/TCP %b.example.com" % _LONG[:60]] * 20)
        + b"\r\nUnknown-" + _LONG + b": " + _LONG,
    ),
    _case("3.1.1.9 semiuri", 200, line=b"SUBSCRIBE sip:t@N;par=u%40example.net@example.com SIP/2.0",
          from_=b"From: <sip:t@N;par=u%40example.net@example.com>;tag=f"),
    _case("3.1.1.10 transports", 200,
          more=b"\r\n".join(b"Via: SIP/2.0/%b t%d.example.com" % (name, number) for number, name
                            in enumerate((b"UDP", b"SCTP", b"TLS", b"UNKNOWN", b"TCP")))),
    _case("3.1.1.11 mpart01", 415, body=_BINARY, length=b"Content-Length: %d" % len(_BINARY),
          more=b"Content-Type: multipart/mixed;boundary=x", says=b"\r\nAccept: "),
    _case("3.1.2.1 badinv01, Via", 400, via=_PLAIN["via"] + b";;,;,,"),
    _case("3.1.2.1 badinv01, Contact", 400, contact=_PLAIN["contact"] + b";;,,,"),
    _case("3.1.2.2 clerr", 400, length=b"Content-Length: 9999", body=b"a", then="never ends"),
    _case("3.1.2.3 ncl", 400, length=b"Content-Length: -999", body=b"a", then="closed"),
    _case("3.1.2.4 scalar02, CSeq", 400, cseq=b"CSeq: 36893488147419103232 SUBSCRIBE"),
    _case("3.1.2.4 scalar02, Max-Forwards", 400, hops=b"Max-Forwards: 300"),
    _case("3.1.2.4 scalar02, Expires", 400, 200, expires=b"Expires: 10000000000000000000000000000"),
    _case("3.1.2.6 quotbal", 400, to=b'To: "Mr. J. User <sip:t@N@example.com>'),
    _case("3.1.2.7 ltgtruri", 400, line=b"SUBSCRIBE <sip:t@N@example.com> SIP/2.0"),
    _case("3.1.2.8 lwsruri", 400, line=b"SUBSCRIBE sip:t@N@example.com; lr SIP/2.0"),
    _case("3.1.2.9 lwsstart", 400, line=b"SUBSCRIBE  sip:t@N@example.com  SIP/2.0"),
    _case("3.1.2.10 trws", 400, 200, line=_LINE + b"  "),
    _case("3.1.2.11 escruri", 400, 200,
          line=b"SUBSCRIBE sip:t@N@example.com?Route=%3Csip:example.com%3E SIP/2.0"),
    _case("3.1.2.12 baddate", 200, more=b"Date: Fri, 01 Jan 2010 16:00:00 EST"),
    _case("3.1.2.13 regbadct", 400,
          contact=b"Contact: sip:t@127.0.0.1:@P?Route=%3Csip:sip.example.com%3E"),
    _case("3.1.2.14 badaspec", 400, 200, to=b'To: "Watson" < sip:t@N@example.com >'),
    _case("3.1.2.15 baddn", 400, 200, to=b"To: Bell, Alexander <sip:t@N@example.com>"),
    _case("3.1.2.16 badvers", 505, line=b"SUBSCRIBE sip:t@N@example.com SIP/7.0"),
    _case("3.1.2.17 mismatch01", 400, cseq=b"CSeq: 1 OPTIONS"),
    _case("3.1.2.18 mismatch02", 400, 501, line=b"NEWMETHOD sip:t@N@example.com SIP/2.0"),
    _case("3.2.1 badbranch", 200, via=b"Via: SIP/2.0/@T 127.0.0.1:@P;rport;branch=z9hG4bK"),
    _case("3.3.1 insuf, Call-ID", 400, call_id=b""),
    _case("3.3.1 insuf, From", 400, from_=b""),
    _case("3.3.1 insuf, To", 400, to=b""),
    _case("3.3.1 insuf, Event", 489, event=b"", says=b"\r\nAllow-Events: as-feature-event\r\n"),
    _case("3.3.1 insuf, Contact", 400, contact=b""),
    _case("3.3.2 unkscm", 416, line=b"SUBSCRIBE nobodyKnowsThisScheme:totallyopaque SIP/2.0"),
    _case("3.3.3 novelsc", 416, line=b"SUBSCRIBE soap.beep://192.0.2.103:3002 SIP/2.0"),
    _case("3.3.4 unksm2", 400, 416, contact=b"Contact: <name:John_Smith>"),
    _case("3.3.5 bext01", 420, more=b"Require: nothingSupportsThis, nothingSupportsThisEither",
          says=b"\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"),
    _case("3.3.6 invut", 415, more=b"Content-Type: application/unknownformat", body=b"<audio>",
          length=b"Content-Length: 7", says=b"\r\nAccept: "),
    _case("3.3.7 regaut01", 200, more=b"Authorization: NoOneKnowsThisScheme opaque-data=here"),
    _case("3.3.8 multi01", 400, more=b"CSeq: 59 SUBSCRIBE\r\nCall-ID: other\r\nMax-Forwards: 5"),
    _case("3.3.9 mcl01", 400, more=b"Content-Length: 5", body=b"There", then="closed"),
    _case("3.3.11 zeromf", 200, hops=b"Max-Forwards: 0"),
    _case("3.3.12 cparam01", 200, contact=_PLAIN["contact"] + b";unknownparam"),
    _case("3.3.13 cparam02", 200, contact=b"Contact: <sip:t@127.0.0.1:@P;transport=@t;unknown>"),
    _case("3.3.14 regescrt", 200, 400,
          contact=b"Contact: <sip:t@127.0.0.1:@P;transport=@t?Route=%3Csip:sip.example.com%3E>"),
    _case("3.3.15 sdp01", 406, more=b"Accept: text/nobodyKnowsThis"),
    _case("3.4.1 inv2543", 200, via=b"Via: SIP/2.0/@T 127.0.0.1:@P", hops=b"", length=b"",
          then="closed"),
)  # fmt: skip
_FENCE = (
    b"OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/@T 127.0.0.1;rport;branch=z9hG4bKf@N\r\n"
    b"From: <sip:a@example.com>;tag=a\r\nTo: <sip:a@example.com>\r\nCall-ID: fence\r\n"
    b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server has to survive all of them, and to log no failure of its own."""
    folder: Path = tmp_path_factory.mktemp("torture")
    certificate, key = authority().files(folder, "localhost")
    listen = [f"{transport}:127.0.0.1:0" for transport in ("udp", "tcp", "tls")]
    tls = {"certificate": str(certificate), "key": str(key)}
    with serve(folder, {"sip": {"listen": listen, "tls": tls}}) as running:
        yield running
        log = (folder / "server.log").read_text()
    assert "Traceback" not in log


class _Wire:
    """A phone without a mind of its own."""

    def __init__(self, server: Server, transport: str, opened: contextlib.ExitStack) -> None:
        address = ("127.0.0.1", server.ports[transport])
        self.transport = transport
        self._number = b"%d" % next(_numbers)
        if transport == "udp":
            self._socket = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self._socket.connect(address)
            self._socket.settimeout(WITHIN)
        else:
            self._socket = opened.enter_context(socket.create_connection(address, WITHIN))
        if transport == "tls":
            context = authority().trusting()
            self._socket = opened.enter_context(
                context.wrap_socket(self._socket, server_hostname="localhost")
            )
        self._port = b"%d" % self._socket.getsockname()[1]
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Send a message, its placeholders filled in."""
        transport = self.transport.encode()
        for name, value in ((b"@P", self._port), (b"@T", transport.upper()), (b"@t", transport)):
            data = data.replace(name, value)
        self._socket.sendall(data.replace(b"@N", self._number))

    def receive(self) -> bytes:
        """The next message; empty when the connection was closed.

        A server that closes while answers to its NOTIFYs are on the way resets the connection.
        """
        while True:
            head, blank, rest = self._buffer.partition(b"\r\n\r\n")
            found = _LENGTH.search(head + b"\r\n")
            size = int(found[1]) if found else 0
            if blank and len(rest) >= size:
                self._buffer = rest[size:]
                return head + blank + rest[:size]
            try:
                piece = self._socket.recv(65_535)
            except ConnectionResetError:
                return b""
            if not piece:
                return b""
            self._buffer += piece

    def until(self, end: bytes) -> tuple[list[bytes], int]:
        """Responses until one holds `end` or there are no more, and how many NOTIFYs came."""
        responses, notifies = [], 0
        while message := self.receive():
            if message.startswith(b"NOTIFY "):
                notifies += 1
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    self._socket.sendall(answer(message))
            elif end in message:
                break
            else:
                responses.append(message)
        return responses, notifies


@pytest.mark.parametrize(
    ("case", "transport"),
    [
        pytest.param(case, transport, id=f"{case.section}-{transport}")
        for case in CASES
        for transport in ("udp", "tcp", "tls")
        # A stream waits for the rest, and is closed in the end: unit/transport/test_connection.py.
        if transport == "udp" or case.then != "never ends"
    ],
)
def test_a_defect_in_a_subscribe_is_answered_as_the_rfc_asks(
    server: Server, case: Case, transport: str
) -> None:
    """What is valid is served with its NOTIFY, what is not is answered once; nothing crashes."""
    is_closed = transport != "udp" and case.then == "closed"
    with contextlib.ExitStack() as opened:
        wire = _Wire(server, transport, opened)
        wire.send(case.data)
        if not is_closed:
            wire.send(_FENCE)
        (response,), notifies = wire.until(b"\r\nCall-ID: fence\r\n")
    status = int(response[8:11])
    assert status in case.statuses, response
    assert notifies == (status == 200)
    assert case.says in response


def test_of_two_requests_in_one_datagram_the_second_is_dropped(server: Server) -> None:
    """RFC 4475 §3.1.1.8 dblreq: what is beyond Content-Length is no message."""
    (plain,) = (case.data for case in CASES if case.section.startswith("3.3.11"))
    with contextlib.ExitStack() as opened:
        wire = _Wire(server, "udp", opened)
        wire.send(plain + plain.replace(b"t@N", b"u@N"))
        wire.send(_FENCE)
        responses, notifies = wire.until(b"\r\nCall-ID: fence\r\n")
    assert ([int(one[8:11]) for one in responses], notifies) == ([200], 1)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize(
    ("section", "start", "more", "counted"),
    [
        ("3.1.1.12 unreason", "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять", b"", True),
        ("3.1.1.13 noreason", "SIP/2.0 100 ", b"", False),
        ("3.1.2.5 scalarlg", "SIP/2.0 200 OK", b"CSeq: 9292394834772304023312 NOTIFY\r\n", False),
        ("3.1.2.19 bigcode", "SIP/2.0 4294967301 better not break the receiver", b"", False),
        ("3.3.10 bcast", "SIP/2.0 200 OK", b"Via: SIP/2.0/UDP 255.255.255.255\r\n", False),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:2] == "3." else "",
)
def test_a_defect_in_an_answer_to_a_notify_is_dropped_or_read_over(
    server: Server, transport: str, section: str, start: str, more: bytes, counted: bool
) -> None:
    """What is no answer leaves the NOTIFY to be repeated; strange reason phrases are no defect."""
    (plain,) = (case.data for case in CASES if case.section.startswith("3.3.11"))
    with contextlib.ExitStack() as opened:
        wire = _Wire(server, transport, opened)
        wire.send(plain)
        notify = wire.receive()
        while not notify.startswith(b"NOTIFY "):
            notify = wire.receive()
        good = answer(notify)
        before = _answered(server)
        wire.send(good.replace(b"SIP/2.0 200 OK\r\n", start.encode() + b"\r\n" + more, 1))
        wire.send(_FENCE)
        wire.until(b"\r\nCall-ID: fence\r\n")
        assert _answered(server) - before == counted, section
        wire.send(good)
        wire.send(_FENCE.replace(b"z9hG4bKf", b"z9hG4bKg"))
        wire.until(b"\r\nCall-ID: fence\r\n")
        assert _answered(server) - before == 1


def _answered(server: Server) -> int:
    """NOTIFYs that were answered so far."""
    reply = server.mi("get_statistics", statistics=["presence:"])
    return int(re.findall(r'"presence:notify_answered": "?(\d+)', str(reply).replace("'", '"'))[0])
