"""C reads every message as Python does, or leaves it alone."""

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.playbook import DND_ON, message
from tests.helpers.usual_phones import USUAL, answer
from tests.helpers.wire import is_taken, is_value_taken, torture

_WHOLE = [*USUAL.values(), answer(b"z9hG4bKx"), message(), message(body=DND_ON), *torture()]
_PIECES = st.sampled_from(
    (
        b'\r\n|\r|\n|\r\n |\t| |;|,|"|\\|<|>|:|@|[|]|=|?|%|\0|\xff|/|-|~|0|9|sip:|sips:|tag=|'
        b";tag=|;branch=|;rport|;rport=1|;received=1|z9hG4bK|\r\nv: |\r\nt: |\r\nVia: |\r\nTo: |"
        b"\r\nExpires: |\r\nX: |\r\nl: 0|\r\nContent-Length: 9|SIP/2.0|CSeq: 1 |NOTIFY|SUBSCRIBE|"
        b"\r\n\r\n|[::1]|:5060"
    ).split(b"|")
)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A message in which some places were cut out, written over, or taken from another one."""
    data = draw(st.sampled_from(_WHOLE))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data = data[:start] + draw(_PIECES | st.binary(max_size=3)) + data[end:]
    lines = data.split(b"\r\n")
    if draw(st.booleans()):
        other = draw(st.sampled_from(_WHOLE)).split(b"\r\n")
        lines[draw(st.integers(0, len(lines) - 1))] = draw(st.sampled_from(other))
    return b"\r\n".join(lines)


@given(st.binary(max_size=200) | _mutated())
def test_c_reads_a_message_as_python_does_or_leaves_it(data: bytes) -> None:
    """`is_taken` compares all that they give."""
    is_taken(data)


_TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12).map(str.encode)
_SPACE = st.sampled_from([b"", b" ", b"  ", b"\t"])
_HOST = st.sampled_from([b"a", b"pbx.example.com", b"192.0.2.7", b"[2001:db8::1]", b"x_y-z.", b"9"])
_PORT = st.sampled_from([b"", b":5060", b":1", b":65535", b":00080"])
_DISPLAY = st.sampled_from([b"", b'"Al, <ice>" ', b"Al Ice ", b"\xc3\xa9", b'""', b"a.b "])
_PARAMS = st.sampled_from([b"", b";transport=udp", b";lr;x=a@b", b";a=b;c"])


@st.composite
def _well_formed(draw: st.DrawFn) -> bytes:
    """A request as the grammar allows it, by C or not."""
    uri = b"sip:%b%b%b%b" % (
        draw(st.sampled_from([b"", b"alice@", b"a%41;x@", b"@", b"\xc3\xa9#@"])),
        *(draw(_HOST), draw(_PORT), draw(_PARAMS)),
    )
    via = b"SIP/2.0/%b %b%b%b;branch=z9hG4bK%b%b" % (
        *(draw(_TOKEN), draw(_HOST), draw(_PORT), draw(st.sampled_from([b"", b";rport"]))),
        *(draw(_TOKEN), draw(st.sampled_from([b"", b";rport", b";alias"]))),
    )
    lines = [
        b"Via:" + draw(_SPACE) + via,
        *([b"Via: " + via] * draw(st.integers(0, 9))),
        b"From: %b<%b>;tag=%b" % (draw(_DISPLAY), uri, draw(_TOKEN)),
        b"To:%b<%b>%b" % (draw(_DISPLAY), uri, draw(st.sampled_from([b"", b";tag=x", b" "]))),
        b"Call-ID: " + draw(_TOKEN),
        b"CSeq: %d%bSUBSCRIBE" % (draw(st.integers(0, 2**31)), draw(_SPACE) or b" "),
        b"X-%b: %b" % (draw(_TOKEN), draw(_TOKEN)),
    ]
    head = b"\r\n".join([b"SUBSCRIBE %b SIP/2.0" % uri, *draw(st.permutations(lines))])
    return head + b"\r\n\r\n" + draw(st.binary(max_size=5))


@given(_well_formed())
def test_c_reads_what_is_well_formed_as_python_does_or_leaves_it(data: bytes) -> None:
    """Here it takes most."""
    is_taken(data)


@given(
    st.lists(_PIECES | _TOKEN | _HOST | _DISPLAY | _PARAMS | st.just(b"sip:"), max_size=8).map(
        b"".join
    )
)
def test_c_reads_a_value_as_python_does_or_leaves_it(text: bytes) -> None:
    """Those that are read alone: Contact, routes, identities."""
    is_value_taken(text)
