"""How `dfks phone` answers a challenge: the side of digest that the server does not play."""

import os
from typing import NamedTuple

from dfks_rules.sip.digest import Algorithm, Credentials, ha1_of
from dfks_rules.sip.grammar import parse_params, split_list

_ALGORITHMS = {one.value.lower().encode(): one for one in Algorithm}


class Challenge(NamedTuple):
    """One that can be answered."""

    realm: bytes
    nonce: bytes
    algorithm: Algorithm
    is_stale: bool
    """Whether only the nonce of the last answer was wrong."""


def choose_challenge(value: bytes) -> Challenge | None:
    """The first challenge of WWW-Authenticate that can be answered (RFC 8760 §2.4).

    Args:
        value: the header value; several headers joined by commas.
    """
    begun: list[bytes] = []
    for item in split_list(value):
        # A scheme begins a challenge; the other items are parameters of the last one.
        if item[:7].lower() == b"digest " or not begun:
            begun.append(b";" + item[7:].lstrip())
        else:
            begun[-1] += b";" + item
    for one in begun:
        params = {name: text.strip(b'"') for name, text in parse_params(one).items()}
        algorithm = _ALGORITHMS.get(params.get(b"algorithm", b"MD5").lower())
        offers = [word.strip() for word in params.get(b"qop", b"").split(b",")]
        if algorithm is not None and b"auth" in offers and b"realm" in params:
            is_stale = params.get(b"stale", b"").lower() == b"true"
            return Challenge(params[b"realm"], params.get(b"nonce", b""), algorithm, is_stale)
    return None


class Answerer:
    """Answers challenges with one name and password."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._challenge: Challenge | None = None
        self._count = 0

    def take(self, value: bytes) -> bool:
        """Take a challenge; whether an answer to it may be accepted.

        It may not where one was refused for its password.
        """
        challenge = choose_challenge(value)
        if challenge is None or (self._count and not challenge.is_stale):
            return False
        self._challenge, self._count = challenge, 0
        return True

    def authorization(self, method: bytes, uri: bytes) -> bytes:
        """The header line of a request; empty before the first challenge."""
        if self._challenge is None:
            return b""
        self._count += 1
        realm, nonce, algorithm, _ = self._challenge
        values = {
            b"username": self._user.encode(),
            b"realm": realm,
            b"nonce": nonce,
            b"uri": uri,
            b"cnonce": os.urandom(8).hex().encode(),
            b"nc": b"%08x" % self._count,
        }
        ha1 = ha1_of(algorithm, self._user, realm.decode(errors="replace"), self._password)
        values[b"response"] = Credentials(algorithm, values).expected(method, ha1)
        count = values.pop(b"nc")
        quoted = b", ".join([b'%b="%b"' % item for item in values.items()])
        line = b"Authorization: Digest %b, nc=%b, qop=auth, algorithm=%b\r\n"
        return line % (quoted, count, algorithm.value.encode())
