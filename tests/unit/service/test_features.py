"""Get and set, on a store that takes its time."""

from datetime import timedelta

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import (
    NOTHING_STORED,
    OFF,
    Deadline,
    FeatureState,
)
from dfks_rules.model.gets import Got, Result
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    Asked,
    Origin,
)
from dfks_rules.model.values import Value
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Event, Failed, Feed, Settled
from dfks_rules.service.ports import ChangedError, NotKnownError, Settle, Wanted
from dfks_rules.store.memory import MemoryStore
from tests.helpers.playbook import Recorded, default_policies
from tests.helpers.policy import (
    ALICE,
    BOB,
    CFA,
    DND,
    NOON,
    ON,
    OPERATOR,
    PHONE,
    policies,
)
from tests.helpers.states import TOLD, forwarding
from tests.helpers.stores import FULL, SlowStore, changes_of

Told = list[Result]


def _set(features: Features, told: Told, *asked: Asked) -> None:
    features.set(ALICE, asked, PHONE, NOON, 0.0, lambda outcomes, _: told.append(outcomes))


def _get(features: Features, told: Told) -> None:
    features.get(ALICE, PHONE, NOON, 0.0, lambda outcomes, _: told.append(outcomes))


def test_set_is_told_and_logged_only_when_it_is_committed() -> None:
    """A phone never shows what a power cut could undo."""
    store, log, told = SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log.feed)
    _set(features, told, Asked(DND, ON))
    _get(features, told)
    assert (told, log.outcomes) == ([], [])
    store.settle()
    was_set, got = told
    assert isinstance(was_set, tuple)
    assert isinstance(got, Got)
    assert was_set[0].changed
    assert [outcome.told for outcome in got.outcomes] == [ON, *[OFF] * (len(TOLD) - 1)]
    assert len(log.outcomes) == 1 + len(TOLD)


def test_failed_commit_is_told_to_all_that_were_decided_on_it() -> None:
    """What was decided on a state that never came to be must not be told."""
    store, log, told = SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log.feed)
    _set(features, told, Asked(DND, ON))
    _get(features, told)
    store.settle(StoreError("store_unavailable", "disk is full"))
    assert [isinstance(one, StoreError) for one in told] == [True, True]
    assert log.outcomes == []
    assert log.failures == [(ALICE, "store_unavailable")] * 2
    assert features.admit(ALICE, PHONE, NOON, 0.0).denial is None


def test_second_set_is_decided_on_the_first_before_that_is_settled() -> None:
    """Two quick presses come out as if they had waited for each other."""
    store, told = SlowStore(), Told()
    features = Features(store, default_policies(), Feed())
    _set(features, told, Asked(DND, ON))
    _set(features, told, Asked(CFA, forwarding(True, "sip:bob@example.com")))
    store.settle()
    store.settle()
    assert store.stored(ALICE).revision == 2
    assert store.stored(ALICE).state(DND) == ON
    assert store.stored(ALICE).state(CFA).value(Value.FORWARD_TO) == "sip:bob@example.com"


def test_several_sets_of_one_request_are_one_commit() -> None:
    """A body with two documents is stored whole or not at all."""
    store, told = SlowStore(), Told()
    _set(
        Features(store, default_policies(), Feed()),
        told,
        Asked(DND, ON),
        Asked(CFA, ON),
    )
    ((change,),) = map(changes_of, store.waiting)
    after = change.after
    assert (after.revision, after.state(DND), after.state(CFA)) == (1, ON, ON)


def test_refused_set_commits_nothing_and_tells_what_holds() -> None:
    """`answer: stored` puts the key of the phone right."""
    store, told = SlowStore(), Told()
    rule = "- {id: no, when: {op: set}, then: {deny: no}}"
    _set(Features(store, policies(rule), Feed()), told, Asked(DND, ON))
    (outcomes,) = told
    assert isinstance(outcomes, tuple)
    assert store.waiting == []
    assert outcomes[0].told == NOTHING_STORED.state(DND)


