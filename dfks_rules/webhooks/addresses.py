"""Which addresses may be asked: what an operator types must not reach what only the server can.

A name is no protection, as it may resolve to anything, and to something else a moment later: what
counts is the address to which a connection is made.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from dfks_rules.phrases.phrase import phrase

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2_048
"""Characters."""
_GLOBAL = ipaddress.IPv6Network("2000::/3")
"""What is given to hosts on the Internet (RFC 4291 §2.4); the rest is ours, or nobody's."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses behind a translator (RFC 6052 §2.1)."""
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class Rules:
    """What may be asked."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        """Make them.

        Args:
            networks: that the operator allows, be they private, and be it without TLS.
        """
        self._networks = tuple(networks)

    def allow(self, text: str, *, is_secure: bool) -> bool:
        """Whether a connection to this address may be made; `is_secure`: it is for https."""
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
        if any(address in network for network in self._networks):
            return True
        return is_secure and _is_public(address)

    def check_url(self, url: str) -> None:
        """Raise unless an endpoint may have this URL; its address is checked when it is asked.

        Raises:
            ValueError: why not.
        """
        parts = _parts(url)
        is_secure = parts.scheme == "https"
        if not is_secure and not self._networks:
            raise ValueError(phrase("http needs a network in `webhooks.allow_networks`; use https"))
        host = parts.hostname or ""
        try:
            may = self.allow(host, is_secure=is_secure)
        except ValueError:
            if not _is_name(host):
                message = phrase("`{host}` is neither a name nor an address", host=host[:80])
                raise ValueError(message) from None
            return
        if not may:
            message = phrase(
                "{host} is not a public address, and not in a network of `webhooks.allow_networks`",
                host=host,
            )
            raise ValueError(message)


def _parts(url: str) -> SplitResult:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        message = phrase("not a URL of at most {max_url} ASCII characters", max_url=MAX_URL)
        raise ValueError(message)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        message = phrase("not a URL: {error}", error=error)
        raise ValueError(message) from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise ValueError(phrase("not a URL such as https://pbx.example.com/dfks"))
    if "@" in parts.netloc or "#" in url or "\\" in url:
        raise ValueError(phrase("must not have a user, a password, a fragment or a backslash"))
    return parts


def _is_name(host: str) -> bool:
    """Whether it is a name of DNS; a last label of digits makes it an odd spelling of an address
    (WHATWG URL, ends-in-a-number checker), which libraries read in different ways.
    """
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return _NUMBER.fullmatch(labels[-1]) is None


def _meant(address: Address) -> Address:
    """The address that a connection reaches in the end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _GLOBAL or address.teredo is not None
    ):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
