"""Sets that follow from sets."""

from collections.abc import Iterator

import pytest

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, FeatureRequest, Origin, Surroundings
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.service.cascade import Cascade
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, PHONE, source

BOB = Aor("bob", "example.com")
CAROL = Aor("carol", "example.com")
OFF = FeatureState()
MIRROR = """
    - id: mirror
      when: {op: set, feature: DoNotDisturb, user: alice}
      then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
    - id: mirror-back
      when: {op: set, feature: DoNotDisturb, user: bob}
      then: {also: [{feature: DoNotDisturb, user: alice, status: request}]}
"""


@pytest.fixture
def opened() -> Iterator[list[PolicySet]]:
    """Policy sets to close."""
    sets: list[PolicySet] = []
    yield sets
    for one in sets:
        one.close()


def ask(opened: list[PolicySet], rules: str, *asked: Asked) -> dict[Aor, list[Outcome]]:
    """What comes of Alice's sets, for each presentity."""
    policies = load([source(rules)])
    opened.append(policies)

    def around(_request: FeatureRequest) -> Surroundings:
        return NOWHERE

    def snapshot_of(_presentity: Aor) -> Snapshot:
        return NOTHING_STORED

    cascade = Cascade(policies, snapshot_of, around, NOON)
    for one in asked:
        cascade.ask(ALICE, one, PHONE)
    return {presentity: change.outcomes for presentity, change in cascade.changes.items()}


def features_of(outcomes: list[Outcome]) -> list[tuple[Feature | None, bool]]:
    """Feature and resulting status of each outcome."""
    return [(one.request.feature, one.after.status) for one in outcomes]


def test_a_set_on_the_same_user_is_decided_on_the_result_of_the_first(
    opened: list[PolicySet],
) -> None:
    """Forwarding on ends do-not-disturb, in one change."""
    rules = """
        - id: exclusive
          when: {op: set, feature: CallForwardingAlways, request.status: 1}
          then: {also: [{feature: DoNotDisturb, status: 0}]}
    """
    changes = ask(opened, rules, Asked(DND, ON), Asked(CFA, FeatureState(True, "x")))
    assert features_of(changes[ALICE]) == [(DND, True), (CFA, True), (DND, False)]
    assert changes[ALICE][2].request.requester.origin is Origin.INTERNAL
    assert changes[ALICE][2].before == ON


def test_a_mirror_that_mirrors_back_ends_by_itself(opened: list[PolicySet]) -> None:
    """Boss and secretary each have a rule."""
    changes = ask(opened, MIRROR, Asked(DND, ON))
    assert features_of(changes[ALICE]) == [(DND, True)]
    assert features_of(changes[BOB]) == [(DND, True)]


def test_each_set_that_is_asked_for_has_its_own_consequences(opened: list[PolicySet]) -> None:
    """A phone that sends on and off in one body must leave both phones off."""
    changes = ask(opened, MIRROR, Asked(DND, ON), Asked(DND, OFF))
    assert features_of(changes[BOB]) == [(DND, True), (DND, False)]


def test_sets_follow_at_most_three_deep(opened: list[PolicySet]) -> None:
    """A chain of users must end however long it is."""
    rules = """
        - id: chain
          when: {op: set, feature: DoNotDisturb}
          then: {also: [{feature: DoNotDisturb, user: "${user}x", status: 1}]}
    """
    changes = ask(opened, rules, Asked(DND, ON))
    assert [aor.user for aor in changes] == ["alice", "alicex", "alicexx", "alicexxx"]


def test_a_set_that_follows_can_be_refused_and_nobody_is_told(opened: list[PolicySet]) -> None:
    """Each is decided on by itself; the phone did not ask for it."""
    rules = """
        - id: mirror
          when: {op: set, feature: DoNotDisturb, origin: watcher}
          then: {also: [{feature: DoNotDisturb, user: bob, status: 1}]}
        - id: not-bob
          when: {op: set, user: bob, origin: internal}
          then: {deny: {reason: no, answer: off}}
    """
    (outcome,) = ask(opened, rules, Asked(DND, ON))[BOB]
    assert outcome.decision.denial is not None
    assert (outcome.changed, outcome.told) == (False, None)


def test_nothing_follows_a_set_that_is_refused(opened: list[PolicySet]) -> None:
    """What did not happen has no consequences."""
    rules = """
        - id: mirror
          when: {op: set}
          then: {also: [{feature: DoNotDisturb, user: bob, status: 1}]}
        - id: no
          when: {op: set, user: alice}
          then: {deny: no}
    """
    assert list(ask(opened, rules, Asked(DND, ON))) == [ALICE]