def test_presentity_is_served_on_after_one_of_the_told_has_raised() -> None:
    """A mistake of ours in one answer must not leave a key stuck forever."""
    store, told = SlowStore(), Told()
    features = Features(store, default_policies(), Feed())

    def broken(_outcomes: object, _now: float) -> None:
        raise ValueError("broken")

    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, broken)
    with pytest.raises(ValueError, match="broken"):
        store.settle()
    _get(features, told)
    assert len(told) == 1


def test_what_follows_for_another_user_is_stored_and_told_apart() -> None:
    """Bob's watchers are told of Bob; Alice's phone is told of Alice."""
    store, log, told = MemoryStore(lambda: 0.0), Recorded(), Told()
    rules = """
        - id: mirror
          when: {op: set, user: alice}
          then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
    """
    features = Features(store, policies(rules), log.feed)
    _set(features, told, Asked(DND, ON))
    assert [_presentities(outcomes) for outcomes in told] == [["alice"]]
    assert [
        (one.presentity, one.requester.origin) for one in log.events if isinstance(one, Settled)
    ] == [(ALICE, Origin.WATCHER), (BOB, Origin.INTERNAL)]
    assert [store.known(aor).states[0] for aor in (ALICE, BOB)] == [ON, ON]


MIRROR = """
    - id: alice-to-bob
      when: {op: set, user: alice, origin: {ne: internal}}
      then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
    - id: bob-to-alice
      when: {op: set, user: bob, origin: {ne: internal}}
      then: {also: [{feature: DoNotDisturb, user: alice, status: request}]}
"""


class _Mirror:
    """Alice's and Bob's keys follow one another; what each of them and each follower was told."""

    def __init__(self) -> None:
        self.store = SlowStore()
        self.told: dict[Aor, Told] = {ALICE: [], BOB: []}
        self.followed: dict[Aor, Told] = {ALICE: [], BOB: []}
        feed = Feed()
        feed.listen(self._hear)
        self.features = Features(self.store, policies(MIRROR), feed)

    def _hear(self, event: Event) -> None:
        if event.requester.origin is Origin.INTERNAL:
            came_of_it = event.outcomes if isinstance(event, Settled) else event.error
            self.followed[event.presentity].append(came_of_it)

    def press(self, user: Aor, state: FeatureState) -> None:
        """A key of this user's own phone."""
        phone = PHONE._replace(watcher=user)
        told = self.told[user]
        done = lambda outcomes, _: told.append(outcomes)  # noqa: E731
        self.features.set(user, [Asked(DND, state)], phone, NOON, 0.0, done)


def test_two_phones_that_mirror_one_another_at_once_end_alike() -> None:
    """Each is decided on what the other left, though nothing of it is settled."""
    mirror = _Mirror()
    mirror.press(ALICE, ON)
    mirror.press(BOB, OFF)
    assert [len(changes_of(one)) for one in mirror.store.waiting] == [2, 2]
    mirror.store.settle_all()
    assert [mirror.store.stored(user).state(DND) for user in (ALICE, BOB)] == [OFF, OFF]
    assert [mirror.store.stored(user).revision for user in (ALICE, BOB)] == [2, 2]
    for outcomes in (*mirror.told.values(), *mirror.followed.values()):
        assert [isinstance(one, tuple) for one in outcomes] == [True]


def test_what_follows_is_stored_with_what_was_asked_for_or_neither_is() -> None:
    """A pair that mirrors one another is equal whatever fails; Alice presses again."""
    mirror = _Mirror()
    mirror.press(ALICE, ON)
    mirror.store.settle(FULL)
    assert mirror.told[ALICE] == [FULL]
    assert mirror.followed == {ALICE: [], BOB: [FULL]}
    assert [mirror.store.stored(user).state(DND) for user in (ALICE, BOB)] == [OFF, OFF]


def test_what_was_decided_on_a_request_that_failed_is_decided_again() -> None:
    """Bob's press was the second; that of Alice, on which it was decided, never was."""
    mirror = _Mirror()
    mirror.press(ALICE, ON)
    mirror.press(BOB, OFF)
    mirror.store.settle(FULL)
    mirror.store.settle_all()
    (outcomes,) = mirror.told[BOB]
    assert isinstance(outcomes, tuple)
    assert not outcomes[0].changed
    assert [mirror.store.stored(user).revision for user in (ALICE, BOB)] == [0, 0]


