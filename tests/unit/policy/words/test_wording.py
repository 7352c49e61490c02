"""Words that several kinds of findings share."""

import pytest

from dfks_rules.policy.words.wording import did_you_mean, quoted


def test_nearest_known_word_is_suggested_whatever_its_case() -> None:
    """A typing error is mended faster when the right word is there to copy."""
    assert did_you_mean("VISP", ["vips", "night"]) == " (did you mean `vips`?)"


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    """A far-fetched word would mislead."""
    assert did_you_mean("xyz", ["vips", "night"]) == ""


def test_messages_quote_at_most_one_short_line() -> None:
    """A finding is one line in a log, whatever the author wrote."""
    assert (
        quoted("a\nb\x00\u202e")
        == "`a\N{REPLACEMENT CHARACTER}b" + "\N{REPLACEMENT CHARACTER}" * 2 + "`"
    )
    assert quoted("x" * 100) == "`" + "x" * 60 + "…`"
    assert quoted(True) == "`true`"
    assert quoted({"a": [1]}) == '`{"a": [1]}`'


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("DND", "DoNotDisturb"),
        ("dnd", "DoNotDisturb"),
        ("CFNA", "CallForwardingNoAnswer"),
        ("donotdisturb", "DoNotDisturb"),
        ("CallForwardAlways", "CallForwardingAlways"),
    ],
)
def test_suggestions_know_what_engineers_say(word: str, meant: str) -> None:
    """Capitals, small letters and near misses."""
    known = ["DoNotDisturb", "CallForwardingAlways", "CallForwardingNoAnswer"]
    assert did_you_mean(word, known) == f" (did you mean `{meant}`?)"


def test_nothing_is_meant_when_nothing_is_near() -> None:
    """A wrong suggestion is worse than none."""
    assert did_you_mean("zebra", ["DoNotDisturb"]) == ""
    assert did_you_mean("", ["op", "DoNotDisturb"]) == ""
