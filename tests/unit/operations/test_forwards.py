"""Who forwards calls, and what to."""

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.identity import Aor
from dfks_rules.operations.forwards import forward_told, forwards_of
from dfks_rules.operations.ports import Stored
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding

ALICE = Aor("alice", "example.com")


def test_only_forwards_that_are_on_are_told() -> None:
    """A target is remembered while the feature is off."""
    operations = MemoryOperations()
    off = NOTHING_STORED.replace(DND, ON).replace(CFA, forwarding(False, "+4930123456"))
    assert list(forwards_of(operations, Stored(ALICE, off))) == []
    on = off.replace(CFA, forwarding(True, "0900 1 234567"))
    (forward,) = forwards_of(operations, Stored(ALICE, on))
    told = forward_told(forward)
    assert (told["forwardTo"], told["number"]) == ("0900 1 234567", "+499001234567")
    assert (told["class"], told["outside"], told["country"]) == ("premium", True, "DE")


def test_a_forward_to_a_colleague_stays_inside_and_one_without_target_is_told() -> None:
    """It is on, and goes nowhere."""
    operations = MemoryOperations()
    inside = NOTHING_STORED.replace(CFA, forwarding(True, "sip:bob@example.com"))
    (forward,) = forwards_of(operations, Stored(ALICE, inside))
    assert (forward.is_outside, forward_told(forward)["class"]) == (False, "internal")
    nowhere = NOTHING_STORED.replace(CFA, forwarding(True))
    (forward,) = forwards_of(operations, Stored(ALICE, nowhere))
    told = forward_told(forward)
    assert (told["forwardTo"], told["class"], told["outside"]) == (None, None, False)
