"""Whose state holds."""

from itertools import product

from dfks_rules.bridges.merging import Side, holds
from dfks_rules.bridges.states import OFF, CallState

A, B, C = (CallState(is_on=True, target=target) for target in "123")


def test_whoever_has_changed_it_is_followed() -> None:
    """The other still has what was agreed on."""
    for later in Side:
        assert holds(A, B, A, later) is Side.SERVER
        assert holds(A, A, B, later) is Side.SWITCH


def test_the_later_one_is_followed_if_both_have() -> None:
    """Also where nobody knows what was agreed on."""
    for later in Side:
        assert holds(A, B, C, later) is later
        assert holds(None, B, C, later) is later


def test_nothing_is_taken_over_where_both_agree() -> None:
    """So an echo ends where it comes back."""
    for agreed, both, later in product((None, OFF, A, B), (OFF, A), Side):
        assert holds(agreed, both, both, later) is None