def test_the_answer_comes_before_the_event_and_an_event_comes_also_without_it() -> None:
    """Who asked is answered first; a mistake in an answer keeps nobody from hearing of a change."""
    store, log = SlowStore(), Recorded()
    features = Features(store, default_policies(), log.feed)
    seen: list[int] = []

    def broken(_outcomes: object, _now: float) -> None:
        seen.append(len(log.events))
        raise ValueError("broken")

    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, broken)
    with pytest.raises(ValueError, match="broken"):
        store.settle()
    (event,) = log.events
    assert isinstance(event, Settled)
    assert (seen, event.presentity, event.requester is PHONE) == ([0], ALICE, True)


def test_a_failure_is_published_also_where_its_answer_cannot_be_given() -> None:
    """Support has to see it all the same."""
    store, log = SlowStore(), Recorded()

    def broken(_error: object, _now: float) -> None:
        raise ValueError("broken")

    Features(store, default_policies(), log.feed).set(
        ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, broken
    )
    with pytest.raises(ValueError, match="broken"):
        store.settle(StoreError("store_unavailable", "disk is full"))
    assert log.failures == [(ALICE, "store_unavailable")]


def test_what_is_asked_while_answers_are_given_is_answered_after_them() -> None:
    """A listener may look at what has just changed."""
    store, told = SlowStore(), Told()
    features = Features(store, default_policies(), Feed())

    def ask(outcomes: Result, _now: float) -> None:
        told.append(outcomes)
        _get(features, told)
        assert len(told) == 1

    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, ask)
    store.settle()
    assert len(told) == 2


def test_others_that_wait_for_a_commit_are_answered_though_one_answer_fails() -> None:
    """Two phones of one user ask while the disk works."""
    store, told = SlowStore(), Told()
    features = Features(store, default_policies(), Feed())

    def broken(_outcomes: object, _now: float) -> None:
        raise ValueError("broken")

    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, broken)
    _get(features, told)
    _get(features, told)
    with pytest.raises(ValueError, match="broken"):
        store.settle()
    assert len(told) == 2


def test_an_event_has_the_time_when_it_was_settled() -> None:
    """What others are told of it is decided at that time, not when somebody asked."""
    store, log = SlowStore(now=1.0), Recorded()
    _set(Features(store, default_policies(), log.feed), [], Asked(DND, ON))
    store.settle()
    (event,) = log.events
    assert isinstance(event, Settled)
    assert (event.now, event.at) == (1.0, NOON + timedelta(seconds=1))


def test_who_is_not_known_is_fetched_and_then_admitted() -> None:
    """What is not known is not the same as nothing."""
    store = SlowStore()
    store.unknown.add(ALICE)
    features = Features(store, default_policies(), Feed())
    with pytest.raises(NotKnownError) as raised:
        features.admit(ALICE, PHONE, NOON, 7.0)
    fetched: list[StoreError | None] = []
    features.fetch(raised.value.presentities, lambda error, _: fetched.append(error))
    assert fetched == [None]
    assert features.admit(ALICE, PHONE, NOON, 7.0).denial is None


def test_a_failed_admission_is_published() -> None:
    """Support has to see that phones are turned away by a disk."""
    store, log = SlowStore(now=7.0), Recorded()
    store.is_broken = True
    features = Features(store, default_policies(), log.feed)
    with pytest.raises(NotKnownError):
        features.admit(ALICE, PHONE, NOON, 7.0)
    features.fetch((ALICE,), lambda *_: None)
    (event,) = log.events
    assert isinstance(event, Failed)
    assert (event.presentity, event.error.message, event.now) == (
        ALICE,
        "disk is broken",
        7.0,
    )


