"""A password on standard input."""

import io

import click
import pytest

from dfks_rules.cli.passwords import read_password


def _read(monkeypatch: pytest.MonkeyPatch, given: bytes) -> str:
    # As in the C locale, where Python would take bytes that are no text for text.
    stdin = io.TextIOWrapper(io.BytesIO(given), encoding="ascii", errors="surrogateescape")
    monkeypatch.setattr("sys.stdin", stdin)
    return read_password()


@pytest.mark.parametrize(
    ("given", "password"),
    [
        (b"secret\nmore\n", "secret"),
        (b"secret", "secret"),
        (b" a b \r\n", " a b "),
        ("pässwörd\n".encode(), "pässwörd"),
    ],
)
def test_the_first_line_is_the_password(
    monkeypatch: pytest.MonkeyPatch, given: bytes, password: str
) -> None:
    """Whatever the locale: the same password must give the same hash."""
    assert _read(monkeypatch, given) == password


@pytest.mark.parametrize(
    ("given", "message"),
    [(b"", "is empty"), (b"\r\nx\n", "is empty"), (b"p\xe4ss\n", "is not UTF-8 text")],
)
def test_what_is_no_password_is_told(
    monkeypatch: pytest.MonkeyPatch, given: bytes, message: str
) -> None:
    """Not a traceback, which might show it."""
    with pytest.raises(click.UsageError, match=f"the password {message}"):
        _read(monkeypatch, given)
