"""Digest: what is read, what is offered, and which requests are proved."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.digest import (
    MAX_CREDENTIALS,
    WINDOW,
    Algorithm,
    Credentials,
    Nonces,
    challenges,
    ha1_of,
    hashed,
    parse_credentials,
)

_KEY = b"k" * 32
_HERE = "192.0.2.7"
_ONE = (
    b'Digest username="alice", realm="example.com", nonce="n", uri="sip:example.com",'
    b' cnonce="c", nc=00000001, qop=auth, response="ABC", algorithm=MD5'
)


def _credentials(algorithm: Algorithm, response: bytes) -> Credentials:
    """The example of RFC 7616 §3.9.1."""
    values = {
        b"username": b"Mufasa",
        b"realm": b"http-auth@example.org",
        b"nonce": b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        b"uri": b"/dir/index.html",
        b"cnonce": b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        b"nc": b"00000001",
        b"response": response,
    }
    return Credentials(algorithm, values)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        (Algorithm.MD5, b"8ca523f5e9506fed4657c9700eebdbec"),
        (
            Algorithm.SHA_256,
            b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ],
)
def test_the_example_of_the_rfc_is_proved(algorithm: Algorithm, response: bytes) -> None:
    """RFC 7616 §3.9.1, both algorithms; upper case is the same."""
    ha1 = ha1_of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
    assert _credentials(algorithm, response).proves(b"GET", ha1)
    assert _credentials(algorithm, response.upper()).proves(b"GET", ha1)
    assert not _credentials(algorithm, response).proves(b"PUT", ha1)
    assert not _credentials(algorithm, response[:-1] + b"0").proves(b"GET", ha1)
    assert not _credentials(algorithm, b"").proves(b"GET", ha1)
    wrong = ha1_of(algorithm, "Mufasa", "http-auth@example.org", "circle of life")
    assert not _credentials(algorithm, response).proves(b"GET", wrong)


def test_credentials_are_read_whatever_their_order_and_spacing() -> None:
    """Parameter names and values that are tokens have no case (RFC 3261 §7.3.1)."""
    (one,) = parse_credentials(_ONE)
    assert (one.username, one.realm, one.nonce) == (b"alice", b"example.com", b"n")
    assert (one.uri, one.cnonce, one.nc) == (b"sip:example.com", b"c", b"00000001")
    assert (one.algorithm, one.response) == (Algorithm.MD5, b"abc")
    spaced = _ONE.replace(b"=", b" =\t").replace(b", ", b" ,").replace(b"qop", b"QOP")
    (same,) = parse_credentials(b"DIGEST" + spaced[6:])
    assert (same.username, same.nc, same.response) == (b"alice", b"00000001", b"abc")


@pytest.mark.parametrize("plain", [b"username=", b"user="])
def test_name_in_another_form_is_malformed(plain: bytes) -> None:
    """RFC 7616 §3.4: `username*` beside the plain one is; alone, no phone sends it."""
    with pytest.raises(MalformedMessageError):
        parse_credentials(_ONE.replace(b"username=", plain) + b", username*=UTF-8''bob")


def test_names_and_passwords_are_utf_8() -> None:
    """RFC 7616 §4: as they were typed, whatever the script."""
    text = "jürgen:example.com:пароль ☎".encode()
    for algorithm in Algorithm:
        assert ha1_of(algorithm, "jürgen", "example.com", "пароль ☎") == hashed(algorithm, text)


def test_without_an_algorithm_it_is_md5() -> None:
    """RFC 7616 §3.4."""
    assert parse_credentials(_ONE.replace(b", algorithm=MD5", b""))[0].algorithm is Algorithm.MD5


def test_repeated_headers_are_several_credentials() -> None:
    """A proxy's and ours stand in one message; commas join them."""
    other = _ONE.replace(b"example.com", b"other", 1).replace(b"=MD5", b"=SHA-256")
    one, two = parse_credentials(_ONE + b", " + other)
    assert (one.realm, two.realm) == (b"example.com", b"other")
    assert (one.algorithm, two.algorithm) == (Algorithm.MD5, Algorithm.SHA_256)


def test_ours_are_found_beside_those_of_another_scheme() -> None:
    """In whatever order."""
    for value in (b"Basic QQ==, " + _ONE, _ONE + b", Basic QQ=="):
        assert [one.username for one in parse_credentials(value)] == [
            one.username for one in parse_credentials(_ONE)
        ]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b'Bearer token="x"',
        b"Basic YWxpY2U6d29uZGVybGFuZA==",
        b"Bearer a.b-c_d, Basic YWxpY2U6d29uZGVybGFuZA",
        _ONE.replace(b"MD5", b"SHA-512-256"),
        _ONE.replace(b"qop=auth", b"qop=auth-int"),
        _ONE.replace(b"qop=auth, ", b""),
    ],
)
def test_what_cannot_be_verified_is_left_out(value: bytes) -> None:
    """Whoever sent it is challenged; without qop nothing tells a repeat from a request."""
    assert parse_credentials(value) == []