def test_set_and_get_are_told_in_one_when_the_set_is_committed() -> None:
    """A phone that lost its dialog sets a key and learns all of them, by one revision."""
    store, log, told = SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log.feed)
    done = lambda outcomes, _: told.append(outcomes)  # noqa: E731
    features.set_and_get(ALICE, [Asked(CFA, ON)], PHONE, NOON, 0.0, done)
    assert (told, log.events) == ([], [])
    store.settle()
    (outcomes,) = told
    assert isinstance(outcomes, tuple)
    operations = [(one.request.operation.value, one.request.feature) for one in outcomes]
    assert operations == [("set", CFA), *[("get", feature) for feature in TOLD]]
    assert outcomes[2].told == ON
    assert len(log.events) == 1


def test_set_and_get_fails_as_one() -> None:
    """One answer, one event."""
    store, log, told = SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log.feed)
    done = lambda outcomes, _: told.append(outcomes)  # noqa: E731
    features.set_and_get(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, done)
    store.settle(FULL)
    assert told == [FULL]
    assert [type(event) for event in log.events] == [Failed]


def test_a_look_shows_what_is_committed_and_is_not_published() -> None:
    """A thousand watchers of a change must not push out what support asks about."""
    store, log = SlowStore(), Recorded()
    features = Features(store, default_policies(), log.feed)
    _set(features, [], Asked(DND, ON))
    assert features.look(ALICE, [DND], PHONE, NOON) == ((DND, NOTHING_STORED.states[0]),)
    store.settle()
    assert features.look(ALICE, [DND], PHONE, NOON) == ((DND, ON),)
    assert len(log.events) == 1


def test_a_look_leaves_out_what_is_not_assigned() -> None:
    """A key that a rule hides."""
    rule = "- {id: r, when: {op: get, feature: DoNotDisturb}, then: {assigned: false}}"
    features = Features(SlowStore(), policies(rule), Feed())
    seen = features.look(ALICE, [DND, CFA], PHONE, NOON)
    assert seen == ((CFA, NOTHING_STORED.states[1]),)


class _RaisingStore(SlowStore):
    """Raises in place of the commit that the test says."""

    def __init__(self, which: int) -> None:
        super().__init__()
        self.left = which

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Keep it waiting, or raise."""
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("cannot be asked")
        super().commit(wanted, settle)


def test_a_store_that_raises_leaves_nobody_waiting() -> None:
    """The next to ask is answered with what is stored."""
    store, told = _RaisingStore(1), Told()
    features = Features(store, default_policies(), Feed())
    with pytest.raises(RuntimeError):
        _set(features, told, Asked(DND, ON))
    _get(features, told)
    (got,) = told
    assert isinstance(got, Got)
    assert got.outcomes[0].told == OFF


def test_a_store_that_raises_does_not_lose_what_was_under_way() -> None:
    """The first press is told when it is settled, and who asks then is shown its result."""
    store, told = _RaisingStore(2), Told()
    features = Features(store, default_policies(), Feed())
    _set(features, told, Asked(DND, ON))
    with pytest.raises(RuntimeError):
        _set(features, told, Asked(CFA, ON))
    store.settle()
    _get(features, told)
    _, got = told
    assert isinstance(got, Got)
    assert [outcome.told for outcome in got.outcomes] == [ON, *[OFF] * (len(TOLD) - 1)]


def test_what_follows_is_not_counted_as_a_set_of_its_user() -> None:
    """Bob did not press a key: what mirrors Alice's must not use up his own presses."""
    rules = """
        - id: mirror
          when: {op: set, user: alice}
          then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
        - id: storm
          when: {op: set, user: bob, rate.user: {gt: 1}}
          then: {deny: storm}
    """
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rules), Feed())
    for _ in range(3):
        _set(features, told, Asked(DND, ON))
    features.set(BOB, [Asked(DND, ON)], OPERATOR, NOON, 0.0, lambda one, _: told.append(one))
    assert [_denied(outcomes) for outcomes in told] == [False] * 4


def test_what_a_denial_shows_is_not_counted_as_a_set_and_may_look_at_others() -> None:
    """The get that follows a denial reads whatever gets read."""
    rules = """
        - id: storm
          when: {op: set, rate.user: {gt: 2}}
          then: {deny: storm}
        - id: loop
          when: {op: get, target.loop: true}
          then: {assigned: false}
    """
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rules), Feed())
    _set(features, told, Asked(CFA, forwarding(True, "sip:alice@example.com")))
    for _ in range(3):
        _set(features, told, Asked(CFA, FeatureState()))
    features.set(ALICE, [Asked(DND, ON)], OPERATOR, NOON, 61.0, lambda one, _: told.append(one))
    assert [_denied(outcomes) for outcomes in told] == [False, False, True, True, False]


