"""What came of gets, and its outcomes."""

from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.gets import Gets, Got, count_of, outcomes_of, presentity_of
from dfks_rules.policy.facts.view import NOWHERE
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, PHONE, get


def decision(**changes: object) -> Decision:
    """On a feature that is shown as it is stored."""
    return Decision(ON, True, NotifyScope.ALL, None, (), {}, (), "1")._replace(**changes)


def test_the_outcomes_of_gets_are_made_when_somebody_asks() -> None:
    """Each with what is stored for its feature, and what is told of it."""
    hidden = decision(state=OFF, assigned=False)
    stored = NOTHING_STORED.replace(CFA, ON)
    got = Got(Gets(((DND, decision()), (CFA, hidden))), ALICE, PHONE, stored, NOON, NOWHERE)
    assert outcomes_of(got) == (
        Outcome(get(DND), decision(), OFF, OFF, ON, stored, NOON, NOWHERE),
        Outcome(get(CFA), hidden, ON, ON, None, stored, NOON, NOWHERE),
    )
    assert (count_of(got), presentity_of(got)) == (2, ALICE)
    assert outcomes_of(got.outcomes) is not got.outcomes
    assert (count_of(got.outcomes), presentity_of(got.outcomes)) == (2, ALICE)


def test_a_phone_is_told_of_what_is_assigned_unless_a_rule_says_not_to() -> None:
    """Only where each is left out by `notify` there is no NOTIFY."""
    silent = decision(notify=NotifyScope.NONE)
    gets = Gets(((DND, decision()), (CFA, silent)))
    assert (gets.told, gets.is_told, gets.positions) == (((DND, ON),), True, (0, 1))
    hidden = decision(assigned=False)
    assert (Gets(((DND, hidden),)).told, Gets(((DND, hidden),)).is_told) == ((), True)
    assert (Gets(((DND, silent),)).told, Gets(((DND, silent),)).is_told) == ((), False)


def test_a_denial_or_a_line_to_log_is_something_to_look_at() -> None:
    """Whoever counts and logs passes over all others."""
    assert Gets(((DND, decision()),)).is_plain
    assert not Gets(((DND, decision()), (CFA, decision(denial=Denial("no"))))).is_plain
    assert not Gets(((DND, decision(logs=("x",))),)).is_plain