@pytest.mark.parametrize(
    "value",
    [
        b"Digest",
        b"Digest x",
        b'username="alice"',
        _ONE + b", ,",
        _ONE + b'x="',
        _ONE + b', realm="example.com"',
        _ONE.replace(b"00000001", b"1"),
        _ONE.replace(b"00000001", b"0000000g"),
        _ONE.replace(b'username="alice", ', b""),
        _ONE.replace(b'cnonce="c"', b'cnonce=""'),
        _ONE.replace(b'response="ABC", ', b""),
        _ONE + b', opaque="' + b"x" * MAX_CREDENTIALS + b'"',
    ],
)
def test_what_is_malformed_is_said_to_be(value: bytes) -> None:
    """RFC 7616 §3.4: parameters that are missing or stand twice."""
    with pytest.raises(MalformedMessageError, match="malformed Authorization"):
        parse_credentials(value)


def test_challenges_stand_in_the_order_of_preference() -> None:
    """RFC 8760 §2.3: one header for each algorithm, the preferred one topmost."""
    both = (Algorithm.SHA_256, Algorithm.MD5)
    lines = challenges(b"r", b"n", both, stale=True).split(b"\r\n")
    assert lines == [
        b'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", stale=true',
        b'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5, qop="auth", stale=true',
        b"",
    ]
    assert challenges(b"r", b"n", both[1:]) == (
        b'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5, qop="auth"\r\n'
    )


def test_a_nonce_is_good_until_it_is_old() -> None:
    """Each one differs, so that each has counts of its own."""
    nonces = Nonces(_KEY, lifetime=10)
    one, two = nonces.make(_HERE, 100.9), nonces.make(_HERE, 100.9)
    assert one != two
    assert nonces.is_good(one, _HERE, 100.0)
    assert nonces.is_good(one, _HERE, 110.9)
    assert not nonces.is_good(one, _HERE, 111.0)


def test_a_nonce_that_was_not_made_here_is_not_good() -> None:
    """Nobody makes one without the key, nor changes its time."""
    nonces = Nonces(_KEY)
    mine = nonces.make(_HERE, 100.0)
    assert not nonces.is_good(Nonces(b"other" * 5).make(_HERE, 100.0), _HERE, 100.0)
    assert not nonces.is_good(b"%08x" % 101 + mine[8:], _HERE, 101.0)
    assert not nonces.is_good(mine[:-1] + (b"0" if mine[-1:] != b"0" else b"1"), _HERE, 100.0)
    for wrong in (b"", b"x", mine + b"0", mine.upper() + b"", b"\xff" * len(mine)):
        assert wrong == mine or not nonces.is_good(wrong, _HERE, 100.0)


@pytest.mark.parametrize("there", ["192.0.2.70", "192.0.2.", "", "2001:db8::7"])
def test_a_nonce_is_good_only_from_the_address_that_it_was_given_to(there: str) -> None:
    """So whoever uses one has read what was sent there: its sender is not forged."""
    nonces = Nonces(_KEY)
    nonce = nonces.make(_HERE, 0.0)
    assert nonces.is_good(nonce, _HERE, 0.0)
    assert not nonces.is_good(nonce, there, 0.0)


def test_each_count_of_a_nonce_is_good_once() -> None:
    """What was seen on the wire is not accepted again (RFC 7616 §3.4)."""
    nonces = Nonces(_KEY)
    nonce = nonces.make(_HERE, 0.0)
    assert not nonces.use(nonce, 0)
    for count in (1, 2, 5, 3, 4, 40, 39, 9):
        assert nonces.use(nonce, count), count
        assert not nonces.use(nonce, count), count
    assert [nonces.use(nonce, count) for count in (1, 2, 5, 0)] == [False] * 4


@pytest.mark.parametrize("step", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 1000])
def test_counts_may_come_out_of_order_within_a_window(step: int) -> None:
    """UDP changes the order; what is further behind may have been used, and is refused."""
    nonces = Nonces(_KEY)
    nonce = nonces.make(_HERE, 0.0)
    first = 2000
    assert nonces.use(nonce, first)
    assert nonces.use(nonce, first + step)
    assert not nonces.use(nonce, first)
    assert not nonces.use(nonce, first + step)
    assert nonces.use(nonce, first + step - WINDOW) is (step != WINDOW)
    assert not nonces.use(nonce, first + step - WINDOW)
    assert not nonces.use(nonce, first + step - WINDOW - 1)


def test_a_nonce_whose_counts_were_forgotten_is_not_accepted() -> None:
    """Memory is bounded; whoever is concerned is challenged once more."""
    nonces = Nonces(_KEY, at_most=2)
    one, two, three, four = (nonces.make(_HERE, 0.0) for _ in range(4))
    assert nonces.use(one, 1)
    assert nonces.use(two, 1)
    assert nonces.use(three, 1)
    assert not nonces.use(one, 1)
    assert not nonces.use(one, 2)
    assert nonces.use(two, 2)
    assert nonces.use(four, 1)
    assert not nonces.use(two, 3)
