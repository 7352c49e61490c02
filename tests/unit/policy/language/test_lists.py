"""Lists with a name: an entry, or the start of a text."""

import pytest

from dfks_rules.policy.language.lists import NamedList

DEAR = NamedList("dear", frozenset({"+4990", "+1900", "+882"}))


@pytest.mark.parametrize(
    ("text", "starts"),
    [("+49901", True), ("+4990", True), ("+499", False), ("+88216", True), ("", False)],
)
def test_text_begins_with_an_entry_of_any_length(text: str, starts: bool) -> None:
    """Prefixes of numbers have as many digits as they need."""
    assert DEAR.starts(text) is starts


def test_only_entries_are_in_a_list() -> None:
    """A prefix of one is not."""
    assert "+4990" in DEAR
    assert "+49901" not in DEAR
    assert 4990 not in DEAR


def test_lists_of_one_name_and_content_are_the_same_operand() -> None:
    """Rules that test them share a flag in the engine."""
    again = NamedList("dear", frozenset(DEAR.entries))
    assert (again, hash(again)) == (DEAR, hash(DEAR))
