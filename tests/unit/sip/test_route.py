"""Where the requests of a dialog go."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Hop, Listener, TransportName
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.route import datagrams_to, flow_to, flow_to_proxy
from dfks_rules.sip.uri import parse_uri
from tests.helpers.playbook import FLOW, LISTENER, message
from tests.helpers.ways import TCP, TLS, UDP6, FakeWays

UDP = TransportName.UDP

_SEEN = Flow(LISTENER, ("198.51.100.9", 40000))
_STREAM = Flow(TCP, ("198.51.100.9", 40000), 3)


def _incoming(flow: Flow, via: bytes) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    event = endpoint.receive(message(via=b"SIP/2.0/UDP %b;branch=z9hG4bK1" % via), flow, 0.0)
    assert isinstance(event, Incoming)
    return event


def _flow(
    hop: bytes,
    flow: Flow = _SEEN,
    via: bytes = b"10.0.0.5",
    *,
    routed: bool = False,
    seen: bool = False,
) -> Flow:
    incoming = _incoming(flow, via)
    return flow_to(parse_uri(hop), incoming, FakeWays(), routed=routed, seen=seen)


def _named(host: str, transport: TransportName | None) -> Hop:
    """What an operator has written, who may mean this machine."""
    return Hop(host, None, transport, may_be_here=True)


def _otherwise(hop: bytes, flow: Flow, ways: FakeWays | None = None) -> tuple[Flow, ...]:
    uri = parse_uri(hop)
    return datagrams_to(_flow(hop, flow), uri, flow, ways or FakeWays())


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
            Flow(LISTENER, ("phone.example", 5070), 0, Hop("phone.example", 5070, None)),
        ),
        # A phone that speaks both versions of IP, and so do we.
        (b"p", b"sip:a@[2001:DB8::0:5]", _SEEN, Flow(UDP6, ("2001:db8::5", 5060))),
        (b"10.0.0.5", b"sip:a@10.0.0.5", _STREAM, _STREAM),
    ],
)
def test_phone_behind_nat_is_reached_where_it_is_seen_others_at_their_contact(
    via: bytes, contact: bytes, flow: Flow, target: Flow
) -> None:
    """Most phones are behind NAT, and write addresses that lead nowhere."""
    assert _flow(contact, flow, via) == target


@pytest.mark.parametrize(
    ("contact", "source", "is_behind"),
    [
        (b"10.0.0.9", "198.51.100.9", True),
        (b"172.31.255.255", "198.51.100.9", True),
        (b"192.168.1.2", "198.51.100.9", True),
        (b"100.64.0.1", "198.51.100.9", True),
        (b"169.254.7.7", "198.51.100.9", True),
        (b"127.0.0.1", "198.51.100.9", True),
        (b"[fd00::7]", "2001:db8::9", True),
        (b"[fe80::7]", "2001:db8::9", True),
        (b"[::ffff:10.0.0.9]", "198.51.100.9", True),
        (b"172.32.0.1", "198.51.100.9", False),
        (b"100.128.0.1", "198.51.100.9", False),
        (b"192.0.2.9", "198.51.100.9", False),
        # Neighbours: a phone and a proxy of the same private network.
        (b"10.0.0.9", "10.0.0.1", False),
        (b"10.0.0.9", "192.168.1.1", False),
    ],
)
def test_private_contact_seen_at_a_public_address_is_behind_nat(
    contact: bytes, source: str, *, is_behind: bool
) -> None:
    """Also if Via has another host than Contact: there is no way to a private address."""
    listener = UDP6 if ":" in source else LISTENER
    seen = Flow(listener, (source, 40000))
    flow = _flow(b"sip:a@%b:5062" % contact, seen, b"pbx.example")
    assert (flow == seen) is is_behind
    if not is_behind:
        assert flow.remote == (contact.decode(), 5062)


def test_phone_that_is_always_reached_where_it_is_seen_is_not_where_a_route_is() -> None:
    """A profile says so of phones that write useless Contacts; the proxy on the way knows more."""
    assert _flow(b"sip:a@192.0.2.9", seen=True) == _SEEN
    assert _flow(b"sip:a@p.example;maddr=192.0.2.9", seen=True) == _SEEN
    assert _flow(b"sip:192.0.2.9;lr", routed=True, seen=True).remote == ("192.0.2.9", 5060)


@pytest.mark.parametrize(
    ("proxy", "flow"),
    [
        (b"sip:203.0.113.5;lr", Flow(LISTENER, ("203.0.113.5", 5060))),
        (b"sip:203.0.113.5:5070;transport=TCP;lr", Flow(TCP, ("203.0.113.5", 5070))),
        (b"sips:203.0.113.5;lr", Flow(TLS, ("203.0.113.5", 5061))),
        (b"sip:[2001:DB8::5];lr", Flow(UDP6, ("2001:db8::5", 5060))),
        (
            b"sip:Proxy.example;lr",
            Flow(TCP, ("proxy.example", 5060), 0, _named("proxy.example", None)),
        ),
        (
            b"sips:proxy.example;lr",
            Flow(TCP, ("proxy.example", 5060), 0, _named("proxy.example", TransportName.TLS)),
        ),
        # Not served: DNS will not help, and its request is undelivered.
        (
            b"sips:[2001:db8::5];lr",
            Flow(TCP, ("2001:db8::5", 5060), 0, _named("2001:db8::5", TransportName.TLS)),
        ),
    ],
)
def test_outbound_proxy_is_reached_by_its_own_uri(proxy: bytes, flow: Flow) -> None:
    """Whatever the phone came by."""
    assert flow_to_proxy(parse_uri(proxy), _STREAM, FakeWays()) == flow


def test_route_comes_before_the_nat_rule() -> None:
    """The proxy on the way knows how to reach the phone."""
    assert _flow(b"sip:10.0.0.5;lr", routed=True) == Flow(LISTENER, ("10.0.0.5", 5060))


@pytest.mark.parametrize(
    ("contact", "is_sought"),
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
def test_only_real_addresses_are_given_to_a_socket(contact: bytes, *, is_sought: bool) -> None:
    """A socket looks everything else up in DNS, and the whole server would wait for that."""
    assert (_flow(contact).hop is not None) is is_sought


@pytest.mark.parametrize(
    ("contact", "hop"),
    [
        (b"sip:a@P.example", Hop("p.example", None, None)),
        (b"sip:a@p.example.", Hop("p.example", None, None)),
        (b"sip:a@p.example:5060", Hop("p.example", 5060, None)),
        (b"sip:a@p.example;transport=UDP", Hop("p.example", None, UDP)),
        (b"sip:a@p.example;transport=tcp", Hop("p.example", None, TransportName.TCP)),
        (b"sip:a@p.example;transport=sctp", Hop("p.example", None, None)),
    ],
)
def test_what_a_uri_leaves_open_is_kept_for_dns(contact: bytes, hop: Hop) -> None:
    """RFC 3263 §4: a port or a transport that was written is not asked for."""
    flow = _flow(contact)
    assert (flow.listener, flow.hop) == (LISTENER, hop)


def test_hop_by_name_is_looked_up_once_the_stream_of_its_phone_is_gone() -> None:
    """The stream is the way that works; over TLS nothing but TLS comes after it."""
    assert _flow(b"sip:a@p.example", _STREAM) == Flow(
        TCP, ("p.example", 5060), 3, Hop("p.example", None, None)
    )
    seen = Flow(TLS, ("198.51.100.9", 40000), 3)
    there = Flow(TLS, ("p.example", 5061), 3, Hop("p.example", None, TransportName.TLS))
    for contact in (b"sip:a@p.example", b"sips:a@p.example", b"sip:a@p.example;transport=udp"):
        assert _flow(contact, seen) == there


def test_stream_comes_first_also_where_contact_names_another_transport() -> None:
    """Where it broke, what Contact allows: datagrams for a phone that wrote `transport=udp`."""
    flow = _flow(b"sip:a@192.0.2.9;transport=udp", _STREAM)
    assert flow == Flow(TCP, ("192.0.2.9", 5060), 3, Hop("192.0.2.9", None, UDP))
    flow = _flow(b"sip:a@[2001:db8::9]:5062", _STREAM)
    hop = Hop("2001:db8::9", 5062, TransportName.TCP)
    assert flow == Flow(TCP, ("2001:db8::9", 5062), 3, hop)


@pytest.mark.parametrize(
    ("contact", "flow", "ways"),
    [
        # It sent a datagram, and named a stream.
        (b"sip:a@192.0.2.9;transport=tcp", _SEEN, (Flow(LISTENER, ("192.0.2.9", 5060)),)),
        (
            b"sip:a@p.example;transport=tcp",
            _SEEN,
            (Flow(LISTENER, ("p.example", 5060), 0, Hop("p.example", None, UDP)),),
        ),
        (b"sip:a@192.0.2.9;transport=tls", _SEEN, ()),
        (b"sip:a@p.example;transport=tls", _SEEN, ()),
        (b"sip:a@192.0.2.9", _SEEN, ()),
        (b"sip:a@p.example", _SEEN, ()),
        # It sent over a stream, and named nothing, which means UDP.
        (b"sip:a@192.0.2.9", _STREAM, (Flow(LISTENER, ("192.0.2.9", 5060)),)),
        (b"sip:a@192.0.2.9;transport=tcp", _STREAM, ()),
        # Its hop is looked up anyway; the address behind NAT has nobody who listens.
        (b"sip:a@p.example", _STREAM, ()),
        (b"sip:a@10.0.0.5", _STREAM, ()),
        (b"sip:a@192.0.2.9", Flow(TLS, ("198.51.100.9", 40000), 3), ()),
    ],
)
def test_datagrams_follow_a_stream_where_the_contact_allows_it(
    contact: bytes, flow: Flow, ways: tuple[Flow, ...]
) -> None:
    """RFC 3261 §18.1.1, RFC 3263 §4.1; never after TLS."""
    assert _otherwise(contact, flow) == ways


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
        (b";transport=tcp", TCP),
        (b";TRANSPORT=TCP", TCP),
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


def test_maddr_of_the_other_ip_version_is_followed_from_there() -> None:
    """A socket of IPv4 cannot send to it."""
    hop = b"sip:a@192.0.2.9:5070;maddr=[2001:DB8::7]"
    assert _flow(hop) == Flow(UDP6, ("2001:db8::7", 5070))


def test_maddr_comes_before_the_nat_rule() -> None:
    """Who names it knows that the host is not where it is reached."""
    assert _flow(b"sip:a@10.0.0.5;maddr=192.0.2.77").remote == ("192.0.2.77", 5060)


def test_port_that_a_hop_leaves_out_is_that_of_its_transport() -> None:
    """RFC 3261 §19.1.2: 5061 for TLS, also for `sips`; a stream stays the way while it lives."""
    seen = Flow(TLS, ("198.51.100.9", 40000), 3)
    there = Flow(TLS, ("192.0.2.9", 5061), 3)
    for hop in (b"sip:a@192.0.2.9", b"sip:a@192.0.2.9;transport=tls", b"sips:a@192.0.2.9"):
        assert _flow(hop, seen) == there
    assert _flow(b"sips:a@192.0.2.9:5071", seen) == Flow(TLS, ("192.0.2.9", 5071), 3)
    over_udp = _flow(b"sip:a@192.0.2.9;transport=tls")
    assert over_udp == Flow(TLS, ("192.0.2.9", 5061))


def test_sips_is_not_told_over_a_way_that_others_can_read() -> None:
    """RFC 3261 §12.1.1: our Contact would have to be `sips`, too."""
    for flow in (FLOW, _STREAM):
        with pytest.raises(MalformedMessageError) as caught:
            _flow(b"sips:a@192.0.2.9", flow)
        assert caught.value.code == "sip_insecure_flow"


_PHONE = Flow(LISTENER, ("10.0.0.9", 40000))
_LOCAL = Flow(LISTENER, ("127.0.0.1", 40000))


@pytest.mark.parametrize("source", [_SEEN, _PHONE])
@pytest.mark.parametrize(
    "contact",
    [
        b"sip:a@127.0.0.1:8081",
        b"sip:a@127.9.9.9:8888;transport=tcp",
        b"sip:a@[::1]:8081",
        b"sip:a@[::ffff:127.0.0.1]:8081",
    ],
)
def test_loopback_address_of_another_machine_leads_to_that_machine(
    contact: bytes, source: Flow
) -> None:
    """A phone in a private network had its NOTIFY sent to the ports of the server itself."""
    assert _flow(contact, source, via=b"p") == source


@pytest.mark.parametrize("source", [_SEEN, _PHONE])
def test_maddr_with_a_loopback_address_of_another_machine_is_not_followed(source: Flow) -> None:
    """Nothing of ours that listens on loopback is for strangers."""
    flow = _flow(b"sip:a@192.0.2.9;maddr=127.0.0.1", source, via=b"p")
    assert flow.remote == ("192.0.2.9", 5060)


def test_route_with_a_loopback_address_of_another_machine_is_refused() -> None:
    """A proxy that writes it into Record-Route cannot be reached."""
    with pytest.raises(MalformedMessageError, match="loopback address of another machine"):
        _flow(b"sip:127.0.0.1:8081;lr", _SEEN, routed=True)


@pytest.mark.parametrize("source", [_LOCAL, Flow(LISTENER, (LISTENER.host, 40000))])
def test_who_is_on_this_machine_may_name_loopback_addresses(source: Flow) -> None:
    """Such as a proxy before the server, whatever address it sends from."""
    assert _flow(b"sip:127.0.0.5:5070;lr", source, routed=True).remote == ("127.0.0.5", 5070)
    hop = _flow(b"sip:a@localhost", source, via=b"p").hop
    assert hop == Hop("localhost", None, None, may_be_here=True)


def test_phone_on_this_machine_is_reached_at_its_loopback_address() -> None:
    """As in the first minute of the README."""
    assert _flow(b"sip:a@127.0.0.5:5070", _LOCAL, via=b"p").remote == ("127.0.0.5", 5070)
