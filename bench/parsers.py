"""Search for the input that costs a parser most, among what fits into 64 KiB.

An input is a frame, and in it a beginning, a piece that is repeated until the size is reached, and
an end. The search begins with every piece alone in every frame, then changes what cost most so far.
Of each parser the worst input is printed, with its cost and the growth from a quarter of the size:
about 4 is linear, 16 is quadratic.
"""

import contextlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from dfks_rules.csta.names import CONTENT_TYPE
from dfks_rules.csta.parse import MAX_BODY, parse
from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.address import parse_address
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.digest import MAX_CREDENTIALS, parse_credentials
from dfks_rules.sip.digest_client import parse_challenges
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.grammar import parse_params, split_list
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.message import MAX_HEAD, Request, Response, parse_message
from dfks_rules.sip.retry_after import retry_after
from dfks_rules.sip.stream import StreamReader
from dfks_rules.sip.uri import aor_of, parse_uri
from dfks_rules.sip.via import parse_via

RESULTS = Path(__file__).parent / "results"
SIZE = 65_535
"""Bytes; what comes in one datagram."""
BAR = 5.0
"""Most CPU that one input may cost, ms."""
KEPT = 24
"""Worst inputs that are changed further."""
TAKES = 5
"""How often a cost is measured before it is believed; the least counts."""

