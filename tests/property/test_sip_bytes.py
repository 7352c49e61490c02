"""Whatever bytes come: no exception, and framing that does not depend on how they were cut."""

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.message import Request, Response, parse_message
from dfks_rules.sip.stream import StreamReader
from tests.helpers.playbook import DND_ON, FLOW, message, read

_RESPONSE = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\n"
    b"CSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n"
)
_MESSAGES = st.sampled_from([message(), message(body=DND_ON), message(b"OPTIONS"), _RESPONSE])
_PIECES = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b" ", b"\t", b";", b",", b'"', b"<", b">", b":", b"\0", b"\xff", b"@"]
)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A good message in which some places were cut out or written over."""
    data = draw(_MESSAGES)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data = data[:start] + draw(_PIECES | st.binary(max_size=4)) + data[end:]
    return data


@given(st.binary(max_size=400) | _mutated())
def test_parser_takes_any_bytes(data: bytes) -> None:
    """A datagram of a stranger must not raise."""
    assert isinstance(parse_message(data), Request | Response | None)


@given(_mutated())
def test_endpoint_answers_any_bytes_with_whole_messages_or_not_at_all(data: bytes) -> None:
    """What is echoed must not be able to break the response."""
    sent: list[bytes] = []
    endpoint: Endpoint[None] = Endpoint(lambda _, out: sent.append(out), lambda _: b"tag")
    event = endpoint.receive(data, FLOW, 0.0)
    if isinstance(event, Incoming):
        assert sent == []
        endpoint.respond(event, 200)
    for response in sent:
        assert read(FLOW, response).start.startswith(b"SIP/2.0 ")


@given(st.lists(_MESSAGES | st.just(b"\r\n\r\n") | _mutated(), max_size=4))
def test_stream_gives_the_same_messages_however_it_was_cut(parts: list[bytes]) -> None:
    """TCP cuts where it likes."""
    data = b"".join(parts)
    whole, bitwise = StreamReader(), StreamReader()
    at_once = whole.feed(data)
    piecemeal = [one for position in range(len(data)) for one in bitwise.feed(data[position:][:1])]
    # Once framing is lost, the message that lost it ends where the bytes at hand ended.
    known = len(at_once) - whole.broken
    assert piecemeal[:known] == at_once[:known]
    assert bitwise.broken == whole.broken
