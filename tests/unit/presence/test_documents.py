"""What a NOTIFY says."""

import pytest

from dfks_rules.model.decisions import Decision, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF, Feature, FeatureState
from dfks_rules.model.requests import FeatureRequest
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.presence.documents import (
    Documents,
    changes_between,
    changes_to_tell,
    documents_of_get,
    documents_of_set,
    merge,
    parted,
    rejection_among,
    states_of,
)
from tests.helpers.playbook import DND_ON, Playbook, default_policies, message
from tests.helpers.policy import CFA, DND, NOON, ON, get, policies, set_
from tests.helpers.states import forwarding


def _outcome(
    request: FeatureRequest,
    before: FeatureState,
    after: FeatureState,
    told: FeatureState | None,
    notify: NotifyScope = NotifyScope.ALL,
) -> Outcome:
    decision = Decision(after, told is not None, notify, None, (), {}, (), "5e1f")
    return Outcome(request, decision, before, after, told, NOTHING_STORED, NOON, NOWHERE)


def _got(
    feature: Feature, state: FeatureState | None, notify: NotifyScope = NotifyScope.ALL
) -> Outcome:
    return _outcome(get(feature), state or OFF, state or OFF, state, notify)


def _was_set(
    feature: Feature = DND,
    before: FeatureState = OFF,
    after: FeatureState = ON,
    notify: NotifyScope = NotifyScope.ALL,
) -> Outcome:
    return _outcome(set_(feature), before, after, after, notify)


_NONE, _OTHERS, _REQUESTER = NotifyScope.NONE, NotifyScope.OTHERS, NotifyScope.REQUESTER


@pytest.mark.parametrize(
    ("outcomes", "documents"),
    [
        ((_got(DND, ON), _got(CFA, OFF)), ((DND, ON), (CFA, OFF))),
        ((_got(DND, ON, _NONE), _got(CFA, OFF)), ((CFA, OFF),)),
        ((_got(DND, ON, _OTHERS), _got(CFA, OFF, _REQUESTER)), ((CFA, OFF),)),
        ((_got(DND, None), _got(CFA, None)), ()),
        ((_got(DND, ON, _NONE), _got(CFA, OFF, _OTHERS)), None),
    ],
)
def test_get_tells_the_features_that_are_assigned_and_wanted(
    outcomes: tuple[Outcome, ...], documents: Documents | None
) -> None:
    """Nothing assigned is an empty NOTIFY; nothing wanted is none at all."""
    assert documents_of_get(outcomes) == documents


_SHOWN = forwarding(True, "sip:shown@example.com")


@pytest.mark.parametrize(
    ("was_set", "documents"),
    [
        # The set has the last word over how a policy shows the state on a get.
        (_was_set(DND, OFF, ON)._replace(told=_SHOWN), ((DND, _SHOWN), (CFA, OFF))),
        # Another set overtook it: what was asked for is no longer what holds.
        (_was_set(DND, ON, OFF), ((DND, ON), (CFA, OFF))),
        # The policy leaves it out on the set, not on the get.
        (_was_set(DND, OFF, ON, _NONE), ((DND, ON), (CFA, OFF))),
    ],
    ids=["current", "overtaken", "not-told"],
)
def test_get_after_a_set_tells_what_was_set_unless_it_was_overtaken(
    was_set: Outcome, documents: Documents
) -> None:
    """A phone that lost its dialog presses a key: the key must show what came of it."""
    assert documents_of_get((_got(DND, ON), _got(CFA, OFF)), (was_set,)) == documents


def test_set_tells_the_last_state_of_each_feature_that_was_set() -> None:
    """A body may hold two sets of one feature."""
    outcomes = (_was_set(), _was_set(CFA), _was_set(DND, ON, OFF))
    assert documents_of_set(outcomes) == ((DND, OFF), (CFA, ON))


def test_set_that_no_policy_wants_told_makes_no_notify() -> None:
    """`notify: others` on a set."""
    assert documents_of_set((_was_set(notify=_OTHERS),)) is None


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        (_was_set(), ((DND, ON),)),
        (_was_set(notify=_OTHERS), ((DND, ON),)),
        (_was_set(notify=_REQUESTER), ()),
        (_was_set(before=ON), ()),
        (_was_set()._replace(told=None), ()),
    ],
    ids=["changed", "others", "requester-only", "unchanged", "unassigned"],
)
def test_the_set_says_whether_others_are_told(outcome: Outcome, changes: Documents) -> None:
    """No NOTIFY storm, and nothing of a feature that the set leaves unassigned."""
    assert changes_to_tell((outcome,)) == changes


@pytest.mark.parametrize(
    ("older", "newer", "merged"),
    [
        ((), (), ()),
        (((DND, ON),), (), ((DND, ON),)),
        ((), ((DND, ON),), ((DND, ON),)),
        (((DND, ON), (CFA, ON)), ((DND, OFF),), ((DND, OFF), (CFA, ON))),
    ],
)
def test_newer_states_win_and_no_feature_is_lost(
    older: Documents, newer: Documents, merged: Documents
) -> None:
    """What was not confirmed is told again, as it is now."""
    assert merge(older, newer) == merged


def test_states_after_sets_include_those_that_nobody_is_told() -> None:
    """What waits to be told must not say what was before."""
    outcomes = (_was_set(DND, OFF, ON, _NONE), _was_set(DND, ON, OFF), _was_set(CFA))
    assert states_of(outcomes) == {DND: OFF, CFA: ON}


def _outcomes_of(book: Playbook, body: bytes) -> tuple[Outcome, ...]:
    book.receive(message(body=body))
    return tuple(book.log.outcomes)


def test_outcomes_of_sets_come_before_those_of_gets() -> None:
    """A SUBSCRIBE that makes a dialog may have both."""
    outcomes = _outcomes_of(Playbook(default_policies()), DND_ON)
    sets, gets = parted(outcomes)
    assert sets + gets == outcomes
    assert [one.request.operation.value for one in sets] == ["set"]
    assert {one.request.operation.value for one in gets} == {"get"}
    assert parted(sets) == (sets, ())


def test_only_a_denial_that_says_so_rejects_the_request() -> None:
    """A set that is denied quietly is answered with 200 and the old state."""
    for answer, expected in (("reject-403", True), ("stored", False)):
        rules = policies(
            f"- {{id: no, when: {{op: set}}, then: {{deny: {{reason: no, answer: {answer}}}}}}}"
        )
        sets, _ = parted(_outcomes_of(Playbook(rules), DND_ON))
        assert (rejection_among(sets) is not None) is expected


def test_between_two_snapshots_only_what_differs_is_told() -> None:
    """Whatever was changed in between."""
    after = NOTHING_STORED.replace(DND, ON)
    assert changes_between(NOTHING_STORED, after) == ((DND, ON),)
    assert changes_between(after, after.replace(DND, ON)) == ()
