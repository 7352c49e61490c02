"""What phones write is split by C; whatever it takes means what Python makes of it."""

import pytest

from dfks_rules.sip import wire
from tests.helpers.playbook import message
from tests.helpers.usual_phones import USUAL, answer
from tests.helpers.wire import is_taken, is_value_taken, torture

needs_c = pytest.mark.skipif(not wire.IS_COMPILED, reason="C was not compiled")


@needs_c
@pytest.mark.parametrize("phone", sorted(USUAL.keys()))
def test_what_phones_write_is_taken(phone: str) -> None:
    """Each kind that is left to Python costs three times as much."""
    assert is_taken(USUAL[phone])


@needs_c
@pytest.mark.parametrize("branch", [b"z9hG4bKx", b"z9hG4bK0123456789abcdef"])
@pytest.mark.parametrize("spelling", [(b"Via: ", b"v:"), (b"CSeq", b"cseq"), (b"OK", b"")])
def test_answers_to_notify_are_taken(branch: bytes, spelling: tuple[bytes, bytes]) -> None:
    """Half of what comes in is 200."""
    assert is_taken(answer(branch).replace(*spelling))


@needs_c
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\nto:", b"\r\n to:"),
        (b"\r\nto:", b"\r\nTo: <sip:b@c>\r\nt:"),
        (b"\r\nto:", b"\r\nto :"),
        (b"\r\nto:", b"\r\nno colon\r\nto:"),
        (b"\r\nto:", b"\r\n: x\r\nto:"),
        (b"\r\nto:", b"\r\nX: 1\rY: 2\r\nto:"),
        (b"\r\nto:", b"\r\nX: 1\nY: 2\r\nto:"),
        (b"\r\nto:", b"\r\nProxy-Authorization: Digest x\r\nto:"),
        (b"\r\nto:", b"\r\nX: 1" * 130 + b"\r\nto:"),
        (b"\r\nto:", b"\r\nX: %b\r\nto:" % (b"x" * 16_384)),
        (b"\r\nto:", b"\r\nExpires: 1\r\nExpires: 2\r\nto:"),
        (b"\r\nto:", b"\r\nRoute: <sip:a>\r\nMax-Forwards: 256\r\nto:"),
        (b"cseq: 1 ", b"cseq: 2147483648 "),
        (b"cseq: 1 ", b"cseq: x "),
        (b"SUBSCRIBE sip", b"PUBLISH sip"),
        (b" SIP/2.0\r\n", b" SIP/3.0\r\n"),
        (b";branch=z9hG4bK1", b";branch=old"),
        (b";branch=z9hG4bK1", b";branch=z9hG4bK"),
        (b";branch=z9hG4bK1", b";branch=z9hG4bK1;received=1.2.3.4"),
        (b";branch=z9hG4bK1", b";branch=z9hG4bK1;ttl=1"),
        (b";tag=phone", b";Tag=phone"),
        (b";tag=phone", b';x="\\";tag=y";tag=phone'),
        (b"SUBSCRIBE sip:", b"SUBSCRIBE tel:"),
        (b"SUBSCRIBE sip:alice@", b"SUBSCRIBE sip:alice:secret@"),
        (b"example.com SIP", b"example.com?x=y SIP"),
        (b"example.com SIP", b"example.com:0 SIP"),
        (b"example.com SIP", b"example.com:65536 SIP"),
        (b"example.com SIP", b"example.com; SIP"),
    ],
)
def test_what_is_unusual_or_wrong_is_left_to_python(old: bytes, new: bytes) -> None:
    """It says what is wrong, or knows what is meant."""
    written = message(user_agent=b"x")
    assert is_taken(written)
    assert old in written
    assert not is_taken(written.replace(old, new, 1))


@needs_c
def test_torture_is_read_as_python_reads_it() -> None:
    """RFC 4475 and RFC 5118, and what fuzzing found."""
    messages = list(torture())
    assert len(messages) > 20
    assert 0 < sum(map(is_taken, messages)) < len(messages)


@needs_c
@pytest.mark.parametrize("phone", ["Yealink", "Snom", "through a proxy"])
def test_every_beginning_of_a_message_is_read_as_python_reads_it(phone: str) -> None:
    """Nothing is read behind the end of a datagram that was cut off."""
    whole = USUAL[phone]
    taken = [size for size in range(len(whole)) if is_taken(whole[:size])]
    assert taken == []


@needs_c
@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (b"<sip:alice@192.0.2.7:5062>", (True, False, True)),
        (b'"Alice" <sips:alice@[::1]:5061;transport=tls>;tag=x', (True, False, True)),
        (b"sip:alice@example.com;transport=tcp", (False, True, True)),
        (b"sip:alice@example.com;tag=x", (True, True, True)),
        (b"Example.COM@alice", (False, False, True)),
        (b"a@b%41", (False, False, False)),
        (b"a@\xc3\xa9", (False, False, False)),
        (b"sip:alice@example.com?x=y", (False, False, True)),
        (b"<sip:a@b>, <sip:c@d>", (False, False, True)),
        (b"", (False, False, True)),
    ],
)
def test_usual_values_are_taken(text: bytes, taken: tuple[bool, bool, bool]) -> None:
    """Each as address, as URI, and as `host@user` of an address of record."""
    assert is_value_taken(text) == taken


def test_only_bytes_are_taken() -> None:
    """Everything else is for Python, which says what is wrong."""
    assert wire.split_request(bytearray(message())) is None  # type: ignore[arg-type]
    assert wire.split_response(bytearray(answer(b"z9hG4bK1"))) is None  # type: ignore[arg-type]
