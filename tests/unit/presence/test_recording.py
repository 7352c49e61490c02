"""From subscriptions to rows."""

from dfks_rules.presence import rows
from dfks_rules.presence.conditional import ANY
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.recording import Recording, flags_of
from tests.helpers.subscription import active


def test_flags_say_what_is_to_be_known_of_a_subscription() -> None:
    """In bits, each for itself."""
    one = active(b"1")
    assert flags_of(one, one.requester, b"") == 0
    assert flags_of(one, one.requester, ANY) == rows.WANTS_NONE
    one.is_owed = one.is_refused = one.is_counted = True
    assert flags_of(one, one.requester, b"") == rows.OWED | rows.REFUSED | rows.COUNTED
    one.moved()
    assert flags_of(one, one.requester, b"") & rows.UNPROVED
    one.proved(Proof.ANSWERS, 0.0)
    assert flags_of(one, one.requester, b"") & rows.ANSWERS


def test_a_row_is_in_seconds_since_1970_and_of_the_term() -> None:
    """So that a later life can read it."""
    one = active(b"1")
    one.row = 7
    row = Recording(3, 1_000.0).as_it_is(one, b"said", 5.0)
    assert (row.row, row.deadline, row.cseq) == (7, 1_000.0 + one.deadline, one.cseq)
    assert (row.base, row.first, row.last) == (-3, None, b"said")
    assert rows.written_at(row.flags) == 1_005.0


def test_a_row_to_know_a_repeat_by_is_no_dialog() -> None:
    """It only says which SUBSCRIBE, and for how long."""
    row = Recording(3, 1_000.0).one_shot_of(9, active(b"1"), 4, 37.0, 5.0)
    assert (row.row, row.cseq, row.deadline, row.first) == (9, 4, 1_037.0, b"")
    assert row.flags & rows.ONE_SHOT
