"""Hosts as they stand in URIs: addresses, names, and which of them a request may go to."""

import ipaddress
from functools import lru_cache

from dfks_rules.errors import MalformedMessageError

MAX_LABEL = 63
"""Longest label of a host name, bytes (RFC 1035 §2.3.4)."""
MAX_NAME = 253
"""Longest host name, bytes: 255 on the wire, with a length before and the root after it."""
_BROADCAST = "255.255.255.255"
_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # RFC 6598: behind a carrier's NAT
        "169.254.0.0/16",  # RFC 3927: link-local
        "127.0.0.0/8",
        "fc00::/7",  # RFC 4193
        "fe80::/10",  # RFC 4291: link-local
        "::1/128",
    )
)


@lru_cache(maxsize=4096)
def address_of(host: str) -> str | None:
    """An address in its usual form; None for what is only a name.

    Args:
        host: in lower case, IPv6 without brackets. What merely looks like an address (`1.2.3`) is a
            name: a socket would ask DNS for it.
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def check_name(name: str) -> None:
    """Check that DNS can have a name.

    Raises:
        MalformedMessageError: `sip_malformed_uri`
    """
    lengths = [len(label) for label in name.removesuffix(".").split(".")]
    if not (min(lengths) > 0 and max(lengths) <= MAX_LABEL and len(name) <= MAX_NAME):
        raise MalformedMessageError("sip_malformed_uri", "invalid host in SIP URI")


@lru_cache(maxsize=4096)
def is_one_host(address: str) -> bool:
    """Whether an address is that of one host: no group, and not whatever machine this is."""
    read = _read(address)
    return not (read.is_multicast or read.is_unspecified or str(read) == _BROADCAST)


@lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    """Whether an address is that of whatever machine it is used on."""
    return _read(address).is_loopback


@lru_cache(maxsize=4096)
def is_private(address: str) -> bool:
    """Whether an address means something only to those nearby: nobody else can send to it."""
    read = _read(address.partition("%")[0])
    return any(read in network for network in _PRIVATE if network.version == read.version)


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """What one peer has at least: an IPv4 address, or the /64 of one of IPv6; a name is itself.

    Whatever is counted by address is counted by this: else one peer would count as 2^64.
    """
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """What an address means: that of IPv4 which is written as one of IPv6 is still of IPv4."""
    read = ipaddress.ip_address(address)
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return read if mapped is None else mapped