def test_a_set_is_decided_on_what_is_stored_for_others_also_where_nothing_is_counted() -> None:
    """No rule reads a rate, and one asks where calls would end."""
    rule = "- {id: loop, when: {op: set, target.loop: true}, then: {deny: loop}}"
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rule), Feed())
    _set(features, told, Asked(CFA, forwarding(True, "sip:alice@example.com")))
    assert [_denied(outcomes) for outcomes in told] == [True]


def test_a_set_from_which_too_many_follow_stores_nothing_for_anybody() -> None:
    """One key press must not hold the server, and not do half of what it would."""
    rules = """
        - id: chain
          when: {op: set}
          then: {also: [{feature: DoNotDisturb, user: "${user}x", status: 1}]}
    """
    store, told = SlowStore(), Told()
    _set(Features(store, policies(rules), Feed(), followed_sets=2), told, Asked(DND, ON))
    (outcomes,) = told
    assert isinstance(outcomes, tuple)
    assert store.waiting == []
    assert [one.decision.denial and one.decision.denial.reason for one in outcomes] == [
        "too-many-sets"
    ]
    assert outcomes[0].told == NOTHING_STORED.state(DND)


def test_sets_are_counted_where_a_rule_asks_for_their_rate() -> None:
    """A phone in a loop is stopped; an operator is not."""
    rules = """
        - id: storm
          when: {op: set, rate.device: {gt: 2}}
          then: {deny: storm}
    """
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rules), Feed())
    for _ in range(3):
        _set(features, told, Asked(DND, ON))
    features.set(ALICE, [Asked(DND, ON)], OPERATOR, NOON, 0.0, lambda one, _: told.append(one))
    assert [_denied(outcomes) for outcomes in told] == [False, False, True, False]


def test_sets_at_other_nodes_count_for_the_rate_of_their_user() -> None:
    """A phone that changes nodes is stopped as early; what followed from another set is not one."""
    rules = """
        - id: storm
          when: {op: set, rate.user: {gt: 2}}
          then: {deny: storm}
    """
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rules), Feed())
    for origin in (Origin.WATCHER, Origin.INTERNAL, Origin.OPERATOR):
        features.learned(ALICE, origin, 0.0)
    _set(features, told, Asked(DND, ON))
    assert _denied(told[0])


def test_sets_are_counted_by_target_however_it_is_written() -> None:
    """A number that everybody suddenly forwards to is what a fraudster sells."""
    rules = """
        - id: magnet
          when: {op: set, rate.target.hour: {gt: 1}}
          then: {deny: magnet}
    """
    told = Told()
    features = Features(MemoryStore(lambda: 0.0), policies(rules), Feed())
    for target in ("+49 30 1234", "sip:+49301234@10.0.0.1", "+49301235"):
        _set(features, told, Asked(CFA, forwarding(True, target)))
    assert [_denied(outcomes) for outcomes in told] == [False, True, False]


def _presentities(outcomes: Result) -> list[str]:
    assert isinstance(outcomes, tuple)
    return [outcome.request.presentity.user for outcome in outcomes]


def _denied(outcomes: Result) -> bool:
    assert isinstance(outcomes, tuple)
    return outcomes[0].decision.denial is not None


def test_what_is_logged_can_be_repeated() -> None:
    """Also permission to subscribe: a phone that may not watch is what support asks about."""
    log = Recorded()
    features = Features(SlowStore(), default_policies(), log.feed)
    told: Told = []
    features.admit(BOB, PHONE, NOON, 0.0)
    _get(features, told)
    assert [outcome.request.operation.value for outcome in log.outcomes] == [
        "subscribe",
        *["get"] * 4,
    ]
    assert {(outcome.snapshot, outcome.at) for outcome in log.outcomes} == {(NOTHING_STORED, NOON)}


