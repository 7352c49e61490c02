"""Answers challenges to requests of ours: the side of digest that a server seldom plays.

Of the challenges for one realm the topmost counts that can be answered (RFC 8760 §2.4). A nonce is
answered once, and then used on: its count rises with each request, so that a peer need not ask
every time. Where an answer is refused and the nonce was not just stale, the password is wrong, and
it is not tried again.

Reference: RFC 3261 §22.2, §22.3, RFC 7616 §3.4, RFC 8760 §2.4
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, final

from dfks_rules.sip.digest import ALGORITHMS, Algorithm, Credentials, hashed
from dfks_rules.sip.grammar import TOKEN, parse_params, split_list
from dfks_rules.sip.message import Response

MAX_STALE = 2
"""How often in a row a nonce may be stale at once: a peer that says so for ever is not followed."""

_BEGINNING: Final = re.compile(rb"(" + TOKEN + rb")[ \t]++(?!=)")
"""A scheme, at the beginning of its challenge; before `=` it is the name of a parameter."""
_ANSWER_OF: Final = {
    401: (b"www-authenticate", b"Authorization"),
    407: (b"proxy-authenticate", b"Proxy-Authorization"),
}
"""Status → the header that challenges, and the one that answers."""


class Challenge(NamedTuple):
    """One that can be answered."""

    realm: bytes
    nonce: bytes
    algorithm: Algorithm
    is_stale: bool
    """Whether only the nonce of the last answer was wrong."""
    opaque: bytes | None = None
    """To be sent back as it is; None where there is none."""
    has_qop: bool = True
    """False for RFC 2069, whose peers know no counts."""


def parse_challenges(value: bytes) -> list[Challenge]:
    """The challenges that can be answered, in order.

    What cannot be read is left out: whatever is wrong with it, there is no one to tell.

    Args:
        value: of WWW-Authenticate or Proxy-Authenticate; several headers joined by commas.
    """
    begun: list[tuple[bytes, list[bytes]]] = []
    for item in split_list(value):
        beginning = _BEGINNING.match(item)
        if beginning is not None:
            begun.append((beginning[1].lower(), [item[beginning.end() :]]))
        elif begun:
            begun[-1][1].append(item)
    found = []
    for scheme, items in begun:
        if scheme != b"digest":
            continue
        parsed = parse_params(b";" + b";".join(items))
        params = {name: _unquoted(text) for name, text in parsed.items()}
        algorithm = ALGORITHMS.get(params.get(b"algorithm", b"MD5").lower())
        offers = [word.strip() for word in params.get(b"qop", b"auth").lower().split(b",")]
        if algorithm is not None and b"auth" in offers and b"realm" in params:
            is_stale = params.get(b"stale", b"").lower() == b"true"
            realm, nonce = params[b"realm"], params.get(b"nonce", b"")
            opaque, has_qop = params.get(b"opaque"), b"qop" in params
            found.append(Challenge(realm, nonce, algorithm, is_stale, opaque, has_qop))
    return found


def _unquoted(text: bytes) -> bytes:
    """What stands in quotes, its escapes as they are: so they are sent back, and hashed."""
    return text[1:-1] if text[:1] == b'"' else text


@final
class Secret:
    """The name and the password for one realm, the password hashed."""

    __slots__ = ("ha1s", "user")

    def __init__(self, user: bytes, ha1s: Mapping[Algorithm, bytes]) -> None:
        self.user: Final = user
        self.ha1s: Final = ha1s
        """H(A1) by each algorithm for which it is known."""


def answer_to(
    challenge: Challenge, secret: Secret, count: int, cnonce: bytes, method: bytes, uri: bytes
) -> bytes:
    """The value of an Authorization header.

    Args:
        challenge: what is answered.
        secret: has H(A1) for its algorithm.
        count: how often the nonce was used, this time included.
        cnonce: an unguessable token.
        method: of the request.
        uri: its Request-URI.
    """
    realm, nonce, algorithm, _, opaque, has_qop = challenge
    ha1 = secret.ha1s[algorithm]
    shown = {b"username": secret.user, b"realm": realm, b"nonce": nonce, b"uri": uri}
    if has_qop:
        shown[b"cnonce"] = cnonce
        nc = b"%08x" % count
        response = Credentials(algorithm, {**shown, b"nc": nc}).expected(method, ha1)
        end = b", nc=%b, qop=auth" % nc
    else:
        ha2 = hashed(algorithm, b"%b:%b" % (method, uri))
        response = hashed(algorithm, b"%b:%b:%b" % (ha1, nonce, ha2))
        end = b""
    shown[b"response"] = response
    if opaque is not None:
        shown[b"opaque"] = opaque
    quoted = b", ".join([b'%b="%b"' % item for item in shown.items()])
    return b"Digest %b%b, algorithm=%b" % (quoted, end, algorithm.value.encode())


@final
class _Answer:
    """An answer to one challenge, and how it fares."""

    __slots__ = ("challenge", "count", "is_accepted", "secret", "stales")

    def __init__(self, challenge: Challenge, secret: Secret, stales: int) -> None:
        self.challenge: Final = challenge
        self.secret: Final = secret
        self.count = 0
        self.is_accepted = False
        self.stales = stales
        """How many before it were stale at once."""


@final
class Answers:
    """What the peers of one dialog have asked, and how it is answered."""

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        self._answers: dict[tuple[bytes, bytes], _Answer] = {}
        """Name of the header, realm → the answer."""

    def take(self, response: Response, secrets: Mapping[bytes, Secret]) -> bool:
        """Take the challenges of a 401 or 407; whether the request may be accepted next time.

        Args:
            response: to the last request.
            secrets: by realm.
        """
        asks, name = _ANSWER_OF[response.status]
        is_new = False
        done: set[bytes] = set()
        for challenge in parse_challenges(response.headers.get(asks, b"")):
            secret = secrets.get(challenge.realm)
            if challenge.realm in done or secret is None or challenge.algorithm not in secret.ha1s:
                continue
            done.add(challenge.realm)
            key = (name, challenge.realm)
            stales = _tries_left(self._answers.get(key), challenge)
            if stales is not None:
                self._answers[key] = _Answer(challenge, secret, stales)
                is_new = True
        return is_new

    def accepted(self) -> None:
        """The last request was accepted."""
        for answer in self._answers.values():
            answer.is_accepted = True
            answer.stales = 0

    def lines(self, method: bytes, uri: bytes, token: Callable[[], bytes]) -> bytes:
        """The header lines of the next request, each with its CRLF.

        Args:
            method: of the request.
            uri: its Request-URI.
            token: an unguessable token each time.
        """
        lines = b""
        for (name, _), one in self._answers.items():
            one.count += 1
            value = answer_to(one.challenge, one.secret, one.count, token(), method, uri)
            lines += b"%b: %b\r\n" % (name, value)
        return lines


def _tries_left(last: _Answer | None, challenge: Challenge) -> int | None:
    """How many answers in a row were stale before the next one; None: it would be refused."""
    if last is None:
        return 0
    if last.challenge.nonce == challenge.nonce:
        return None
    if last.is_accepted:
        return 0
    # It answered a challenge that had just been made.
    return last.stales + 1 if challenge.is_stale and last.stales < MAX_STALE else None
