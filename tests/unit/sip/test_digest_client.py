"""Challenges to requests of ours, and how they are answered."""

from itertools import count

import pytest

from dfks_rules.sip.digest import Algorithm, ha1_of, hashed, parse_credentials
from dfks_rules.sip.digest_client import (
    MAX_STALE,
    Answers,
    Challenge,
    Secret,
    answer_to,
    parse_challenges,
)
from dfks_rules.sip.message import Response, parse_message

_REALM = "a, b"
_URI = b"sip:alice@192.0.2.7:5062"
_HA1S = {one: ha1_of(one, "keys", _REALM, "secret") for one in Algorithm}
_SECRET = Secret(b"keys", _HA1S)
_SECRETS = {_REALM.encode(): _SECRET, b"proxy": _SECRET}


def _challenge(
    nonce: bytes = b"n1", algorithm: bytes = b"MD5", realm: bytes = b"a, b", more: bytes = b""
) -> bytes:
    text = b'Digest realm="%b", nonce="%b", algorithm=%b, qop="auth"%b'
    return text % (realm, nonce, algorithm, more)


def _response(status: int, *challenges: bytes) -> Response:
    name = b"WWW-Authenticate" if status == 401 else b"Proxy-Authenticate"
    head = b"SIP/2.0 %d X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 NOTIFY\r\n" % status
    lines = b"".join(b"%b: %b\r\n" % (name, one) for one in challenges)
    response = parse_message(head + lines + b"\r\n")
    assert isinstance(response, Response)
    return response


def _lines(answers: Answers) -> list[bytes]:
    tokens = count(1)
    return answers.lines(b"NOTIFY", _URI, lambda: b"token%d" % next(tokens)).splitlines()


def test_the_example_of_the_rfc_is_answered_as_it_says() -> None:
    """RFC 7616 §3.9.1."""
    realm, nonce = b"http-auth@example.org", b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    opaque = b"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    value = b'Digest realm="%b", qop="auth, auth-int", algorithm=%b, nonce="%b", opaque="%b"'
    cnonce = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, expected in (
        (Algorithm.SHA_256, b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        (Algorithm.MD5, b"8ca523f5e9506fed4657c9700eebdbec"),
    ):
        (challenge,) = parse_challenges(value % (realm, algorithm.value.encode(), nonce, opaque))
        ha1 = ha1_of(algorithm, "Mufasa", realm.decode(), "Circle of Life")
        secret = Secret(b"Mufasa", {algorithm: ha1})
        answer = answer_to(challenge, secret, 1, cnonce, b"GET", b"/dir/index.html")
        (credentials,) = parse_credentials(answer)
        assert credentials.response == expected
        assert b'opaque="' + opaque + b'"' in answer


def test_without_qop_the_answer_is_that_of_rfc_2069() -> None:
    """Kamailio offers no qop unless it is told to; RFC 3261 §22.4 demands that it is served."""
    (challenge,) = parse_challenges(b'Digest realm="a, b", nonce="n"')
    assert challenge == Challenge(b"a, b", b"n", Algorithm.MD5, False, None, False)
    answer = answer_to(challenge, _SECRET, 1, b"c", b"NOTIFY", _URI)
    ha2 = hashed(Algorithm.MD5, b"NOTIFY:" + _URI)
    expected = hashed(Algorithm.MD5, _HA1S[Algorithm.MD5] + b":n:" + ha2)
    assert b'response="' + expected + b'"' in answer
    assert b"qop" not in answer
    assert b"cnonce" not in answer
    assert b", algorithm=MD5" in answer


@pytest.mark.parametrize("after", [b"", b' nonce="m", opaque="o", stale=true', b" bmVnbw=="])
def test_other_schemes_add_nothing_to_a_challenge(after: bytes) -> None:
    """What stands behind their name is theirs (RFC 7235 §4.1)."""
    value = b'NTLM, Digest\trealm="a, b",nonce="n", Other realm="x",' + after
    assert parse_challenges(value) == [Challenge(b"a, b", b"n", Algorithm.MD5, False, None, False)]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b'Basic realm="a, b"',
        b'Basic realm="a", realm="a, b", nonce="n"',
        b'Other realm="a, b", nonce="n", qop="auth"',
        b'Digest nonce="n"',
        b'Digest realm="a, b", nonce="n", qop="auth-int"',
        b'Digest realm="a, b", nonce="n", algorithm=SHA-512-256, qop="auth"',
        b'Digest realm="a, b", nonce="n", algorithm=MD5-sess, qop="auth"',
        b"\xff",
    ],
)
def test_what_cannot_be_answered_is_left_out(value: bytes) -> None:
    """Whatever else the peer offers may still be answered."""
    assert parse_challenges(value) == []
    (left,) = parse_challenges((value + b", " if value else b"") + _challenge())
    assert (left.nonce, left.algorithm) == (b"n1", Algorithm.MD5)


