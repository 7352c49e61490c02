"""Which of the requests of a transaction hold; what all stores share is in tests/contract."""

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Verdict, Wanted
from dfks_rules.store.journal import When
from dfks_rules.store.plan import STORED, Held, Plan, Rows, when_changed
from tests.helpers.wanted import change, dialog_row, wanted

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], FeatureState(status=True))


def _plan(held: Held | None = None, newest: int = 0) -> Plan:
    return Plan(Held({}, {}, {}) if held is None else held, newest, "abc", When(1.0, 2.0))


def test_a_plan_links_each_change_to_the_one_before_of_its_presentity() -> None:
    """That chain is the history of a presentity."""
    plan = _plan(Held({ALICE: (1, 40)}, {}, {}), newest=50)
    for one in (wanted(ALICE, FIRST, SECOND), wanted(BOB, NOTHING_STORED, FIRST)):
        assert plan.take(one) == STORED
    assert [(row[0], row[1], *row[-2:]) for row in plan.changes] == [
        (51, 1.0, 40, 2.0),
        (52, 1.0, 0, 2.0),
    ]
    assert plan.presentities == {ALICE: (2, 51), BOB: (1, 52)}
    assert plan.newest == 52


def test_a_request_that_does_not_hold_leaves_nothing_in_the_plan() -> None:
    """Not even where its first change would hold."""
    plan = _plan(Held({BOB: (7, 0)}, {}, {}))
    group = (change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST))
    verdict, _ = plan.take(Wanted(group, (), dialog_row(7)))
    assert verdict is Verdict.CONFLICT
    assert (plan.presentities, plan.states, plan.changes, plan.subscriptions) == ({}, [], [], {})


def test_a_repeat_is_told_before_a_conflict() -> None:
    """Its changes were decided on what it has stored itself, or on anything since."""
    plan = _plan(Held({ALICE: (9, 0)}, {7: 3}, {}))
    repeated = Wanted((change(ALICE, NOTHING_STORED, FIRST),), (), dialog_row(7, cseq=3))
    assert plan.take(repeated)[0] is Verdict.REPEATED


def test_rows_written_twice_keep_the_messages_that_the_later_leaves_out() -> None:
    """They become one row."""
    plan = _plan()
    plan.take_rows(Rows((dialog_row(7)._replace(last=b"last"),), ()))
    plan.take_rows(Rows((dialog_row(7, cseq=2, first=None),), (9,)))
    assert plan.subscriptions == {7: dialog_row(7, cseq=2)._replace(last=b"last")}
    assert plan.gone == [9]


def test_when_a_state_was_changed_is_written_for_people() -> None:
    """UTC, ISO 8601, with three digits whatever they are: texts are compared."""
    assert when_changed(0.0) == "1970-01-01T00:00:00.000Z"
    assert when_changed(1_800_000_000.0625) == "2027-01-15T08:00:00.062Z"
    plan = _plan()
    plan.take(wanted(ALICE, NOTHING_STORED, FIRST))
    assert [row[-1] for row in plan.states] == ["1970-01-01T00:00:01.000Z"]