def test_that_a_phone_may_watch_itself_is_logged_only_where_a_rule_matched() -> None:
    """One more record for each refresh of each phone would push out what is asked about."""
    log = Recorded()
    Features(SlowStore(), default_policies(), log.feed).admit(ALICE, PHONE, NOON, 0.0)
    assert log.outcomes == []
    with_rule = policies("- {id: r, when: {op: subscribe}, then: {log: seen}}")
    Features(SlowStore(), with_rule, log.feed).admit(ALICE, PHONE, NOON, 0.0)
    assert [outcome.decision.matched for outcome in log.outcomes] == [("p/r",)]


def test_each_of_several_sets_is_logged_with_what_it_was_decided_on() -> None:
    """The second sees the first."""
    log, store = Recorded(), SlowStore()
    told: Told = []
    _set(
        Features(store, default_policies(), log.feed),
        told,
        Asked(DND, ON),
        Asked(CFA, ON),
    )
    store.settle()
    snapshots = [outcome.snapshot for outcome in log.outcomes]
    assert [one is not None and one.state(DND) for one in snapshots] == [
        FeatureState(),
        ON,
    ]


def test_a_try_says_what_a_set_would_come_to_and_changes_nothing() -> None:
    """An operator looks before a file of 10,000 rows is imported."""
    store, log, told = SlowStore(), Recorded(), Told()
    rules = """
    - id: premium
      when: {op: set, request.forwardTo: "+49900"}
      then: {deny: premium}
    """
    features = Features(store, policies(rules), log.feed)
    asked = (Asked(DND, ON), Asked(CFA, forwarding(True, "+49900")), Asked(DND, ON))
    first, refused, again = features.try_set(ALICE, asked, OPERATOR, NOON)
    assert (first.changed, again.changed) == (True, False)
    assert refused.decision.denial is not None
    assert (store.waiting, log.outcomes, told) == ([], [], [])
    assert store.stored(ALICE) == NOTHING_STORED


def test_a_try_says_what_has_to_be_fetched() -> None:
    """As `look`."""
    store = SlowStore()
    store.unknown.add(ALICE)
    features = Features(store, default_policies(), Feed())
    with pytest.raises(NotKnownError):
        features.try_set(ALICE, (Asked(DND, ON),), OPERATOR, NOON)


def test_what_is_removed_is_off_and_forgotten_in_one_revision() -> None:
    """Nobody's number remains among the states."""
    store, log, told = SlowStore(), Recorded(), Told()
    features = Features(store, default_policies(), log.feed)
    _set(features, told, Asked(DND, ON), Asked(CFA, forwarding(False, "+4930")))
    store.settle()
    features.remove(ALICE, OPERATOR, NOON, 0.0, lambda outcomes, _: told.append(outcomes))
    store.settle()
    removed = told[-1]
    assert isinstance(removed, tuple)
    assert [(one.before, one.after) for one in removed] == [
        (ON, OFF),
        (forwarding(False, "+4930"), OFF),
    ]
    assert store.stored(ALICE) == NOTHING_STORED._replace(revision=2)


def test_where_nothing_is_known_nothing_is_removed() -> None:
    """Twice is as once; somebody is told of it all the same."""
    store, told = SlowStore(), Told()
    features = Features(store, default_policies(), Feed())
    features.remove(ALICE, OPERATOR, NOON, 0.0, lambda outcomes, _: told.append(outcomes))
    (removed,) = told
    assert isinstance(removed, tuple)
    assert [one.changed for one in removed] == [False]
    assert store.waiting == []


UNTIL_ONE = """
    - id: until-one
      when: {op: set, request.status: 1}
      then: {expire: 1h}
"""
ONE = NOON + timedelta(hours=1)


def _expire(features: Features, told: Told, *, minutes: int = 60) -> None:
    at = NOON + timedelta(minutes=minutes)
    features.expire(ALICE, at, 60.0 * minutes, lambda result, _: told.append(result))


