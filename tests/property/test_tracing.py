"""Whatever peers send, a trace keeps it as it may be shown, in every form, and never fails."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.tracing.as_json import dumps, entry_from, entry_json
from dfks_rules.tracing.blanking import blanked
from dfks_rules.tracing.entries import Direction, Message
from dfks_rules.tracing.hep import Agent, packet_of_message
from dfks_rules.tracing.ladder import Ladder
from dfks_rules.tracing.pcapng import PcapngWriter
from tests.helpers.hep import decode
from tests.helpers.playbook import message
from tests.helpers.policy import ALICE
from tests.helpers.traced import BEGAN, Exported, TracedBook, entries_of

_WHOLE = message(
    b"SUBSCRIBE", b"<body/>", authorization=b'Digest nonce="5ecret", response="5ecret"'
)
_HOSTS = st.sampled_from(["192.0.2.7", "2001:db8::7", "fe80::1%eth0", "phone.example.com", ""])
_PORTS = st.integers(0, 65_535)
_ADDRESSES = st.tuples(_HOSTS, _PORTS)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A message of Alice with some bytes replaced, removed, added or repeated."""
    data = bytearray(_WHOLE)
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(st.binary(max_size=8) | st.just(bytes(data[start:end]) * 2))
        data[start:end] = piece
    return bytes(data)


_MESSAGES = st.builds(
    Message,
    st.floats(0, 4e9).map(lambda at: round(at, 6)),
    st.sampled_from(Direction),
    st.sampled_from(["udp", "tcp", "tls"]),
    _ADDRESSES,
    _ADDRESSES,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    _mutated() | st.binary(max_size=200),
    st.integers(0, 100_000),
    st.just(frozenset[str]()),
)


@given(st.lists(_mutated() | st.binary(max_size=100), max_size=4))
def test_the_tap_takes_anything(datas: list[bytes]) -> None:
    """A bug in a trace is counted; there is none."""
    exported = Exported()
    book = TracedBook(exporter=exported)
    trace = book.trace(ALICE)
    flow = Flow(Listener("tcp", "192.0.2.1", 5060), ("phone.example.com", 99_999), 3)
    for data in datas:
        book.tap.received(data, flow)
        book.tap.sent(data, flow)
    book.end_turn()
    assert book.tap.counts["failures"] == 0
    assert len(entries_of(trace)) <= len(exported.messages) <= 2 * len(datas)


@given(_MESSAGES)
def test_every_form_holds_the_message(seen: Message) -> None:
    """JSON gives it back, HEP and pcapng carry its bytes, and no terminal is controlled by it."""
    assert entry_from(json.loads(dumps(entry_json(seen)))) == seen
    packet = decode(packet_of_message(seen, Agent(1, b"")))
    assert packet.payload == seen.data
    assert abs(packet.at - seen.at) < 2e-6
    assert seen.data in PcapngWriter("t").entry(seen)
    for line in Ladder(whole=True).lines(seen):
        assert line.isprintable()


@given(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\n\t"]),
    st.sampled_from([b"Authorization", b"PROXY-authorization", b"proxy-Authorization"]),
    st.text(" \t", max_size=3).map(str.encode),
    st.lists(st.sampled_from([b"Digest", b" ", b",", b'"', b"\r\n ", b"\n\t", b"=", b"s3cret"])),
    st.binary(max_size=20).filter(lambda rest: not re.search(rb"[\r\n]", rest)),
)
def test_credentials_are_blanked_however_they_are_written(
    line_end: bytes, name: bytes, space: bytes, pieces: list[bytes], rest: bytes
) -> None:
    """Folded, quoted, malformed, in the first line or the last."""
    value = b"s3cret" + b"".join(pieces)
    data = b"OPTIONS x SIP/2.0" + line_end + name + space + b":" + value + rest
    assert b"s3cret" not in blanked(data)
    assert b"s3cret" not in blanked(data + b"\r\nTo: x\r\n\r\n")


def test_the_mutations_begin_with_a_message_that_is_traced() -> None:
    """Else the properties hold for nothing."""
    book = TracedBook()
    trace = book.trace(ALICE)
    book.receive(_WHOLE)
    (first, *_) = entries_of(trace)
    assert isinstance(first, Message)
    assert b"5ecret" not in first.data
    assert first.at == BEGAN