def test_the_topmost_algorithm_with_a_password_is_answered() -> None:
    """RFC 8760 §2.4; where only one hash is known, the other algorithm cannot be used."""
    offers = (_challenge(algorithm=b"SHA-256"), _challenge(algorithm=b"MD5"))
    for secrets, algorithm in (
        (_SECRETS, b"SHA-256"),
        ({b"a, b": Secret(b"keys", {Algorithm.MD5: _HA1S[Algorithm.MD5]})}, b"MD5"),
    ):
        answers = Answers()
        assert answers.take(_response(401, *offers), secrets)
        (line,) = _lines(answers)
        assert line.startswith(b"Authorization: Digest ")
        assert line.endswith(b", algorithm=" + algorithm)


def test_a_nonce_is_used_on_with_its_count() -> None:
    """RFC 7616 §3.4: nc rises with each request, and the peer need not ask again."""
    answers = Answers()
    assert _lines(answers) == []
    assert answers.take(_response(401, _challenge()), _SECRETS)
    for number in (1, 2, 3):
        (line,) = _lines(answers)
        (credentials,) = parse_credentials(line.removeprefix(b"Authorization: "))
        assert credentials.nc == b"%08x" % number
        assert credentials.proves(b"NOTIFY", _HA1S[Algorithm.MD5])


def test_a_wrong_password_is_tried_once() -> None:
    """Else the peer would be asked forever, and might lock the account."""
    answers = Answers()
    assert answers.take(_response(401, _challenge(b"n1")), _SECRETS)
    _lines(answers)
    assert not answers.take(_response(401, _challenge(b"n2")), _SECRETS)
    assert not answers.take(_response(401, _challenge(b"n1", more=b", stale=true")), _SECRETS)


def test_a_nonce_that_became_stale_is_replaced() -> None:
    """RFC 7616 §3.3; but a peer that calls every nonce stale is not followed forever."""
    answers = Answers()
    assert answers.take(_response(401, _challenge(b"n0")), _SECRETS)
    for number in range(MAX_STALE):
        stale = _challenge(b"m%d" % number, more=b", stale=TRUE")
        assert answers.take(_response(401, stale), _SECRETS)
    assert not answers.take(_response(401, _challenge(b"m9", more=b", stale=true")), _SECRETS)


def test_after_success_a_new_nonce_is_answered_even_where_it_is_not_called_stale() -> None:
    """A peer that was restarted does not know its old nonces."""
    answers = Answers()
    assert answers.take(_response(401, _challenge(b"n1")), _SECRETS)
    answers.accepted()
    assert answers.take(_response(401, _challenge(b"n2")), _SECRETS)
    assert not answers.take(_response(401, _challenge(b"n3")), _SECRETS)


def test_a_proxy_and_the_phone_behind_it_are_both_answered() -> None:
    """RFC 3261 §22.3: each has its header, and one does not undo the other."""
    answers = Answers()
    assert answers.take(_response(407, _challenge(realm=b"proxy")), _SECRETS)
    assert answers.take(_response(401, _challenge()), _SECRETS)
    names = [line.partition(b":")[0] for line in _lines(answers)]
    assert names == [b"Proxy-Authorization", b"Authorization"]


def test_a_realm_without_password_is_not_answered() -> None:
    """Whoever asks for another realm does not get a password that is not meant for it."""
    answers = Answers()
    assert not answers.take(_response(401, _challenge(realm=b"evil")), _SECRETS)
    assert _lines(answers) == []
