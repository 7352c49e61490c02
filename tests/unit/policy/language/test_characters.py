"""Sets of characters, exactly as Python's `re` has them."""

import re
from re import _parser  # type: ignore[attr-defined]

import pytest

from dfks_rules.policy.language.characters import (
    EVERY,
    characters_of,
    complement,
    has,
    intersection,
    one,
    union,
)

_TRIED = [*map(chr, range(0x250)), "\N{KELVIN SIGN}", "\N{LATIN SMALL LETTER LONG S}", "\U0010ffff"]


@pytest.mark.parametrize("prefix", ["", "(?i)"])
@pytest.mark.parametrize(
    "text",
    [
        *("a", "Z", "é", ".", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", "[a-f]", "[^a-f]", "[x-é]"),
        *("[^é]", "[é-ü]", "[^é-ü]", r"[\d@]", r"[^\d@]", r"[^\W_]", "[Z-b]", "k", "s", "[^k]"),
    ],
)
def test_a_part_matches_what_re_matches(prefix: str, text: str) -> None:
    """Also beyond ASCII, and where `(?i)` could mean more than A to Z."""
    flags = re.ASCII | (re.IGNORECASE if prefix else re.NOFLAG)
    ((code, argument),) = _parser.parse(text)
    characters = characters_of(str(code), argument, ignore_case=bool(prefix))
    pattern = re.compile(text, flags)
    assert [c for c in _TRIED if has(characters, c)] == list(filter(pattern.fullmatch, _TRIED))


def test_sets_are_ranges_in_order() -> None:
    """Equal sets are equal values, and so can be shared."""
    assert union([(5, 7), (1, 2), (3, 4), (6, 9)]) == ((1, 9),)
    assert union([(5, 7), (1, 2)]) == ((1, 2), (5, 7))
    assert complement(EVERY) == ()
    assert complement(()) == EVERY
    assert complement(((0, 3), (8, 8))) == ((4, 7), (9, 0x10FFFF))
    assert intersection(((1, 5), (9, 12)), ((4, 10),)) == ((4, 5), (9, 10))
    assert one("a") == ((97, 97),)


def test_what_no_class_has_is_refused() -> None:
    """A construct of a later Python is not guessed at."""
    with pytest.raises(ValueError, match="class with UNHEARD_OF"):
        characters_of("IN", [("UNHEARD_OF", None)], ignore_case=False)
