"""What the phone makes of a challenge; tests/unit/presence/test_gate.py has a server judge it."""

from dfks_rules.cli.phone_auth import Answerer, choose_challenge
from dfks_rules.sip.digest import Algorithm
from dfks_rules.sip.digest_client import Challenge

_MD5 = b'Digest realm="r, s", nonce="n", algorithm=MD5, qop="auth,auth-int"'
_SHA = b'Digest realm="r, s", nonce="n", algorithm=SHA-256, qop="auth", stale=TRUE'


def test_the_first_challenge_that_can_be_answered_is() -> None:
    """RFC 8760 §2.4."""
    chosen = choose_challenge(_SHA + b", " + _MD5)
    assert chosen == Challenge(b"r, s", b"n", Algorithm.SHA_256, True)
    other = _SHA.replace(b"SHA-256", b"SHA-512-256")
    md5 = Challenge(b"r, s", b"n", Algorithm.MD5, False)
    assert choose_challenge(other + b", " + _MD5) == md5


def test_what_cannot_be_answered_is_not() -> None:
    """A person is told then."""
    for value in (b"", b'Basic realm="r"', _MD5.replace(b"auth,", b"x,"), b"\xff"):
        assert choose_challenge(value) is None


def test_a_password_that_was_wrong_is_not_sent_again() -> None:
    """Else the phone would ask forever."""
    answerer = Answerer("alice", "x")
    assert answerer.authorization(b"SUBSCRIBE", b"sip:a") == b""
    assert answerer.take(_MD5)
    assert b", nc=00000001," in answerer.authorization(b"SUBSCRIBE", b"sip:a")
    assert b", nc=00000002," in answerer.authorization(b"SUBSCRIBE", b"sip:a")
    assert not answerer.take(_MD5)
    assert answerer.take(_SHA)
    assert b", nc=00000001," in answerer.authorization(b"SUBSCRIBE", b"sip:a")
