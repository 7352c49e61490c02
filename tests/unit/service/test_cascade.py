"""Sets that follow from sets."""

from collections.abc import Iterator

import pytest

from dfks_rules.model.decisions import FOLLOWED_SETS, Outcome
from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, FeatureRequest, Origin, Surroundings
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.policy.reading.source import Source
from dfks_rules.service.cascade import TOO_MANY, Cascade, Draft
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, OPERATOR, PHONE, source
from tests.helpers.states import forwarding

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


def ask(
    opened: list[PolicySet],
    rules: str,
    *asked: Asked,
    followed_sets: int = FOLLOWED_SETS,
) -> dict[Aor, list[Outcome]]:
    """What comes of Alice's sets, for each presentity."""
    changes = changes_of(opened, rules, *asked, followed_sets=followed_sets)
    return {presentity: change.outcomes for presentity, change in changes.items()}


def changes_of(
    opened: list[PolicySet],
    rules: str,
    *asked: Asked,
    followed_sets: int = FOLLOWED_SETS,
) -> dict[Aor, Draft]:
    """What Alice's sets change."""
    policies = load([source(rules)])
    opened.append(policies)

    def around(_request: FeatureRequest) -> Surroundings:
        return NOWHERE

    def snapshot_of(_presentity: Aor) -> Snapshot:
        return NOTHING_STORED

    cascade = Cascade(policies, snapshot_of, around, NOON, followed_sets)
    for one in asked:
        cascade.ask(ALICE, one, PHONE)
    return cascade.drafts


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
    changes = ask(opened, rules, Asked(DND, ON), Asked(CFA, forwarding(True, "x")))
    assert features_of(changes[ALICE]) == [(DND, True), (CFA, True), (DND, False)]
    assert changes[ALICE][2].request.requester.origin is Origin.INTERNAL
    assert changes[ALICE][2].before == ON


def test_a_mirror_that_mirrors_back_ends_by_itself(opened: list[PolicySet]) -> None:
    """Boss and secretary each have a rule."""
    changes = ask(opened, MIRROR, Asked(DND, ON))
    assert features_of(changes[ALICE]) == [(DND, True)]
    assert features_of(changes[BOB]) == [(DND, True)]


def test_a_set_that_follows_in_two_ways_is_made_once(opened: list[PolicySet]) -> None:
    """Carol follows Alice, and Bob who follows Alice."""
    rules = """
        - id: alice
          when: {op: set, feature: DoNotDisturb, user: alice}
          then: {also: [{feature: DoNotDisturb, user: bob, status: 1},
                        {feature: DoNotDisturb, user: carol, status: 1}]}
        - id: bob
          when: {op: set, feature: DoNotDisturb, user: bob}
          then: {also: [{feature: DoNotDisturb, user: carol, status: 1}]}
    """
    changes = ask(opened, rules, Asked(DND, ON))
    assert [len(changes[aor]) for aor in (ALICE, BOB, CAROL)] == [1, 1, 1]


def test_each_set_that_is_asked_for_has_its_own_consequences(
    opened: list[PolicySet],
) -> None:
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


def test_outcome_names_the_rule_from_which_it_followed(opened: list[PolicySet]) -> None:
    """Its own decision knows only the rules that looked at it."""
    outcomes = ask(opened, MIRROR, Asked(DND, ON))
    assert [one.also_by for one in outcomes[ALICE]] == [""]
    assert [one.also_by for one in outcomes[BOB]] == ["p/mirror"]


def test_a_set_that_follows_can_be_refused_and_nobody_is_told(
    opened: list[PolicySet],
) -> None:
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


