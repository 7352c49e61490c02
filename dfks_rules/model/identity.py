"""Addresses of the users who are synchronised, and of those who watch them."""

from enum import Enum
from typing import NamedTuple


class Aor(NamedTuple):
    """An address of record: the presentity whose features are synchronised, or a watcher.

    The port and the parameters of a URI are not part of it: `sip:alice@host:5060` and
    `sip:alice@host` are the same presentity. Nor are `sips:` and `sip:` distinguished.
    """

    user: str
    """User part, with unreserved characters unescaped; case matters (RFC 3261 §19.1.4)."""
    domain: str
    """Host in lower case, IPv6 in brackets; no port."""

    @property
    def uri(self) -> str:
        """The canonical form, `sip:user@domain`."""
        return f"sip:{self.user}@{self.domain}" if self.user else f"sip:{self.domain}"


class AuthMethod(Enum):
    """How somebody proved who he is; the value is the fact `auth.method`."""

    DIGEST = "digest"
    """By a password."""
    TRUSTED = "trusted"
    """A trusted peer, such as a proxy, says so."""
    NONE = "none"
    """He did not: it is what From says."""

    __hash__ = object.__hash__


class Identity(NamedTuple):
    """Who sent a request, proved."""

    aor: Aor
    """Address of record, which From does not change."""
    method: AuthMethod
    """How it is known."""
    user: str
    """The name that was proved, without domain."""
