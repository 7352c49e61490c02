"""Credentials, whatever their bytes; and counts of nonces, in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.cli.phone_auth import Answerer
from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.digest import WINDOW, Algorithm, Nonces, challenges, parse_credentials

_PIECES = [
    b"Digest ", b"Basic ", b'username="a"', b'realm="r"', b'nonce="n"', b'uri="sip:a"',
    b"nc=00000001", b'cnonce="c"', b"qop=auth", b'response="0"', b"algorithm=MD5",
    b"algorithm=SHA-256", b", ", b",", b'"', b"\\", b"=", b" ", b"\xff",
]  # fmt: skip
_BYTES = st.binary(max_size=200) | st.lists(st.sampled_from(_PIECES), max_size=30).map(b"".join)


@given(_BYTES, st.sampled_from([b"", b"Digest "]))
def test_any_bytes_are_credentials_or_malformed(value: bytes, scheme: bytes) -> None:
    """Nothing else is raised, and what is found has all that is verified."""
    try:
        found = parse_credentials(scheme + value)
    except MalformedMessageError:
        return
    for one in found:
        assert all((one.username, one.nonce, one.uri, one.cnonce, one.response))
        assert int(one.nc, 16) >= 0
        one.proves(b"SUBSCRIBE", b"0" * 32)


@given(_BYTES)
def test_any_bytes_are_no_nonce_of_ours(value: bytes) -> None:
    """And do not raise."""
    assert not Nonces(b"k" * 32).is_good(value, "192.0.2.7", 0.0)


@given(st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cc", "Cs"])), st.text())
def test_what_the_phone_writes_is_read(user: str, password: str) -> None:
    """Any name that needs no escape, and any password without a surrogate."""
    answerer = Answerer(user, password.encode(errors="replace").decode())
    lines = challenges(b"r", b"n", (Algorithm.SHA_256,))
    assert answerer.take(lines[18:].rstrip())
    line = answerer.authorization(b"SUBSCRIBE", b"sip:a")[15:].rstrip()
    if not user:
        return
    (one,) = parse_credentials(line)
    assert (one.username, one.algorithm) == (user.encode(), Algorithm.SHA_256)


@given(st.lists(st.integers(1, 100), max_size=150))
def test_a_count_is_good_if_it_is_new_and_within_the_window(counts: list[int]) -> None:
    """Against a set of all that were used."""
    nonces = Nonces(b"k" * 32)
    nonce = nonces.make("192.0.2.7", 0.0)
    used: set[int] = set()
    for count in counts:
        fits = not used or count >= max(used) - WINDOW
        assert nonces.use(nonce, count) is (fits and count not in used)
        if fits:
            used.add(count)
