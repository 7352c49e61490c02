"""Words that several kinds of findings share."""

from dfks_rules.policy.wording import suggestion


def test_nearest_known_word_is_suggested_whatever_its_case() -> None:
    """A typing error is mended faster when the right word is there to copy."""
    assert suggestion("VISP", ["vips", "night"]) == " (did you mean `vips`?)"


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    """A far-fetched word would mislead."""
    assert suggestion("xyz", ["vips", "night"]) == ""
