"""Digest authentication: read credentials, write challenges, and prove who answered one.

Nonces are stateless: a time, a number and a MAC, which also covers the address that the nonce is
for. What is kept is which counts of a nonce were used, since a request that was seen on the wire
must not be accepted again.

Only `qop=auth` is accepted: without it nothing tells a repeat from a request. The `uri` of the
credentials is not compared to the Request-URI, which proxies rewrite (RFC 3261 §22.4).

Reference: RFC 3261 §22, RFC 7616, RFC 8760
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from enum import Enum
from typing import Final, final

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.grammar import LWS, TOKEN

MAX_CREDENTIALS = 4096
"""Longest Authorization that is read, bytes; one of SHA-256 takes about 400."""
LIFETIME = 3600
"""How long a nonce may be used, s: phones that refresh twice an hour seldom need another."""
WINDOW = 32
"""How far below the highest count of a nonce others may still come: UDP changes the order."""
MAX_NONCES = 65_536
"""Nonces whose counts are kept, about 170 bytes each."""

_KEY_SIZE = 20
"""Characters of a nonce before its MAC: time and number, in hexadecimal."""
_MAC_SIZE = 16
_NAMED = (
    rb"(" + TOKEN + rb")" + LWS + rb"=" + LWS
    + rb"(?:\"((?>(?:[^\"\\]++|\\.)*))\"|(" + TOKEN + rb"))" + LWS
)  # fmt: skip
# Where credentials are repeated they were joined by commas: a scheme begins the next ones.
_ITEM = (
    rb"[ \t,]*+(?>(?:(" + TOKEN + rb")[ \t]++(?=" + TOKEN + LWS + rb"=))?)" + _NAMED + rb"(?:,|\Z)"
)
_ONE = re.compile(_ITEM, re.DOTALL)
_OTHER = re.compile(
    rb"[ \t,]*+(?!(?i:Digest)[ \t])" + TOKEN
    + rb"[ \t]++[A-Za-z0-9\-._~+/]++=*+" + LWS + rb"(?:,|\Z)"
)  # fmt: skip
"""Credentials without parameters, such as those of Basic (RFC 7235 §2.1 token68)."""
_PARAMETER = re.compile(LWS + _NAMED + rb"(?:,|\Z)|(.++)", re.DOTALL)
"""One parameter, or all the rest where it is none."""
_COUNT = re.compile(rb"[0-9a-fA-F]{8}")
_NONCE = re.compile(rb"[0-9a-f]{%d}" % (_KEY_SIZE + 2 * _MAC_SIZE))


class Algorithm(Enum):
    """The hash functions that are offered; the value is their name in SIP (RFC 8760 §2.1)."""

    SHA_256 = "SHA-256"
    MD5 = "MD5"


_MD5: Final = Algorithm.MD5
ALGORITHMS: Final = {one.value.lower().encode(): one for one in Algorithm}
"""Name in lower case → the algorithm."""


def hashed(algorithm: Algorithm, text: bytes) -> bytes:
    """H(text) of RFC 7616 §3.4.1, in lower-case hexadecimal."""
    if algorithm is _MD5:
        return hashlib.md5(text, usedforsecurity=False).hexdigest().encode()
    return hashlib.sha256(text).hexdigest().encode()


def ha1_of(algorithm: Algorithm, user: str, realm: str, password: str) -> bytes:
    """H(A1), which a server may keep in place of the password (RFC 7616 §3.4.2)."""
    return hashed(algorithm, f"{user}:{realm}:{password}".encode())


@final
class Credentials:
    """What one Authorization header says, for `qop=auth`."""

    __slots__ = ("algorithm", "cnonce", "nc", "nonce", "realm", "response", "uri", "username")

    def __init__(self, algorithm: Algorithm, values: dict[bytes, bytes]) -> None:
        """`values` are parameters by name in lower case, without quotes; what lacks is empty."""
        self.algorithm: Final = algorithm
        self.username: Final = values.get(b"username", b"")
        self.realm: Final = values.get(b"realm", b"")
        self.nonce: Final = values.get(b"nonce", b"")
        self.uri: Final = values.get(b"uri", b"")
        self.cnonce: Final = values.get(b"cnonce", b"")
        self.nc: Final = values.get(b"nc", b"")
        """Eight hexadecimal digits: how often this nonce was used."""
        self.response: Final = values.get(b"response", b"").lower()

    def proves(self, method: bytes, ha1: bytes) -> bool:
        """Whether whoever wrote them knows the password, in the same time if it is wrong.

        Args:
            method: of the request.
            ha1: of the user, for the algorithm of the credentials.
        """
        return hmac.compare_digest(self.response, self.expected(method, ha1))

    def expected(self, method: bytes, ha1: bytes) -> bytes:
        """The response of whoever knows the password (RFC 7616 §3.4.1)."""
        ha2 = hashed(self.algorithm, b"%b:%b" % (method, self.uri))
        text = b"%b:%b:%b:%b:auth:%b" % (ha1, self.nonce, self.nc, self.cnonce, ha2)
        return hashed(self.algorithm, text)


def parse_credentials(value: bytes) -> list[Credentials]:
    """The Digest credentials of an Authorization header that can be verified.

    Those of another scheme or with an unknown algorithm are left out: whoever sent them is
    challenged.

    Args:
        value: the header value; several headers joined by commas.

    Raises:
        MalformedMessageError: `sip_malformed_header`
    """
    if len(value) > MAX_CREDENTIALS:
        raise _malformed()
    found: list[Credentials] = []
    if value.startswith(b"Digest "):
        # Nearly always it is one, and there is nothing else.
        items = _PARAMETER.findall(value, 7)
        if items and not items[-1][3]:
            values = {name.lower(): quoted or plain for name, quoted, plain, _ in items}
            if len(values) < len(items):
                raise _malformed()
            _add(found, b"digest", values)
            return found
    return _parse_several(value)


def _parse_several(value: bytes) -> list[Credentials]:
    """As `parse_credentials`, whatever there is."""
    found: list[Credentials] = []
    values: dict[bytes, bytes] = {}
    scheme, position = b"", 0
    while position < len(value):
        other = _OTHER.match(value, position)
        if other is not None:
            _add(found, scheme, values)
            scheme, values, position = b"", {}, other.end()
            continue
        item = _ONE.match(value, position)
        if item is None:
            raise _malformed()
        position = item.end()
        begins, name, quoted, plain = item.groups()
        if begins is not None:
            _add(found, scheme, values)
            scheme, values = begins.lower(), {}
        name = name.lower()
        if not scheme or name in values:
            raise _malformed()
        values[name] = plain if quoted is None else quoted
    _add(found, scheme, values)
    return found


def _add(found: list[Credentials], scheme: bytes, values: dict[bytes, bytes]) -> None:
    if scheme != b"digest":
        return
    algorithm = ALGORITHMS.get(values.get(b"algorithm", b"MD5").lower())
    if algorithm is None or values.get(b"qop", b"").lower() != b"auth":
        return
    if _COUNT.fullmatch(values.get(b"nc", b"")) is None or b"username*" in values:
        raise _malformed()
    for name in (b"username", b"cnonce", b"uri", b"nonce", b"response"):
        if not values.get(name):
            raise _malformed()
    found.append(Credentials(algorithm, values))


def _malformed() -> MalformedMessageError:
    return MalformedMessageError("sip_malformed_header", "malformed Authorization")


def challenges(
    realm: bytes, nonce: bytes, algorithms: Iterable[Algorithm], *, stale: bool = False
) -> bytes:
    """The header lines of a 401, the preferred algorithm first (RFC 8760 §2.3).

    Args:
        realm: what the password is for; no quotes or backslashes.
        nonce: a new one.
        algorithms: what is offered.
        stale: whether only the nonce was wrong, so that the phone need not ask anybody (RFC 7616
            §3.3).
    """
    more = b", stale=true" if stale else b""
    return b"".join(
        [
            b'WWW-Authenticate: Digest realm="%b", nonce="%b", algorithm=%b, qop="auth"%b\r\n'
            % (realm, nonce, one.value.encode(), more)
            for one in algorithms
        ]
    )


@final
class Nonces:
    """Makes nonces, knows its own again, and lets each count of one be used once."""

    def __init__(self, key: bytes, lifetime: int = LIFETIME, at_most: int = MAX_NONCES) -> None:
        """None is used.

        Args:
            key: secret of the MAC, 16 to 64 random bytes.
            lifetime: how long a nonce may be used, s.
            at_most: nonces whose counts are kept.
        """
        self._key = key
        self._lifetime = lifetime
        self._at_most = at_most
        self._made = 0
        self._used: dict[int, int] = {}
        """Number of a nonce → its highest count, above the bits of the `WINDOW` counts below."""
        self._forgotten = 0
        """Highest number of a nonce whose counts are no longer kept: up to it none is accepted
        whose counts are not there, since they may have been used."""

    def make(self, source: str, now: float) -> bytes:
        """A new nonce for whoever is at an address.

        Args:
            source: address, without port: that of a phone behind NAT may change all the time.
            now: monotonic seconds.
        """
        self._made += 1
        text = b"%08x%012x" % (int(now) & 0xFFFFFFFF, self._made)
        return text + self._mac(text, source)

    def is_good(self, nonce: bytes, source: str, now: float) -> bool:
        """Whether it was made here for this address and is not too old.

        So whoever uses one has read what was sent to the address.

        Args:
            nonce: as a phone wrote it.
            source: address that it came from, without port.
            now: monotonic seconds.
        """
        if _NONCE.fullmatch(nonce) is None:
            return False
        text = nonce[:_KEY_SIZE]
        if not hmac.compare_digest(self._mac(text, source), nonce[_KEY_SIZE:]):
            return False
        return (int(now) - int(text[:8], 16)) & 0xFFFFFFFF <= self._lifetime

    def use(self, nonce: bytes, count: int) -> bool:
        """Use one count of a good nonce; whether it was unused.

        Args:
            nonce: one that `is_good`.
            count: `nc`, from 1.
        """
        number = int(nonce[8:_KEY_SIZE], 16)
        used = self._used.get(number)
        if used is None:
            if number <= self._forgotten or count < 1:
                return False
            if len(self._used) >= self._at_most:
                oldest = next(iter(self._used))
                del self._used[oldest]
                self._forgotten = max(self._forgotten, oldest)
            self._used[number] = count << WINDOW
            return True
        highest, seen = used >> WINDOW, used & _SEEN
        behind = highest - count
        if behind < 0:
            # Bit n is the count n + 1 below the highest one.
            ahead = -behind
            seen = ((seen << 1 | 1) << (ahead - 1)) & _SEEN if ahead <= WINDOW else 0
            self._used[number] = count << WINDOW | seen
            return True
        if behind == 0 or behind > WINDOW or count < 1 or seen >> (behind - 1) & 1:
            return False
        self._used[number] = used | 1 << (behind - 1)
        return True

    def _mac(self, text: bytes, source: str) -> bytes:
        # The text has a fixed size: no two pairs of it and a source are the same.
        text += source.encode()
        return hashlib.blake2b(text, key=self._key, digest_size=_MAC_SIZE).hexdigest().encode()


_SEEN: Final = (1 << WINDOW) - 1
