"""What a message is, without parsing it."""

import pytest

from dfks_rules.sip.glance import is_expected, wants_answer
from tests.helpers.playbook import message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"SIP/2.0 200 OK\r\n\r\n", True),
        (message(to=b"<sip:a@b>;tag=1"), True),
        (message(to=b"<sip:a@b>;x=y ; TAG = 1"), True),
        (b"BYE sip:a SIP/2.0\r\nt : <sip:a@b>;tag=1\r\n\r\n", True),
        (message(), False),
        (message(to=b"<sip:a@b>", subject=b"To: ;tag=1"), False),
        (b"x" * 20_000 + b"\r\nTo: <sip:a@b>;tag=1\r\n", False),
        (b"", False),
    ],
)
def test_what_belongs_to_something_that_was_begun_is_seen(data: bytes, expected: bool) -> None:
    """A response, or a request with a To tag; of From every request has one."""
    assert is_expected(data) is expected


@pytest.mark.parametrize(
    ("data", "wants"),
    [
        (message(), True),
        (message(b"ACK"), False),
        (b"SIP/2.0 200 OK\r\n\r\n", False),
        (b"\r\n\r\n", False),
        (b"\x00\x01\x00\x00", False),
    ],
)
def test_only_requests_want_an_answer(data: bytes, wants: bool) -> None:
    """What is no request is dropped without a further look."""
    assert wants_answer(data) is wants
