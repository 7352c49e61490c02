"""The syntax tree."""

from dfks_rules.policy.document import Band, Effects


def test_bands_sort_from_mandatory_to_default() -> None:
    """The order of the enumeration is the order of precedence."""
    assert sorted(Band) == [Band.MANDATORY, Band.NORMAL, Band.DEFAULT]


def test_effects_say_nothing_unless_told() -> None:
    """A rule sets only the fields that it names."""
    assert set(Effects()) == {None, False}
