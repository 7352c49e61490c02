"""The lease of a node: how far it may serve at each moment."""

from dfks_rules.app.cluster.lease import MARGIN, Lease
from dfks_rules.presence.standing import Standing

LENGTH, GRACE = 2.0, 120.0


def test_a_node_serves_while_its_lease_holds() -> None:
    """From the moment it asked, less a margin."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    assert lease.standing(100.0) is Standing.SERVING
    assert lease.standing(102.0 - MARGIN) is Standing.SERVING
    assert lease.standing(102.0) is Standing.BLIND


def test_a_renewal_counts_from_when_it_was_asked_for() -> None:
    """The answer may have taken long; an earlier one that comes late takes nothing away."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    lease.renewed(asked=101.0)
    lease.renewed(asked=100.5)
    assert lease.standing(103.0 - MARGIN) is Standing.SERVING
    assert lease.standing(103.0) is Standing.BLIND


def test_a_blind_node_answers_from_memory_for_its_grace_only() -> None:
    """Then others are asked."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    over = 102.0 - MARGIN
    assert lease.standing(over + GRACE) is Standing.BLIND
    assert lease.standing(over + GRACE + 0.1) is Standing.CUT_OFF
    assert Lease(LENGTH, 0.0, asked=100.0).standing(102.0) is Standing.CUT_OFF


def test_a_node_that_was_cut_off_serves_again_when_it_is_renewed() -> None:
    """Nobody has buried it meanwhile: the engine was away for all."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    assert lease.standing(300.0) is Standing.CUT_OFF
    lease.renewed(asked=300.0)
    assert lease.standing(300.1) is Standing.SERVING


def test_a_buried_node_serves_nobody_at_once() -> None:
    """Its dialogs are somebody else's."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    lease.buried()
    assert lease.is_buried
    assert lease.standing(100.5) is Standing.CUT_OFF


def test_no_late_answer_brings_a_life_back_that_was_given_up() -> None:
    """It was asked for before."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    lease.buried()
    lease.renewed(asked=100.5)
    assert lease.standing(100.6) is Standing.CUT_OFF
    assert not lease.may_bury(103.0)


def test_a_draining_node_says_so_while_its_lease_holds() -> None:
    """After that it is blind as any other."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    lease.drain()
    assert lease.standing(100.5) is Standing.DRAINING
    assert lease.standing(103.0) is Standing.BLIND


def test_only_who_has_held_its_lease_for_its_length_may_bury_others() -> None:
    """After an outage of the engine, everybody has had a turn to renew by then."""
    lease = Lease(LENGTH, GRACE, asked=100.0)
    assert not lease.may_bury(101.0)
    for moment in (100.5, 101.0, 101.5, 102.0):
        lease.renewed(asked=moment)
    assert lease.may_bury(102.0)
    lease.renewed(asked=110.0)
    assert not lease.may_bury(110.0)
    assert not lease.may_bury(200.0)
