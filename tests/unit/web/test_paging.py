"""Cursors are opaque, and nobody can make one up that crashes the server."""

import pytest

from dfks_rules.web.paging import LIMIT, MAX_LIMIT, after_parameter, cursor, key_of, page


def test_a_cursor_gives_back_what_it_was_made_of() -> None:
    """Whatever a user is called."""
    for key in (("a", "b"), ("ä /?&=%", ""), ("x" * 300, "é" * 300)):
        text = cursor(*key)
        assert text.isascii()
        assert not set(text) & set("+/=&% ")
        assert tuple(key_of(text, str, str)) == key


@pytest.mark.parametrize(
    "text", ["", "x", "!!!!", cursor("a"), cursor(1, 2), cursor("a", 1), "bnVsbA", "ä", "\0"]
)
def test_what_is_no_cursor_of_the_list_is_refused(text: str) -> None:
    """Also one of another list."""
    with pytest.raises(ValueError, match="not a cursor"):
        key_of(text, str, str)


def test_a_number_is_not_a_truth() -> None:
    """`true` is an integer to Python."""
    with pytest.raises(ValueError, match="not a cursor"):
        key_of("W3RydWVd", int)
    assert after_parameter(int).take(cursor(7)) == [7]


@pytest.mark.parametrize("text", ["0", str(MAX_LIMIT + 1), "-1", "1.0", "", "٣", "1" * 5_000])
def test_a_limit_is_a_number_within_bounds(text: str) -> None:
    """Decimal digits of ASCII."""
    with pytest.raises(ValueError, match="is not 1 to"):
        LIMIT.take(text)
    assert LIMIT.take("500") == MAX_LIMIT


def test_the_last_page_has_no_next() -> None:
    """So that a client knows its end."""
    assert page([1], None) == {"items": [1]}
    assert page([1], "x") == {"items": [1], "next": "x"}
