"""What facts are read from."""

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.policy.facts.view import View
from tests.helpers.policy import CFA, NOON, get, set_, subscribe
from tests.helpers.states import forwarding

STORED = NOTHING_STORED.replace(CFA, forwarding(True, "bob"))


def test_the_target_is_what_is_asked_for_else_what_is_stored() -> None:
    """A set that only switches on forwards to the target that was set before."""
    asked = View(set_(CFA, forwarding(True, "carol")), STORED, NOON).target
    stored = View(set_(CFA), STORED, NOON).target
    assert asked is not None
    assert stored is not None
    assert (asked.user, stored.user) == ("carol", "bob")


def test_there_is_no_target_where_nothing_is_forwarded() -> None:
    """Neither for do-not-disturb nor for permission to subscribe."""
    for request in (get(), subscribe()):
        assert View(request, STORED, NOON).target is None


def test_a_view_can_be_looked_up() -> None:
    """Witnesses are tried once each."""
    assert len({View(get(), STORED, NOON), View(get(), STORED, NOON)}) == 1