@pytest.mark.parametrize(
    ("answer", "get", "told"),
    [
        ("stored", "", ON),
        ("stored", "assigned: false", None),
        ("reject-403", "", ON),
        ("off", "", OFF),
        ("unassigned", "", None),
    ],
)
def test_a_denial_tells_what_its_answer_says(
    opened: list[PolicySet], answer: str, get: str, told: FeatureState | None
) -> None:
    """A feature that a get leaves out is left out here, too."""
    rules = f"""
        - id: stays-on
          when: {{op: set, request.status: 0}}
          then: {{deny: {{reason: no, answer: {answer}}}}}
        - id: shown
          when: {{op: get}}
          then: {{{get or "notify: true"}}}
    """
    _, denied = ask(opened, rules, Asked(DND, ON), Asked(DND, OFF))[ALICE]
    assert (denied.after, denied.told) == (ON, told)


def test_a_set_of_an_unassigned_feature_is_stored_and_told_to_operators_only(
    opened: list[PolicySet],
) -> None:
    """As presence_dfks has it: MI sends the body all the same."""
    rules = "- {id: r, when: {op: set}, then: {assigned: false}}"
    (phones,) = ask(opened, rules, Asked(DND, ON))[ALICE]
    assert (phones.after, phones.told) == (ON, None)
    cascade = Cascade(opened[0], lambda _: NOTHING_STORED, lambda _: NOWHERE, NOON, 1)
    cascade.ask(ALICE, Asked(DND, ON), OPERATOR)
    (operators,) = cascade.drafts[ALICE].outcomes
    assert (operators.after, operators.told) == (ON, ON)


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


FAN = """
    - id: fan
      when: {op: set, feature: CallForwardingAlways, origin: watcher}
      then:
        also:
          - {feature: DoNotDisturb, user: alice, status: 0}
          - {feature: DoNotDisturb, user: a, status: 1}
          - {feature: DoNotDisturb, user: b, status: 1}
"""


def denials(outcomes: list[Outcome]) -> list[str | None]:
    """The reason of each denial."""
    return [one.decision.denial and one.decision.denial.reason for one in outcomes]


def test_as_many_sets_follow_as_may(opened: list[PolicySet]) -> None:
    """The limit itself is allowed."""
    changes = ask(opened, FAN, Asked(CFA, ON), followed_sets=3)
    assert [aor.user for aor in changes] == ["alice", "a", "b"]
    assert denials(changes[ALICE]) == [None, None]


def test_each_set_of_a_request_may_have_as_many(opened: list[PolicySet]) -> None:
    """What followed from one leaves the next its own."""
    changes = ask(opened, FAN, Asked(CFA, ON), Asked(CFA, OFF), followed_sets=4)
    assert denials(changes[ALICE]) == [None] * 4


def test_one_more_denies_the_set_and_undoes_what_followed(
    opened: list[PolicySet],
) -> None:
    """Nothing is stored for anybody; the phone is answered as to any denial."""
    changes = changes_of(opened, FAN, Asked(CFA, ON), followed_sets=2)
    assert list(changes) == [ALICE]
    assert changes[ALICE].after is changes[ALICE].before
    (outcome,) = changes[ALICE].outcomes
    denial = outcome.decision.denial
    assert denial is not None
    assert (denial.reason, denial.text) == (
        TOO_MANY,
        "More than 2 sets would follow from this one",
    )
    assert (outcome.changed, outcome.told, outcome.decision.also) == (False, OFF, ())


@pytest.mark.parametrize(("most", "changed"), [(2, 3), (1, 0)])
def test_a_group_is_set_whole_or_not_at_all(
    opened: list[PolicySet], most: int, changed: int
) -> None:
    """Each member's set is decided; one too many denies the set at hand."""
    rule = """
    - id: all-of-them
      when: {op: set, feature: DoNotDisturb, origin: {ne: internal}}
      then: {also: [{feature: DoNotDisturb, group: desk, status: request}]}
    """
    members = "".join(f"{name},example.com,desk\n" for name in ("alice", "bob", "carol"))
    users = f"user,domain,groups\n{members}"
    policies = load([source(rule), Source("users.csv", users)])
    opened.append(policies)
    cascade = Cascade(policies, lambda _: NOTHING_STORED, lambda _: NOWHERE, NOON, most)
    cascade.ask(ALICE, Asked(DND, ON), PHONE)
    drafts = cascade.drafts
    assert sum(draft.after is not draft.before for draft in drafts.values()) == changed
    assert (list(drafts) == [ALICE, BOB, CAROL]) == bool(changed)
    assert denials(drafts[ALICE].outcomes) == [None if changed else TOO_MANY]


