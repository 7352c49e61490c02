"""What C and Python make of one message, side by side; and messages as phones write them."""

from collections.abc import Iterator
from pathlib import Path

from dfks_rules.sip.address import Address, parse_unusual_address
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.header import FROM, NAMES, TO
from dfks_rules.sip.incoming import read_addresses
from dfks_rules.sip.message import Request, Response, parse_message, parse_unusual
from dfks_rules.sip.uri import _aor_of_unusual, _parse
from dfks_rules.sip.via import Via
from dfks_rules.sip.wire import make_aor, read_address, read_uri
from tests.helpers.published import ROOT

_FLOW = Flow(Listener("tls", "192.0.2.1", 5061), ("192.0.2.7", 5062))
_CONFORMANCE = ROOT.parent / "shared/conformance"


def is_taken(data: bytes) -> bool:
    """Whether C takes a message; where it does, Python has to read the same."""
    usual, oracle = parse_message(data), parse_unusual(data)
    if isinstance(usual, Response):
        assert isinstance(oracle, Response)
        assert _of_response(usual) == _of_response(oracle)
        return usual._message is data
    if not isinstance(usual, Request) or usual.target is None:
        return False  # Python has read both.
    assert isinstance(oracle, Request)
    assert oracle.target is None
    assert oracle.fault is None
    assert _of_request(usual) == _of_request(oracle)
    assert usual.target == _parse(oracle.uri)
    assert usual.sender is not None
    assert usual.recipient is not None
    assert _of_address(usual.sender) == _address(oracle.value(FROM))
    assert _of_address(usual.recipient) == _address(oracle.value(TO))
    assert type(read_addresses(usual, _FLOW, b"")) is type(read_addresses(oracle, _FLOW, b""))
    return True


def _of_response(response: Response) -> tuple[object, ...]:
    return response.status, response.branch, response.method, response.reason, response.headers


def _of_request(request: Request) -> tuple[object, ...]:
    return (
        request.method,
        request.uri,
        request.cseq,
        request.body,
        request.fault,
        request.head,
        request.head_to_keep(),
        request.headers,
        [request.get(number) for number in range(len(NAMES))],
        _of_via(request.via),
    )


def _of_via(via: Via | None) -> tuple[object, ...]:
    if via is None:
        return ()
    sources = (("192.0.2.7", 5060), ("10.0.0.1", 40000), (via.host.strip(b"[]").decode(), 1))
    return (
        *(via.sent_by, via.host, via.port, via.branch, via.rport),
        *(via.response_text(source) for source in sources),
    )


def _address(value: bytes) -> tuple[bytes, bytes]:
    return _of_address(parse_unusual_address(value, b"x"))


def is_value_taken(text: bytes) -> tuple[bool, bool, bool]:
    """Whether C takes it for an address, for a URI, and for the user and the host of one."""
    address, uri = read_address(text), read_uri(text)
    assert address is None or address == _address(text)
    assert uri is None or (type(uri), uri) == (type(_parse(text)), _parse(text))
    host, _, user = text.rpartition(b"@")
    aor = make_aor(user, host)
    assert aor is None or aor == _aor_of_unusual(user, host)
    return address is not None, uri is not None, aor is not None


def _of_address(address: Address) -> tuple[bytes, bytes]:
    return address.uri, address.tag


def torture() -> Iterator[bytes]:
    """The messages of RFC 4475 and RFC 5118, if they are at hand, and those that fuzzing kept."""
    for path in (*_CONFORMANCE.glob("*/*.dat"), *_corpora()):
        yield path.read_bytes()


def _corpora() -> list[Path]:
    return sorted((ROOT / "tests/fuzz/corpora/wire").iterdir())
