"""Which sets of a phone nobody meant. tests/property/test_echoes.py has phones that send such."""

import pytest

from dfks_rules.model.features import FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.display import ONLY_COPY, QUIET, Display
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.profile import Profile
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding

ECHOING = Profile("echoing", echoes_ignored=True)
REPEATING = Profile("repeating", refreshes_from=0.5)
OFF = FeatureState(False)
_ON: Documents = ((DND, ON),)
_OFF: Documents = ((DND, OFF),)


def _asked(display: Display, *asked: Asked, profile: Profile = ECHOING, now: float = 1.0) -> int:
    """How many of some sets count."""
    return len(display.meant(list(asked), profile, 600.0, now).asked)


def _told(documents: Documents, *, answered: float = 0.1) -> Display:
    """What a phone shows that was told something at 0 s."""
    display = Display()
    _asked(display, now=0.0)
    display.sent(documents, 0.0)
    display.confirmed(documents, answered)
    return display


SET_ON, SET_OFF = Asked(DND, ON), Asked(DND, OFF)


def test_what_a_phone_shows_is_not_asked_for_by_a_key() -> None:
    """A key changes it."""
    display = _told(_ON)
    assert _asked(display, SET_ON) == 0
    assert _asked(display, SET_ON) == 0
    assert _asked(display, SET_OFF) == 1


def test_after_a_key_every_set_counts_until_the_phone_was_told() -> None:
    """It shows what its key did, or what it was told before: nobody knows."""
    display = _told(_ON)
    assert _asked(display, SET_OFF) == 1
    assert _asked(display, SET_ON) == 1
    display.sent(_ON, 2.0)
    display.confirmed(_ON, 2.1)
    assert _asked(display, SET_ON) == 0


def test_while_a_notify_is_under_way_every_set_counts() -> None:
    """The phone may have taken it or not, so that either set may be from a key."""
    display = _told(_ON)
    display.sent(_OFF, 1.0)
    assert _asked(display, SET_ON) == 1
    display = _told(_ON)
    display.sent(_OFF, 1.0)
    assert _asked(display, SET_OFF) == 1


def test_the_answer_to_a_second_copy_proves_nothing() -> None:
    """The first answer was lost, and a key may have been pressed before the second."""
    assert _asked(_told(_ON, answered=ONLY_COPY), SET_ON) == 1


def test_features_are_known_one_by_one() -> None:
    """A body may hold an echo and a key."""
    display = _told(_ON)
    forward = Asked(CFA, forwarding(True, "2424"))
    meant = display.meant([SET_ON, forward], ECHOING, 600.0, 1.0)
    assert (meant.asked, meant.echoes) == ([forward], 1)


@pytest.mark.parametrize(
    ("asked", "is_echo"),
    [
        (forwarding(True, "2424"), True),
        (forwarding(True), True),
        (forwarding(True, "2425"), False),
        (forwarding(True, "2424", 3), False),
        (forwarding(False, "2424"), False),
    ],
)
def test_an_echo_may_leave_out_values_but_not_change_them(
    asked: FeatureState, is_echo: bool
) -> None:
    """A phone that shows no number sends none back."""
    display = _told(((CFA, forwarding(True, "2424")),))
    assert (_asked(display, Asked(CFA, asked)) == 0) is is_echo


def test_a_phone_is_told_nothing_new_for_a_while() -> None:
    """From when a NOTIFY is sent until it was answered and its echo could have come."""
    display = Display()
    _asked(display, now=0.0)
    assert display.quiet_until == 0.0
    display.sent(_ON, 10.0)
    assert display.quiet_until == 10.0 + QUIET
    display.confirmed(_ON, 11.0)
    assert display.quiet_until == 11.0 + QUIET
    display.sent((), 12.0)
    display.confirmed((), 12.5)
    assert display.quiet_until == 11.0 + QUIET
    display.failed()
    assert display.quiet_until == 0.0


def test_a_phone_that_does_not_echo_is_told_at_once() -> None:
    """A profile may say that it repeats, and nothing of echoes."""
    display = Display()
    assert _asked(display, SET_ON, profile=REPEATING) == 1
    display.sent(_ON, 10.0)
    display.confirmed(_ON, 10.1)
    assert display.quiet_until == 0.0
    assert _asked(display, SET_ON, SET_OFF, profile=REPEATING, now=11.0) == 2


@pytest.mark.parametrize(("now", "is_repeat"), [(310.0, True), (290.0, False)])
def test_the_same_sets_late_in_a_subscription_refresh_it(now: float, is_repeat: bool) -> None:
    """A SIP stack does that; sooner it is a key that sets again what others have undone."""
    display = Display()
    assert _asked(display, SET_ON, profile=REPEATING, now=0.0) == 1
    meant = display.meant([SET_ON], REPEATING, 600.0, now)
    assert (meant.asked, meant.repeats) == (([], 1) if is_repeat else ([SET_ON], 0))


def test_only_the_last_sets_are_repeated() -> None:
    """After a SUBSCRIBE without a body there are none; a key that is pressed once more counts."""
    display = Display()
    assert _asked(display, SET_ON, profile=REPEATING, now=0.0) == 1
    assert _asked(display, SET_OFF, profile=REPEATING, now=400.0) == 1
    assert _asked(display, profile=REPEATING, now=500.0) == 0
    assert _asked(display, SET_OFF, profile=REPEATING, now=590.0) == 1


def test_the_key_that_is_pressed_again_counts() -> None:
    """Who was taken for a repeat is told the truth, presses once more, and is heard."""
    display = Display()
    assert _asked(display, SET_ON, profile=REPEATING, now=0.0) == 1
    assert _asked(display, SET_ON, profile=REPEATING, now=400.0) == 0
    assert _asked(display, SET_ON, profile=REPEATING, now=402.0) == 1
