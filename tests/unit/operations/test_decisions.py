"""Which decisions are looked for."""

from datetime import timedelta

import pytest

from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.operations.decisions import Sought
from dfks_rules.policy.facts.view import NOWHERE
from tests.helpers.policy import ALICE, BOB, DND, NOON, set_

REFUSED = Outcome(
    set_(DND),
    Decision(
        OFF,
        True,
        NotifyScope.ALL,
        Denial("late"),
        ("night/no-dnd",),
        {"deny": "night/no-dnd"},
        (),
        "1",
    ),
    *(OFF, OFF, OFF, NOTHING_STORED, NOON, NOWHERE),
)


@pytest.mark.parametrize(
    ("sought", "fits"),
    [
        (Sought(), True),
        (Sought(ALICE), True),
        (Sought(BOB), False),
        (Sought(domains=frozenset([ALICE.domain])), True),
        (Sought(domains=frozenset(["other.example"])), False),
        (Sought(is_denied=True), True),
        (Sought(is_denied=False), False),
        (Sought(rule="night/no-dnd"), True),
        (Sought(rule="night"), True),
        (Sought(rule="night/no"), False),
        (Sought(rule="no-dnd"), False),
        (Sought(operation=Operation.SET), True),
        (Sought(operation=Operation.GET), False),
        (Sought(origin=Origin.WATCHER), True),
        (Sought(origin=Origin.OPERATOR), False),
        (Sought(since=NOON), True),
        (Sought(since=NOON + timedelta(seconds=1)), False),
    ],
)
def test_a_decision_fits_what_is_said_of_it(sought: Sought, fits: bool) -> None:
    """What is not said does not count."""
    assert all(test(REFUSED) for test in sought.tests()) is fits
