"""What may stand in a file of users."""

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.reading.directory_values import (
    Names,
    Wrong,
    take_attribute,
    take_cell,
    take_group,
    take_number,
)


def test_users_without_a_domain_have_that_of_the_file() -> None:
    """A tenant's file can name no other."""
    names = Names("acme.example", "acme.example")
    assert names.aor("alice", None) == Aor("alice", "acme.example")
    with pytest.raises(Wrong, match="not this tenant's domain"):
        names.aor("alice", "other.example")
    with pytest.raises(Wrong, match="has no domain"):
        Names(None, None).aor("alice", None)


@pytest.mark.parametrize(
    ("take", "good", "bad"),
    [
        (take_group, "sales", "the sales"),
        (take_number, "+4930123456", "030/1"),
        (take_attribute, "zone", "user"),
        (take_cell, "Europe/Berlin", "\x07"),
    ],
)
def test_values_are_taken_or_refused(take: object, good: str, bad: str) -> None:
    """With what is wrong, for whoever wrote the file."""
    assert callable(take)
    assert take(good) in (good, None)
    with pytest.raises(Wrong):
        take(bad)
