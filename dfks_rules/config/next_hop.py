"""The settings of how requests find their way: `sip.outbound_proxy` and `sip.resolver`."""

import ipaddress
from collections.abc import Iterator
from itertools import islice
from typing import Any

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.host import address_of, check_name, is_one_host
from dfks_rules.sip.ports import OutboundProxy
from dfks_rules.sip.uri import parse_uri

DNS_PORT = 53
Way = tuple[str | int, ...]


def find_next_hop_mistakes(sip: dict[str, Any]) -> Iterator[tuple[Way, str]]:
    """Settings of `sip` that obey the schema and still cannot work; its defaults are filled in."""
    for position, text in enumerate(sip.get("resolver", ())):
        message = _wrong_server(text)
        if message:
            yield ("sip", "resolver", position), message
    if "outbound_proxy" in sip:
        # The first says enough: most of the others follow from it.
        for message in islice(_proxy_mistakes(sip["outbound_proxy"], sip["listen"]), 1):
            yield ("sip", "outbound_proxy"), message


def _wrong_server(text: str) -> str:
    host, port = _parted(text)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"is `{text}`; it must be an address: a name would have to be looked up"
    return "" if 0 < port <= 65535 else "has a port outside 1 to 65535"


def _proxy_mistakes(text: str, listen: list[str]) -> Iterator[str]:
    """What is wrong with an outbound proxy, each to follow its name."""
    try:
        uri = parse_uri(text.encode(errors="surrogatepass"))
        host = uri.host.strip(b"[]").decode().lower()
        address = address_of(host)
        if address is None:
            check_name(host)
    except MalformedMessageError as error:
        yield f"is `{text}`; {error.message}"
        return
    if address is not None and not is_one_host(address):
        yield f"is `{text}`; its host must be a single one"
    if uri.headers or not text.isascii():
        yield f"is `{text}`; it must be ASCII, without headers"
    if uri.param(b"lr") is None:
        yield f"is `{text}`; it must have the parameter `lr`, as in `sip:proxy.example.com;lr`"
    named = (uri.param(b"transport") or b"").decode().lower()
    wanted = "tls" if uri.scheme == b"sips" else named
    if wanted and not any(one.startswith(f"{wanted}:") for one in listen):
        yield f"needs a `{wanted}` address in `sip.listen`"
    if address is not None and not _reaches(address, wanted or "udp", listen):
        version = "IPv6" if ":" in address else "IPv4"
        yield f"needs an {version} address with `{wanted or 'udp'}` in `sip.listen`"


def _reaches(address: str, transport: str, listen: list[str]) -> bool:
    return any(
        one.startswith(f"{transport}:") and ("[" in one) == (":" in address) for one in listen
    )


def build_outbound_proxy(text: str | None) -> OutboundProxy | None:
    """The proxy that a setting names, already checked."""
    if text is None:
        return None
    return OutboundProxy(parse_uri(text.encode()), b"<%b>" % text.encode())


def build_resolver(texts: list[str]) -> tuple[tuple[str, int], ...]:
    """The address and port of each DNS server, already checked."""
    return tuple(map(_parted, texts))


def _parted(text: str) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`."""
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":")
        if not host or text.endswith("]"):
            host, port = text, ""
        return host.strip("[]"), int(port) if port else DNS_PORT
    return text, DNS_PORT