def test_other_sets_of_the_request_are_not_undone(opened: list[PolicySet]) -> None:
    """Each that is asked for has its own limit."""
    asked = (Asked(DND, ON), Asked(CFA, ON), Asked(DND, OFF))
    changes = changes_of(opened, FAN, *asked, followed_sets=2)
    assert denials(changes[ALICE].outcomes) == [None, TOO_MANY, None]
    assert [one.before for one in changes[ALICE].outcomes] == [OFF, OFF, ON]
    assert changes[ALICE].states == NOTHING_STORED.states


def test_a_cascade_that_explodes_is_cut_off_at_the_limit(
    opened: list[PolicySet],
) -> None:
    """20 + 400 + 8,000 sets are written in three lines of policy: no more are decided than may."""
    entries = ", ".join(
        f'{{feature: DoNotDisturb, user: "${{user}}-{number}", status: 1}}' for number in range(20)
    )
    rules = f"- {{id: bomb, when: {{op: set}}, then: {{also: [{entries}]}}}}"
    policies = load([source(rules)])
    opened.append(policies)
    decided: list[FeatureRequest] = []

    def around(request: FeatureRequest) -> Surroundings:
        decided.append(request)
        return NOWHERE

    cascade = Cascade(policies, lambda _: NOTHING_STORED, around, NOON, 64)
    cascade.ask(ALICE, Asked(DND, ON), PHONE)
    # The set itself, those that follow, and the get that puts the phone's key right.
    assert len(decided) == 1 + 64 + 1
    assert denials(cascade.drafts[ALICE].outcomes) == [TOO_MANY]


def _removal(
    opened: list[PolicySet], rules: str, *states: tuple[Feature, FeatureState]
) -> dict[Aor, Draft]:
    """What comes of a removal of Alice, for each presentity."""
    stored = NOTHING_STORED
    for feature, state in states:
        stored = stored.replace(feature, state)
    policy_set = load([source(rules)])
    opened.append(policy_set)
    snapshots = {ALICE: stored}
    cascade = Cascade(
        policy_set,
        lambda aor: snapshots.get(aor, NOTHING_STORED.replace(DND, ON)),
        lambda _: NOWHERE,
        NOON,
        FOLLOWED_SETS,
    )
    cascade.remove(ALICE, OPERATOR)
    return cascade.drafts


def test_one_refusal_keeps_everything(opened: list[PolicySet]) -> None:
    """Half of a user is worse than a whole one."""
    rules = "    - {id: keep, when: {op: set, feature: DoNotDisturb}, then: {deny: keep}}\n"
    drafts = _removal(opened, rules, (CFA, forwarding(True, "+4930")), (DND, ON))
    draft = drafts[ALICE]
    assert draft.after is draft.before
    assert [one.request.feature for one in draft.outcomes] == [DND]


def test_what_follows_from_a_removal_holds_for_others(opened: list[PolicySet]) -> None:
    """Bob's lamp goes out with Alice's; nothing that follows brings her back."""
    back = """
    - id: forward-instead
      when: {op: set, feature: DoNotDisturb, user: alice, request.status: 0}
      then: {also: [{feature: CallForwardingAlways, status: 1, values: {forwardTo: "+4930"}}]}
    """
    drafts = _removal(opened, MIRROR + back, (DND, ON))
    assert drafts[ALICE].after.states == NOTHING_STORED.states
    assert [one.request.feature for one in drafts[ALICE].outcomes] == [DND]
    assert not drafts[BOB].after.state(DND).status
