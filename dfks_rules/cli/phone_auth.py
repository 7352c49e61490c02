"""How `dfks phone` answers a challenge."""

import os

from dfks_rules.sip.digest import ha1_of
from dfks_rules.sip.digest_client import Challenge, Secret, answer_to, parse_challenges


def choose_challenge(value: bytes) -> Challenge | None:
    """The first challenge of WWW-Authenticate that can be answered (RFC 8760 §2.4).

    Args:
        value: the header value; several headers joined by commas.
    """
    return next(iter(parse_challenges(value)), None)


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
        challenge, user = self._challenge, self._user
        realm = challenge.realm.decode(errors="replace")
        ha1 = ha1_of(challenge.algorithm, user, realm, self._password)
        secret = Secret(user.encode(), {challenge.algorithm: ha1})
        cnonce = os.urandom(8).hex().encode()
        value = answer_to(challenge, secret, self._count, cnonce, method, uri)
        return b"Authorization: %b\r\n" % value