_SIP = [
    *(
        b'" \\" \\ < > , ; = : @ a % %41 [ ] :: . .. / ? & - 1 \xff \0 _ ~ ( ) a, a; a= a. a@ a:'
        b' <a>, <sip:a;lr>, ;a=1 ;a="" ;tag= ;tag=1 ;branch= ;branch=z9hG4bK1 ;rport ;received= ;lr'
        b" ;received=1 ;maddr= sip: sips: <sip: SIP/2.0 z9hG4bK * 1.2.3.4 SUBSCRIBE"
    ).split(b" "),
    *(b" ", b"\t", b" \t", b"\r\n", b"\r\n ", b"\n", b"\r", b"\r\n\r\n", b"\r\n:", b"\r\na#:"),
    *(b"SIP/2.0/UDP ", b"\r\nVia: ", b"\r\nv:SIP/2.0/UDP a", b"\r\nCSeq: 1 A", b"\r\nTo: "),
    *(b"\r\nl:", b"\r\nl: 1", b"\r\nContent-Length: 0", b"\r\nRequire: a,"),
    *(b"\r\nRecord-Route: <sip:a;lr>", b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n"),
]
_XML = [
    *(b"<a>", b"</a>", b"<a/>", b"<a#/>", b'<a b="c"/>', b' a#="b"', b" a#=''", b' xmlns:a#="b"'),
    *(b"&lt;", b"&#65;", b"&", b"<!---->", b"<!--", b"-->", b"-", b"<?a?>", b"<?", b"?>"),
    *(b"<![CDATA[]]>", b"<![CDATA[", b"]]>", b"]", b"\n", b"\r\n", b"\r", b" ", b"\t", b"x", b'"'),
    *(b"'", b"<", b">", b"=", b":", b"a:", b"/", b"--b", b"\r\n--b", b"\n--b\n", b"--b--"),
    *(b"\r\n\r\n", b"Content-Type:", b"\r\nContent-Type: a;boundary=b", b" encoding=", b"<?xml "),
    *(b' encoding="', b"\xc3\xbc", b"\xff", b"<device>", b"</device>", b"<device/>", b"<!DOCTYPE"),
]
_DND = b"<SetDoNotDisturb>%b<doNotDisturbOn>1</doNotDisturbOn></SetDoNotDisturb>"
_HEAD = (
    b"%b %b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;rport;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 %b\r\n"
    b"Contact: <sip:a@192.0.2.7>\r\n%b\r\n\r\n"
)
_FLOW = Flow(Listener("udp", "192.0.2.1", 5060), ("192.0.2.7", 5060))

Frame = tuple[bytes, bytes]


def _frames(*templates: bytes) -> list[Frame]:
    """What is before and after `@@`."""
    return [(before, after) for before, _, after in (one.partition(b"@@") for one in templates)]


def _receive(data: bytes) -> Incoming | None:
    endpoint: Endpoint[None] = Endpoint(lambda _, __: None, lambda _: b"tag")
    event = endpoint.receive(data, _FLOW, 0.0)
    return event if isinstance(event, Incoming) else None


def _answer(data: bytes) -> None:
    """All that the endpoint does with a request that is refused for what it requires."""
    message = parse_message(data)
    if isinstance(message, Response):
        _ = message.headers, message.reason
    if isinstance(message, Request):
        for name in (b"require", b"proxy-require", b"record-route", b"accept"):
            split_list(message.headers.get(name, b""))
    _receive(data)


def _dialog(data: bytes) -> None:
    incoming = _receive(data)
    if incoming is not None:
        dialog = Dialog(incoming, b"tag", b"")
        dialog.take(incoming)
        dialog.next_request(b"branch", b"\r\n")


def _stream(data: bytes) -> None:
    reader = StreamReader()
    for start in range(0, len(data), 1_460):
        reader.feed(data[start : start + 1_460])


def _retry_after(data: bytes) -> float | None:
    value = b"".join(data.splitlines())
    head = b"SIP/2.0 503 X\r\nRetry-After: %b\r\nDate: %b\r\n" % (value, value)
    return retry_after(Response(503, b"z9hG4bK1", b"NOTIFY", head))


def _content_type(data: bytes) -> None:
    parse(data.decode("latin-1"), b"--b\r\n\r\n<a/>\r\n--b--")


class Subject(NamedTuple):
    """One parser, and what is tried on it."""

    run: Callable[[bytes], object]
    frames: list[Frame]
    pieces: list[bytes] = _SIP
    size: int = MAX_HEAD
    """Most bytes that it can be given: headers are refused beyond `MAX_HEAD`."""


_BARE = _frames(b"@@")
_REQUESTS = _frames(
    b"@@",
    _HEAD % (b"OPTIONS", b"sip:@@", b"OPTIONS", b"l: 0"),
    _HEAD % (b"OPTIONS", b"sip:a", b"OPTIONS", b"@@"),
    _HEAD % (b"OPTIONS", b"sip:a", b"OPTIONS", b"Require: @@"),
    _HEAD.replace(b"SIP/2.0/UDP", b"@@SIP/2.0/UDP") % (b"A", b"sip:a", b"A", b"l: 0"),
    _HEAD.replace(b";rport", b";rport@@") % (b"A", b"sip:a", b"A", b"l: 0"),
    _HEAD.replace(b">;tag=1", b">@@") % (b"A", b"sip:a", b"A", b"l: 0"),
    _HEAD.replace(b"To: <sip:a@b>", b"To: @@") % (b"A", b"sip:a", b"A", b"l: 0"),
    _HEAD % (b"A", b"sip:a", b"A", b"l: 0") + b"@@",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=1\r\nCSeq: 1 NOTIFY\r\n@@\r\n\r\n",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=1@@\r\nCSeq: 1 NOTIFY\r\n\r\n",
)
_SUBSCRIBES = _frames(
    _HEAD % (b"A", b"sip:a", b"A", b"Record-Route: @@"),
    _HEAD % (b"A", b"sip:a", b"A", b"Record-Route: <sip:a;lr>,@@"),
    _HEAD.replace(b"Contact: <sip:a@192.0.2.7>", b"Contact: @@") % (b"A", b"sip:a", b"A", b"l: 0"),
    _HEAD.replace(b"a@192.0.2.7", b"a@192.0.2.7;@@") % (b"A", b"sip:a", b"A", b"l: 0"),
    _HEAD.replace(b"a@192.0.2.7", b"a@@@") % (b"A", b"sip:a", b"A", b"l: 0"),
)
_DOCUMENTS = _frames(
    b"@@",
    _DND % b"@@",
    _DND % b"<device>@@</device>",
    _DND % b"<device @@/>",
    b"<SetDoNotDisturb @@>" + _DND.partition(b">")[2] % b"",
    b"<?xml @@?>" + _DND % b"",
    b"@@" + _DND % b"",
    _DND % b"" + b"@@",
)
_PARTS = _frames(
    b"@@",
    b"--b\r\n@@\r\n\r\n" + _DND % b"" + b"\r\n--b--",
    b"--b\r\n\r\n" + _DND % b"@@" + b"\r\n--b--",
    b"--b\r\n\r\n" + _DND % b"" + b"@@\r\n--b--",
    b"@@--b\r\n\r\n" + _DND % b"" + b"\r\n--b--",
    b"--b\r\n\r\n" + _DND % b"" + b"\r\n--b--@@",
)

SUBJECTS = {
    "split_list": Subject(split_list, _BARE),
    "parse_params": Subject(parse_params, _BARE),
    "parse_address": Subject(
        lambda data: parse_address(data, b"from"), _frames(b"@@", b"<sip:a>@@", b'"@@" <sip:a>')
    ),
    "parse_via": Subject(
        lambda data: (via := parse_via(data)) and via.response_text(_FLOW.remote),
        _frames(b"@@", b"SIP/2.0/UDP @@", b"SIP/2.0/UDP a@@", b"SIP/2.0/UDP a;rport;branch=z@@"),
    ),
    "parse_challenges": Subject(
        parse_challenges,
        _frames(b"@@", b'Digest realm="a", nonce="b"@@', b'Digest @@, realm="a"'),
    ),
    "retry_after": Subject(_retry_after, _BARE),
    "parse_credentials": Subject(
        parse_credentials,
        _frames(b"@@", b"Digest @@", b'Digest a="@@', b'Digest a="x", @@', b"Digest a@@"),
        size=MAX_CREDENTIALS,
    ),
    "parse_uri": Subject(
        lambda data: (uri := parse_uri(data)) and (uri.param(b"lr"), aor_of(uri)),
        _frames(b"@@", b"sip:@@", b"sip:a@@@", b"sip:a@b;@@", b"sip:@@@b"),
    ),
    "message": Subject(_answer, _REQUESTS, size=SIZE),
    "dialog": Subject(_dialog, _SUBSCRIBES, size=SIZE),
    "stream": Subject(_stream, _REQUESTS, size=SIZE),
    "document": Subject(lambda data: parse(CONTENT_TYPE, data), _DOCUMENTS, _XML, MAX_BODY),
    "multipart": Subject(
        lambda data: parse("multipart/mixed;boundary=b", data), _PARTS, _XML, MAX_BODY
    ),
    "content_type": Subject(
        _content_type,
        _frames(b"multipart/mixed@@", b"multipart/mixed;boundary=@@", b"@@"),
        [*_SIP, b";boundary=", b"boundary", b';boundary="'],
    ),
}


class Input(NamedTuple):
    """One input, as it was put together."""

    frame: Frame
    begin: bytes
    piece: bytes
    end: bytes

    def bytes_of(self, size: int) -> bytes:
        """Its bytes; `#` in the piece stands for the number of the repetition."""
        fixed = len(self.begin) + len(self.end) + sum(map(len, self.frame))
        times = max(1, (size - fixed) // (len(self.piece) + 3 * self.piece.count(b"#")))
        if b"#" in self.piece:
            middle = b"".join(self.piece.replace(b"#", b"%d" % number) for number in range(times))
        else:
            middle = self.piece * times
        before, after = self.frame
        return b"".join((before, self.begin, middle, self.end, after))[:size]


def cost(subject: Subject, given: Input, size: int, takes: int = 1) -> float:
    """CPU of one run, ms; the least of some."""
    data = given.bytes_of(size)
    least = float("inf")
    for _ in range(takes):
        started = time.thread_time_ns()
        with contextlib.suppress(MalformedMessageError):
            subject.run(data)
        least = min(least, time.thread_time_ns() - started)
    return least / 1e6


def search(
    subject: Subject, seconds: float, chance: random.Random
) -> Iterator[tuple[float, Input]]:
    """The worst inputs of one parser, with their cost, ms."""
    found = [
        (cost(subject, given, subject.size), given)
        for frame in subject.frames
        for piece in subject.pieces
        for given in (Input(frame, b"", piece, b""),)
    ]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = _worst(found)
        for _ in range(KEPT):
            given = _changed(chance.choice(found)[1], subject, chance)
            found.append((cost(subject, given, subject.size), given))
    for _, given in _worst(found):
        yield cost(subject, given, subject.size, TAKES), given


def _worst(found: list[tuple[float, Input]]) -> list[tuple[float, Input]]:
    return sorted(found, key=lambda one: one[0], reverse=True)[:KEPT]


def _changed(given: Input, subject: Subject, chance: random.Random) -> Input:
    """One change: another frame, or another beginning, piece or end."""
    part = chance.choice(["frame", "begin", "piece", "piece", "end"])
    if part == "frame":
        return given._replace(frame=chance.choice(subject.frames))
    old = {"begin": given.begin, "piece": given.piece, "end": given.end}[part]
    new = chance.choice(subject.pieces)
    changed = chance.choice([new, old + new, new + old, old + new, old[: len(old) // 2]])[:64]
    changed = changed or (new if part == "piece" else b"")
    if part == "begin":
        return given._replace(begin=changed)
    return given._replace(piece=changed) if part == "piece" else given._replace(end=changed)


def main() -> None:
    """Search each parser for so many seconds (10); exit status 1 when one is over the bar."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)  # noqa: S311 - a search, no secret
    worst: dict[str, object] = {"seed": seed}
    over = False
    for name, subject in SUBJECTS.items():
        most, given = max(search(subject, seconds, chance), key=lambda one: one[0])
        quarter = max(cost(subject, given, subject.size // 4, TAKES), 0.001)
        growth = round(most / quarter, 1)
        print(f"{name:14} {most:7.2f} ms  x{growth:<5} {given}")
        worst[name] = {"ms": round(most, 2), "growth": growth, "input": repr(given)}
        over = over or most > BAR
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "parsers.json").write_text(json.dumps(worst, indent=1) + "\n", encoding="utf-8")
    sys.exit(over)


if __name__ == "__main__":
    main()
