"""What JSON values become."""

import json

import pytest

from dfks_rules.mi.values import PAGE_BYTES, page, take_aor, take_integer, take_text
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import MAX_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "sip:Alice@Example.COM",
        "sips:Alice@example.com",
        "Alice@example.com",
        "sip:Alice@example.com:5080",
        "sip:Alice@example.com;user=phone",
        "Alice@example.com:5060",
    ],
)
def test_every_way_to_write_a_presentity_means_one(text: str) -> None:
    """Port and parameters are no part of an address of record; the user's case is."""
    assert take_aor(text) == Aor("Alice", "example.com")


@pytest.mark.parametrize(
    "text", ["", "alice", "sip:", "sip:example.com", "tel:+491", "sip:a@b c", "a@b@c", "a@b\r\n"]
)
def test_text_that_is_no_presentity_is_refused_with_a_reason(text: str) -> None:
    """The reason is told to the operator."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        take_aor(text)


def test_text_is_bounded_and_printable() -> None:
    """It may end in a SIP header or a log line."""
    assert take_text("x" * MAX_TEXT) == "x" * MAX_TEXT
    for text in ("x" * (MAX_TEXT + 1), "a\r\nb", "\ud800", "\x00"):
        with pytest.raises(ValueError, match=r"longer|printable"):
            take_text(text)


def test_numbers_may_be_text() -> None:
    """opensips-cli sends them so."""
    assert take_integer("12") == take_integer(12) == 12
    for text in ("1.0", "0x1", "", "\u0661"):
        with pytest.raises(ValueError, match="whole number"):
            take_integer(text)


def test_page_holds_what_fits_and_counts_the_rest() -> None:
    """A datagram client reads 32,768 bytes and no more."""
    rows = ["x" * 1000] * 100
    fitting, more = page(rows)
    assert len(fitting) + more == 100
    assert PAGE_BYTES - 1100 < len(json.dumps(fitting, separators=(",", ":"))) <= PAGE_BYTES + 1
    assert page([]) == ([], 0)


def test_a_row_that_is_too_large_is_the_page() -> None:
    """An explanation of 1,000 rules was told as `No such decision`, also by HTTP."""
    large = "x" * (PAGE_BYTES + 1)
    assert page([large, "y"]) == ([large], 1)
