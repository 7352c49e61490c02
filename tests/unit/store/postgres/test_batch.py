"""Steps as arrays; what the engine makes of them is in test_engine.py."""

from dfks_rules.model.decisions import NotifyScope
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.service.ports import Change, Verdict
from dfks_rules.store.postgres.batch import Batch
from dfks_rules.store.postgres.ports import Outcome, Step
from tests.helpers.engines import sets
from tests.helpers.stored import ALICE, BOB, CFA, DND, ON
from tests.helpers.wanted import change, dialog_row

FIRST = NOTHING_STORED.replace(DND, ON)


def test_each_presentity_and_subscription_comes_once_and_in_order() -> None:
    """Whoever locks them in the same order waits for nobody who waits for him."""
    steps = [
        Step((change(BOB, NOTHING_STORED, FIRST),), ((ALICE, 4),), dialog_row(9)),
        sets(ALICE, NOTHING_STORED, FIRST)._replace(rows=(dialog_row(9, 2),), gone=(3,)),
    ]
    domains, users, numbers, tags, _, _, gone, *rest = Batch(steps, "abc").arguments()
    assert [*zip(domains, users, strict=True)] == [(one.domain, one.user) for one in (ALICE, BOB)]
    assert (numbers, tags, gone) == ([3, 9], [None, b"tag9"], [True, False])
    entry_steps, entry_dialogs, visits, _, cseqs, *_ = rest
    assert (entry_steps, entry_dialogs, visits, cseqs) == (
        [1, 2],
        [2, 2],
        [True, False],
        [1, 2],
    )


def test_watchers_are_told_where_the_rules_let_them() -> None:
    """Each row of the feed says so for itself."""
    both = FIRST.replace(CFA, ON)._replace(revision=1)
    made = change(ALICE, NOTHING_STORED, both)
    quiet, loud = made.outcomes
    quiet = quiet._replace(decision=quiet.decision._replace(notify=NotifyScope.REQUESTER))
    told = Change(ALICE, NOTHING_STORED, both, (quiet, loud), 1)
    *_, tells = Batch([Step((told,))], "abc").arguments()
    assert tells == [False, True]


def test_what_the_function_says_is_told_of_each_step() -> None:
    """Rows are lost for the step that wrote them."""
    steps = [Step(rows=(dialog_row(1),)), Step(rows=(dialog_row(2),)), Step()]
    answer = {"verdicts": [0, 0, 2], "newest": [5, 0, 0], "lost": [2]}
    assert Batch(steps, "abc").outcomes(answer) == [
        Outcome(Verdict.STORED, 5),
        Outcome(Verdict.STORED, 0, (2,)),
        Outcome(Verdict.CONFLICT),
    ]
    fenced = {"verdicts": None, "newest": None, "lost": None}
    assert Batch(steps, "abc").outcomes(fenced) == [Outcome(Verdict.FENCED)] * 3
