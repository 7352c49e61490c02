"""All differences are found, each pair of rules once."""

import pytest

from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof import differing
from dfks_rules.policy.proof.differing import Case, Model, cases_of, settle
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import ANYWHERE, SET_DND, compiled

_OLD = "- {id: x, when: {op: set, feature: DoNotDisturb}, then: {notify: others}}"
_NEW = """
    - {id: a, when: {op: set, feature: DoNotDisturb, role: guest}, then: {deny: guests}}
    - {id: b, when: {op: set, feature: DoNotDisturb, rate.user: {gt: 9}}, then: {deny: storm}}
    - {id: x, when: {op: set, feature: DoNotDisturb}, then: {notify: others}}
"""


def _case(old: str, new: str) -> Case:
    before, after = (
        ReferencePolicySet(compiled(rules)).rules_for(SET_DND, None) for rules in (old, new)
    )
    return Case(SET_DND, ANYWHERE, before, after)


def test_each_pair_of_deciding_rules_is_shown_once() -> None:
    """The list is complete, and no longer than it must be."""
    shown: list[Model] = []
    settled = settle(_case(_OLD, _NEW), Horizon(), lambda model: not shown.append(model))  # type: ignore[func-returns-value]
    assert settled.pairs == len(shown) == 2
    assert not settled.is_timed


def test_equal_rules_have_nothing_to_show() -> None:
    """Whatever they are called."""
    settled = settle(_case(_OLD, _OLD.replace("id: x", "id: y")), Horizon(), lambda _model: False)
    assert settled.pairs == 0


def test_what_the_evaluator_does_not_confirm_is_not_decided() -> None:
    """It is a mistake of the formulas, and never told as a difference."""
    with pytest.raises(Undecided, match="does not confirm"):
        settle(_case(_OLD, _NEW), Horizon(), lambda _model: False)


def test_too_many_differences_are_not_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads them."""
    monkeypatch.setattr(differing, "MAX_UNLIKE", 1)
    with pytest.raises(Undecided, match="more than 1 pairs"):
        settle(_case(_OLD, _NEW), Horizon(), lambda _model: True)


def test_only_what_has_other_rules_is_settled() -> None:
    """One edit of one tenant is one question of one domain."""
    rules = """
        - {id: a, when: {op: set, domain: a.example, feature: DoNotDisturb}, then: {status: 0}}
        - {id: b, when: {op: set, domain: b.example, feature: DoNotDisturb}, then: {status: 0}}
    """
    old, new = (
        ReferencePolicySet(compiled(one))
        for one in (rules, rules.replace("b.example", "c.example"))
    )
    cells = [(case.question, case.cell.domain) for case in cases_of(old, new)]
    assert cells == [(SET_DND, "b.example"), (SET_DND, "c.example")]
