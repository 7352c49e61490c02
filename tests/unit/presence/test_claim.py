"""What is owed to phones whose dialogs are taken over."""

import pytest

from dfks_rules.presence import rows
from dfks_rules.presence.claim import UNSURE, Before, Claim
from tests.helpers.policy import ALICE
from tests.helpers.wanted import dialog_row

BEAT = 1_790_000_000.0


@pytest.mark.parametrize(
    ("is_clean", "written", "owed"),
    [
        (False, BEAT - UNSURE, True),
        (False, BEAT - UNSURE - 1.0, False),
        (True, BEAT, False),
    ],
)
def test_who_was_told_shortly_before_a_crash_is_owed(
    is_clean: bool, written: float, owed: bool
) -> None:
    """A NOTIFY that was on its way may not have arrived."""
    claim = Claim(Before(BEAT, is_clean), 0.0)
    row = dialog_row(1)._replace(flags=rows.with_time(0, written))
    assert claim.owes(row) is owed


def test_whoever_watches_what_has_changed_is_owed_after_a_planned_end_too() -> None:
    """Other nodes may have changed it."""
    claim = Claim(Before(BEAT, is_clean=True, changed=[ALICE]), 0.0)
    assert claim.owes(dialog_row(1)._replace(presentity=ALICE))