def test_a_deadline_is_kept_with_the_state_until_the_feature_is_set_again() -> None:
    """A set without one clears it; another feature has its own."""
    store, told = MemoryStore(lambda: 0.0), Told()
    features = Features(store, policies(UNTIL_ONE), Feed())
    end = int(ONE.timestamp())
    _set(features, told, Asked(DND, ON))
    assert store.known(ALICE).deadlines == (Deadline(DND, end, "p/until-one"),)
    _set(features, told, Asked(CFA, forwarding(True, "1")))
    assert [one.feature for one in store.known(ALICE).deadlines] == [DND, CFA]
    _set(features, told, Asked(DND, OFF))
    assert store.known(ALICE).deadlines == (Deadline(CFA, end, "p/until-one"),)


def test_a_set_that_changes_nothing_but_the_deadline_is_stored() -> None:
    """Who presses the key once more has two hours from then."""
    store, told = MemoryStore(lambda: 0.0), Told()
    features = Features(store, policies(UNTIL_ONE), Feed())
    _set(features, told, Asked(DND, ON))
    later = NOON + timedelta(minutes=30)
    features.set(
        ALICE, (Asked(DND, ON),), PHONE, later, 1800.0, lambda result, _: told.append(result)
    )
    assert [one.at for one in store.known(ALICE).deadlines] == [int(ONE.timestamp()) + 1800]
    assert store.known(ALICE).revision == 2


def test_what_has_expired_is_switched_off_through_the_policies() -> None:
    """As an internal set with the parameter `expired`, by the rule that said when."""
    store, log, told = MemoryStore(lambda: 0.0), Recorded(), Told()
    rules = (
        UNTIL_ONE
        + """
    - id: told
      when: {op: set, param: expired, origin: internal}
      then: {log: "expired for ${user}", also: [{feature: DoNotDisturb, user: bob, status: 1}]}
    """
    )
    features = Features(store, policies(rules), log.feed)
    _set(features, told, Asked(CFA, forwarding(True, "1")))
    _expire(features, told)
    [outcome] = told[1] if isinstance(told[1], tuple) else ()
    assert (outcome.after, outcome.also_by) == (forwarding(False, "1"), "p/until-one")
    assert (outcome.told, outcome.decision.logs) == (outcome.after, ("expired for alice",))
    assert outcome.request.requester.told_actor == "expired"
    assert store.known(ALICE).deadlines == ()
    assert store.known(BOB).state(DND) == ON
    assert outcome in log.outcomes


def test_what_was_set_again_does_not_expire() -> None:
    """The server looks at a deadline that somebody has just moved."""
    store, log, told = MemoryStore(lambda: 0.0), Recorded(), Told()
    features = Features(store, policies(UNTIL_ONE), log.feed)
    _set(features, told, Asked(DND, ON))
    _expire(features, told, minutes=59)
    assert isinstance(told[1], ChangedError)
    assert store.known(ALICE).state(DND) == ON
    assert len(log.outcomes) == 1


def test_a_refused_set_leaves_the_deadline_and_a_refused_expiry_ends_it() -> None:
    """Else the server would ask for it again and again."""
    store, told = MemoryStore(lambda: 0.0), Told()
    rules = (
        UNTIL_ONE
        + """
    - id: stays
      when: {op: set, request.status: 0}
      then: {deny: stays-on}
    """
    )
    features = Features(store, policies(rules), Feed())
    _set(features, told, Asked(DND, ON))
    _set(features, told, Asked(DND, OFF))
    assert len(store.known(ALICE).deadlines) == 1
    _expire(features, told)
    assert store.known(ALICE).deadlines == ()
    assert store.known(ALICE).state(DND) == ON


def test_nothing_of_a_deadline_is_left_of_a_user_who_is_deleted() -> None:
    """Nor where one of several sets is refused."""
    store, told = MemoryStore(lambda: 0.0), Told()
    features = Features(store, policies(UNTIL_ONE), Feed())
    _set(features, told, Asked(DND, ON))
    features.remove(ALICE, OPERATOR, NOON, 0.0, lambda result, _: told.append(result))
    assert store.known(ALICE).states == NOTHING_STORED.states
    assert store.known(ALICE).deadlines == ()
