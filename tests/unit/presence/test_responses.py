"""Error codes → SIP statuses."""

import pytest

from dfks_rules.errors import DfksError, MalformedMessageError, StoreError
from dfks_rules.presence.responses import refusal, refusal_for, unavailable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedMessageError("sip_malformed_header", "malformed Contact"), 400),
        (MalformedMessageError("csta_unsupported_type", "text/plain"), 415),
        (MalformedMessageError("sip_insecure_flow", "sips needs a secure transport"), 480),
    ],
)
def test_error_is_told_by_its_status_and_message(error: DfksError, status: int) -> None:
    """A phone tries again after 503, and must not after 400."""
    refused = refusal_for(error)
    assert (refused.status, refused.reason) == (status, error.message.encode())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("store_unavailable", 503),
        ("store_fenced", 503),
        ("store_not_known", 503),
        ("store_conflict", 500),
    ],
)
def test_trouble_of_the_store_is_told_by_its_status_only(code: str, status: int) -> None:
    """Its message has the path of the database, which is nothing for strangers. The phone may come
    again.
    """
    refused = refusal_for(StoreError(code, "`/srv/dfks.db` cannot be found any more"))
    assert (refused.status, refused.reason) == (status, None)
    assert refused.headers == b"Retry-After: 10\r\n"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (489, b"Allow-Events"),
        (415, b"Accept"),
        (480, b"Warning"),
        (503, b"Retry-After"),
    ],
)
def test_refusal_says_what_would_be_right(status: int, name: bytes) -> None:
    """RFC 3261 §21.4, RFC 6665 §4.2.1.3: these headers are a MUST; given ones stay."""
    first, second = refusal(status, headers=b"X: 1\r\n").headers.splitlines()
    assert first == b"X: 1"
    assert second.startswith(name + b": ")


def test_whoever_may_come_again_is_told_when() -> None:
    """RFC 3261 §21.5.4: without the header it would be a plain failure."""
    refused = unavailable("Too many", 60, "limit_subscriptions")
    assert (refused.status, refused.reason) == (503, b"Too many")
    assert (refused.headers, refused.count) == (b"Retry-After: 60\r\n", "limit_subscriptions")


def test_refusal_without_a_reason_leaves_the_usual_one() -> None:
    """403 Forbidden, and no more."""
    refused = refusal(403)
    assert (refused.reason, refused.headers, str(refused)) == (None, b"", "403")


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("no\r\nX: 1", b"no  X: 1"),
        ("\x00\x7f", b"  "),
        ("Nicht möglich", "Nicht möglich".encode()),
        ("\ud800", b" "),
    ],
)
def test_reason_phrase_stays_on_its_line(text: str, phrase: bytes) -> None:
    """An author's or a peer's text must not become a header."""
    assert refusal(403, text).reason == phrase
