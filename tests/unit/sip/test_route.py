"""Where the requests of a dialog go."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.endpoint import Endpoint, Incoming
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.route import flow_to
from dfks_rules.sip.uri import parse_uri
from tests.helpers.playbook import FLOW, LISTENER, message

_TCP = Listener("tcp", "192.0.2.1", 5060)
_TLS = Listener("tls", "192.0.2.1", 5061)
_SEEN = Flow(LISTENER, ("198.51.100.9", 40000))
_STREAM = Flow(_TCP, ("198.51.100.9", 40000), 3)


class _Both:
    """A server that listens on UDP, TCP and TLS."""

    def listener_for(self, transport: str, listener: Listener) -> Listener | None:
        """The other one."""
        assert listener.transport != transport
        return {"udp": LISTENER, "tcp": _TCP, "tls": _TLS}.get(transport)

    def stream_to(self, remote: tuple[str, int]) -> Flow | None:
        """Never asked."""
        raise AssertionError


def _flow(
    hop: bytes, flow: Flow = _SEEN, via: bytes = b"10.0.0.5", *, routed: bool = False
) -> Flow:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    event = endpoint.receive(message(via=b"SIP/2.0/UDP %b;branch=z9hG4bK1" % via), flow, 0.0)
    assert isinstance(event, Incoming)
    return flow_to(parse_uri(hop), event, _Both(), routed=routed)


@pytest.mark.parametrize(
    ("via", "contact", "flow", "target"),
    [
        # Behind NAT: Via and Contact name one private address, the packet came from another.
        (b"10.0.0.5:5062", b"sip:a@10.0.0.5:5062", _SEEN, _SEEN),
        # The same, whatever transport it names: there is no way to the private address.
        (b"10.0.0.5:5062", b"sip:a@10.0.0.5:5062;transport=tcp", _SEEN, _SEEN),
        # A phone whose Contact is elsewhere says so on purpose.
        (b"10.0.0.5:5062", b"sip:a@192.0.2.9", _SEEN, Flow(LISTENER, ("192.0.2.9", 5060))),
        # Not behind NAT, only a port of its own for sending.
        (b"198.51.100.9", b"sip:a@198.51.100.9", _SEEN, Flow(LISTENER, ("198.51.100.9", 5060))),
        (
            b"10.0.0.5",
            b"sip:a@Phone.example:5070",
            _SEEN,
            Flow(LISTENER, ("phone.example", 5070), 0, resolve=True),
        ),
        (b"p", b"sip:a@[2001:db8::5]", _SEEN, Flow(LISTENER, ("2001:db8::5", 5060))),
        (b"10.0.0.5", b"sip:a@10.0.0.5", _STREAM, _STREAM),
        (b"10.0.0.5", b"sip:a@198.51.100.9:40000;transport=udp", _STREAM, _STREAM),
    ],
)
def test_phone_behind_nat_is_reached_where_it_is_seen_others_at_their_contact(
    via: bytes, contact: bytes, flow: Flow, target: Flow
) -> None:
    """Most phones are behind NAT, and write addresses that lead nowhere."""
    assert _flow(contact, flow, via) == target


def test_route_comes_before_the_nat_rule() -> None:
    """The proxy on the way knows how to reach the phone."""
    assert _flow(b"sip:10.0.0.5;lr", routed=True) == Flow(LISTENER, ("10.0.0.5", 5060))


@pytest.mark.parametrize(
    ("contact", "resolve"),
    [
        (b"sip:alice@198.51.100.77", False),
        (b"sip:alice@[2001:db8::7]", False),
        (b"sip:alice@999.1.1.1", True),
        (b"sip:alice@1.2.3", True),
        (b"sip:alice@phone.example.com.", True),
        (b"sip:alice@" + b"x" * 63 + b".example", True),
        (b"sip:alice@" + b"a." * 126 + b"b", True),
    ],
)
def test_only_real_addresses_are_given_to_a_socket(contact: bytes, *, resolve: bool) -> None:
    """A socket looks everything else up in DNS, and the whole server would wait for that."""
    assert _flow(contact).resolve is resolve


@pytest.mark.parametrize("host", [b"a..b", b"a...", b"x" * 64, b"a." * 127 + b"b", b"[::1::1]"])
def test_host_that_cannot_be_is_refused(host: bytes) -> None:
    """RFC 1035 §2.3.4."""
    with pytest.raises(MalformedMessageError, match="invalid host"):
        _flow(b"sip:a@" + host)


@pytest.mark.parametrize(
    "host",
    [b"224.0.0.1", b"[ff02::1]", b"255.255.255.255", b"0.0.0.0", b"[::]", b"[::ffff:224.0.0.1]"],
)
def test_contact_must_be_one_host(host: bytes) -> None:
    """One forged SUBSCRIBE had a whole network told; 0.0.0.0 is whatever listens here."""
    with pytest.raises(MalformedMessageError, match="no single host"):
        _flow(b"sip:a@" + host)
    assert _flow(b"sip:a@" + host, via=host) == _SEEN  # By the NAT rule it leads nowhere else.


@pytest.mark.parametrize(
    ("parameters", "listener"),
    [
        (b";transport=tcp", _TCP),
        (b";TRANSPORT=TCP", _TCP),
        (b";transport=udp", LISTENER),
        (b";transport=sctp", LISTENER),
        (b";transport=\xff", LISTENER),
        (b";transport", LISTENER),
    ],
)
def test_transport_that_the_hop_names_is_used_if_it_is_ours(
    parameters: bytes, listener: Listener
) -> None:
    """RFC 3263 §4.1: a phone may listen on TCP and send by UDP."""
    assert _flow(b"sip:a@192.0.2.9" + parameters) == Flow(listener, ("192.0.2.9", 5060))


@pytest.mark.parametrize(
    ("maddr", "host"),
    [
        (b"192.0.2.77", "192.0.2.77"),
        (b"[2001:DB8::7]", "2001:db8::7"),
        (b"phone.example", "192.0.2.9"),
        (b"224.0.0.1", "192.0.2.9"),
        (b"[ff02::1]", "192.0.2.9"),
        (b"255.255.255.255", "192.0.2.9"),
        (b"0.0.0.0", "192.0.2.9"),
        (b"", "192.0.2.9"),
    ],
)
def test_maddr_is_followed_to_one_host_and_no_further(maddr: bytes, host: str) -> None:
    """RFC 3261 §19.1.1; a group would turn one forged SUBSCRIBE into many datagrams."""
    assert _flow(b"sip:a@192.0.2.9:5070;maddr=" + maddr) == Flow(LISTENER, (host, 5070))


def test_maddr_comes_before_the_nat_rule() -> None:
    """Who names it knows that the host is not where it is reached."""
    assert _flow(b"sip:a@10.0.0.5;maddr=192.0.2.77").remote == ("192.0.2.77", 5060)


def test_port_that_a_hop_leaves_out_is_that_of_its_transport() -> None:
    """RFC 3261 §19.1.2: 5061 for TLS, also for `sips`; a stream stays the way while it lives."""
    seen = Flow(_TLS, ("198.51.100.9", 40000), 3)
    there = Flow(_TLS, ("192.0.2.9", 5061), 3)
    for hop in (b"sip:a@192.0.2.9", b"sip:a@192.0.2.9;transport=tls", b"sips:a@192.0.2.9"):
        assert _flow(hop, seen) == there
    assert _flow(b"sips:a@192.0.2.9:5071", seen) == Flow(_TLS, ("192.0.2.9", 5071), 3)
    over_udp = _flow(b"sip:a@192.0.2.9;transport=tls")
    assert over_udp == Flow(_TLS, ("192.0.2.9", 5061))


def test_sips_is_not_told_over_a_way_that_others_can_read() -> None:
    """RFC 3261 §12.1.1: our Contact would have to be `sips`, too."""
    for flow in (FLOW, _STREAM):
        with pytest.raises(MalformedMessageError) as caught:
            _flow(b"sips:a@192.0.2.9", flow)
        assert caught.value.code == "sip_insecure_flow"
