"""`sip.outbound_proxy` and `sip.resolver`."""

from typing import Any

import pytest

from dfks_rules.config.next_hop import (
    build_outbound_proxy,
    build_resolver,
    find_next_hop_mistakes,
)

_LISTEN = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]


def _mistakes(**sip: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, way))} {message}"
        for way, message in find_next_hop_mistakes({"listen": _LISTEN, **sip})
    ]


@pytest.mark.parametrize(
    "proxy",
    [
        "sip:proxy.example.com;lr",
        "sip:192.0.2.9:5070;transport=TCP;lr",
        "sip:user@proxy.example.com;lr;x=y",
    ],
)
def test_proxy_that_can_be_used_is_no_mistake(proxy: str) -> None:
    """It becomes the value of Route."""
    assert _mistakes(outbound_proxy=proxy) == []
    built = build_outbound_proxy(proxy)
    assert built is not None
    assert built.route == f"<{proxy}>".encode()


def test_without_a_proxy_there_is_none() -> None:
    """The default."""
    assert _mistakes() == []
    assert build_outbound_proxy(None) is None


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ("sip:proxy.example.com", "must have the parameter `lr`"),
        ("sip:", "malformed SIP URI"),
        ("tel:+1555", "URI scheme is not sip or sips"),
        ("sip:a..b;lr", "invalid host in SIP URI"),
        ("sip:proxy:99999;lr", "port out of range in SIP URI"),
        ("sip:224.0.0.1;lr", "its host must be a single one"),
        ("sip:proxy;lr?Subject=x", "it must be ASCII, without headers"),
        ("sip:pröxy;lr", "malformed SIP URI"),
        ("sip:ü@proxy;lr", "it must be ASCII, without headers"),
        ("sips:proxy;lr", "needs a `tls` address in `sip.listen`"),
        ("sip:proxy;transport=sctp;lr", "needs a `sctp` address in `sip.listen`"),
        ("sip:[2001:db8::9];lr", "needs an IPv6 address with `udp` in `sip.listen`"),
    ],
)
def test_proxy_that_leads_nowhere_is_found(proxy: str, message: str) -> None:
    """Not by the first NOTIFY that is lost."""
    (found,) = _mistakes(outbound_proxy=proxy)
    assert found.startswith("sip.outbound_proxy ")
    assert message in found


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_dns_server_is_an_address_and_perhaps_a_port(text: str, server: tuple[str, int]) -> None:
    """IPv6 with or without brackets."""
    assert _mistakes(resolver=[text]) == []
    assert build_resolver([text]) == (server,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dns.example.com", "must be an address"),
        ("192.0.2.53:0", "has a port outside 1 to 65535"),
        ("192.0.2.53:65536", "has a port outside 1 to 65535"),
        ("1.2.3", "must be an address"),
    ],
)
def test_dns_server_that_cannot_be_asked_is_found(text: str, message: str) -> None:
    """A name would have to be looked up first."""
    (found,) = _mistakes(resolver=["192.0.2.1", text])
    assert found.startswith("sip.resolver.1 ")
    assert message in found
