"""Whose state holds."""

from itertools import product

from dfks_rules.bridges.merging import Sent, Side, arrived, holds
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


def test_what_was_sent_and_changed_since_had_arrived() -> None:
    """So the change is one, on whichever side; A was agreed on, B was sent."""
    to_switch, to_server = Sent(Side.SERVER, B), Sent(Side.SWITCH, B)
    for agreed in (A, None):
        # It arrived, and the other side has changed it to C: that side is followed.
        assert holds(arrived(agreed, to_switch, B, C), B, C, Side.SERVER) is Side.SWITCH
        assert holds(arrived(agreed, to_server, C, B), C, B, Side.SWITCH) is Side.SERVER
        # It arrived, and its own side has changed it to C.
        assert holds(arrived(agreed, to_switch, C, B), C, B, Side.SWITCH) is Side.SERVER
        assert holds(arrived(agreed, to_server, B, C), B, C, Side.SERVER) is Side.SWITCH
    # It did not arrive.
    assert holds(arrived(A, to_switch, B, A), B, A, Side.SWITCH) is Side.SERVER
    assert holds(arrived(A, to_server, A, B), A, B, Side.SERVER) is Side.SWITCH
