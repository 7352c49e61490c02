"""Get and set, on a store that takes its time."""

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.service.features import Features
from dfks_rules.service.ports import Settle
from dfks_rules.store.memory import MemoryStore
from tests.helpers.playbook import Recorded, default_policies
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, ON, OPERATOR, PHONE, policies

Told = list[tuple[Outcome, ...] | StoreError]


class _SlowStore:
    """Settles a commit when the test says so."""

    def __init__(self) -> None:
        self.stored = NOTHING_STORED
        self.waiting: list[tuple[Snapshot, Settle]] = []

    def load(self, presentity: Aor) -> Snapshot:
        """What is settled."""
        return self.stored

    def commit(self, presentity: Aor, before: Snapshot, after: Snapshot, settle: Settle) -> None:
        """Keep it waiting."""
        self.waiting.append((after, settle))

    def settle(self, error: StoreError | None = None) -> None:
        """Settle the oldest commit."""
        after, settle = self.waiting.pop(0)
        if error is None:
            self.stored = after
        settle(error, 1.0)

    def close(self) -> None:
        """Nothing is held."""


def _set(features: Features, told: Told, *asked: Asked) -> None:
    features.set(ALICE, asked, PHONE, NOON, 0.0, lambda outcomes, _: told.append(outcomes))


def _get(features: Features, told: Told) -> None:
    features.get(ALICE, PHONE, NOON, 0.0, lambda outcomes, _: told.append(outcomes))


def test_set_is_told_and_logged_only_when_it_is_committed() -> None:
    """A phone never shows what a power cut could undo."""
    store, log, told = _SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log)
    _set(features, told, Asked(DND, ON))
    _get(features, told)
    assert (told, log.outcomes) == ([], [])
    store.settle()
    was_set, got = told
    assert isinstance(was_set, tuple)
    assert isinstance(got, tuple)
    assert was_set[0].changed
    assert [outcome.told for outcome in got] == [ON, *NOTHING_STORED.states[1:]]
    assert len(log.outcomes) == 1 + len(FEATURES)


def test_failed_commit_is_told_to_all_that_were_decided_on_it() -> None:
    """What was decided on a state that never came to be must not be told."""
    store, log, told = _SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log)
    _set(features, told, Asked(DND, ON))
    _get(features, told)
    store.settle(StoreError("store_unavailable", "disk is full"))
    assert [isinstance(one, StoreError) for one in told] == [True, True]
    assert log.outcomes == []
    assert features.admit(ALICE, PHONE, NOON).denial is None


def test_second_set_is_decided_on_the_first_before_that_is_settled() -> None:
    """Two quick presses come out as if they had waited for each other."""
    store, told = _SlowStore(), Told()
    features = Features(store, default_policies(), Recorded())
    _set(features, told, Asked(DND, ON))
    _set(features, told, Asked(CFA, FeatureState(True, "sip:bob@example.com")))
    store.settle()
    store.settle()
    assert store.stored.revision == 2
    assert store.stored.state(DND) == ON
    assert store.stored.state(CFA).forward_to == "sip:bob@example.com"


def test_several_sets_of_one_request_are_one_commit() -> None:
    """A body with two documents is stored whole or not at all."""
    store, told = _SlowStore(), Told()
    _set(Features(store, default_policies(), Recorded()), told, Asked(DND, ON), Asked(CFA, ON))
    ((after, _),) = store.waiting
    assert (after.revision, after.state(DND), after.state(CFA)) == (1, ON, ON)


def test_refused_set_commits_nothing_and_tells_what_holds() -> None:
    """`answer: stored` puts the key of the phone right."""
    store, told = _SlowStore(), Told()
    rule = "- {id: no, when: {op: set}, then: {deny: no}}"
    _set(Features(store, policies(rule), Recorded()), told, Asked(DND, ON))
    (outcomes,) = told
    assert isinstance(outcomes, tuple)
    assert store.waiting == []
    assert outcomes[0].told == NOTHING_STORED.state(DND)


def test_presentity_is_served_on_after_one_of_the_told_has_raised() -> None:
    """A mistake of ours in one answer must not leave a key stuck for ever."""
    store, told = _SlowStore(), Told()
    features = Features(store, default_policies(), Recorded())

    def broken(_outcomes: object, _now: float) -> None:
        raise ValueError("broken")

    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, broken)
    with pytest.raises(ValueError, match="broken"):
        store.settle()
    _get(features, told)
    assert len(told) == 1


def test_what_follows_for_another_user_is_stored_and_told_apart() -> None:
    """Bob's watchers are told of Bob; Alice's phone is told of Alice."""
    store, log, told, followed = MemoryStore(lambda: 0.0), Recorded(), Told(), Told()
    rules = """
        - id: mirror
          when: {op: set, user: alice}
          then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
    """
    features = Features(store, policies(rules), log)
    features.followed = lambda outcomes, _: followed.append(outcomes)
    _set(features, told, Asked(DND, ON))
    assert [_presentities(outcomes) for outcomes in (*told, *followed)] == [["alice"], ["bob"]]
    assert [store.load(aor).states[0] for aor in (ALICE, BOB)] == [ON, ON]


def test_sets_are_counted_where_a_rule_asks_for_their_rate() -> None:
    """A phone in a loop is stopped; an operator is not."""
    rules = """
        - id: storm
          when: {op: set, rate.device: {gt: 2}}
          then: {deny: storm}
    """
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rules), Recorded())
    for _ in range(3):
        _set(features, told, Asked(DND, ON))
    features.set(ALICE, [Asked(DND, ON)], OPERATOR, NOON, 0.0, lambda one, _: told.append(one))
    assert [_denied(outcomes) for outcomes in told] == [False, False, True, False]


def _presentities(outcomes: tuple[Outcome, ...] | StoreError) -> list[str]:
    assert isinstance(outcomes, tuple)
    return [outcome.request.presentity.user for outcome in outcomes]


def _denied(outcomes: tuple[Outcome, ...] | StoreError) -> bool:
    assert isinstance(outcomes, tuple)
    return outcomes[0].decision.denial is not None


def test_what_is_logged_can_be_repeated() -> None:
    """Also leave to subscribe: a phone that may not watch is what support asks about."""
    log = Recorded()
    features = Features(_SlowStore(), default_policies(), log)
    told: Told = []
    features.admit(ALICE, PHONE, NOON)
    _get(features, told)
    assert [outcome.request.operation.value for outcome in log.outcomes] == ["subscribe"] + [
        "get"
    ] * 4
    assert {(outcome.snapshot, outcome.at) for outcome in log.outcomes} == {(NOTHING_STORED, NOON)}


def test_each_of_several_sets_is_logged_with_what_it_was_decided_on() -> None:
    """The second sees the first."""
    log, store = Recorded(), _SlowStore()
    told: Told = []
    _set(Features(store, default_policies(), log), told, Asked(DND, ON), Asked(CFA, ON))
    store.settle()
    snapshots = [outcome.snapshot for outcome in log.outcomes]
    assert [one is not None and one.state(DND) for one in snapshots] == [FeatureState(), ON]
