"""Requests under way: conflicts, repeats, fetches and failures, on a store that takes its time."""

from typing import NamedTuple

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome, Repeated
from dfks_rules.model.features import NOTHING_STORED, OFF, FeatureState
from dfks_rules.model.gets import Got, Result, outcomes_of
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.policy.deciding.live import LivePolicies, SpotCheck
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Failed, Settled
from dfks_rules.service.ports import DialogRow, Settle, Verdict, Wanted
from dfks_rules.service.under_way import MAX_CONFLICTS, MAX_FETCHES
from tests.helpers.playbook import Recorded, default_policies
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, ON, PHONE, policies
from tests.helpers.states import TOLD, forwarding
from tests.helpers.stores import FULL, SlowStore, changes_of
from tests.helpers.wanted import dialog_row

CAROL = Aor("carol", "example.com")
CONFLICT = StoreError("store_conflict", "it was changed concurrently")
MIRROR = """
    - id: mirror
      when: {op: set, user: alice, feature: DoNotDisturb}
      then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
"""


class Told(NamedTuple):
    """Who was answered what."""

    name: str
    result: Result

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What came of it."""
        assert isinstance(self.result, tuple | Got)
        return outcomes_of(self.result)


class Desk:
    """The use cases on a slow store, and what was answered, in order."""

    def __init__(self, decides: PolicySet | LivePolicies | None = None) -> None:
        self.store = SlowStore()
        self.log = Recorded()
        self.features = Features(self.store, decides or default_policies(), self.log.feed)
        self.told: list[Told] = []
        self.visits: list[tuple[Outcome, ...]] = []

    def set(
        self, name: str, *asked: Asked, user: Aor = ALICE, row: DialogRow | None = None
    ) -> None:
        """A phone sets features, with the row of its subscription."""

        def visit(outcomes: tuple[Outcome, ...]) -> DialogRow | None:
            self.visits.append(outcomes)
            return row

        phone = PHONE._replace(watcher=user)
        done = lambda result, _: self.told.append(Told(name, result))  # noqa: E731
        self.features.set(user, asked, phone, NOON, 0.0, done, visit if row else None)

    def get(self, name: str, user: Aor = ALICE, row: DialogRow | None = None) -> None:
        """A phone asks for all states."""
        visit = None if row is None else lambda _outcomes: row
        phone = PHONE._replace(watcher=user)
        done = lambda result, _: self.told.append(Told(name, result))  # noqa: E731
        self.features.get(user, phone, NOON, 0.0, done, visit)

    @property
    def names(self) -> list[str]:
        """Who was answered."""
        return [one.name for one in self.told]

    @property
    def errors(self) -> dict[str, str]:
        """Who was answered with an error, and its code."""
        return {name: what.code for name, what in self.told if isinstance(what, StoreError)}


# --- Conflicts ---


def test_what_somebody_else_changed_is_fetched_and_the_set_decided_again() -> None:
    """Both changes are there in the end, and the phone is told what holds."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON))
    desk.store.put(ALICE, NOTHING_STORED.replace(CFA, forwarding(True, "x")))
    desk.store.settle()
    assert desk.told == []
    desk.store.settle()
    stored = desk.store.stored(ALICE)
    assert (stored.revision, stored.state(DND), stored.state(CFA).status) == (
        2,
        ON,
        True,
    )
    (told,) = desk.told
    assert told.outcomes[0].snapshot.state(CFA).status
    assert desk.features.counts["conflicts"] == 1


def test_what_was_decided_on_a_conflict_is_decided_again_too_in_order() -> None:
    """A press, another one, and a refresh; the second press was good by itself."""
    desk = Desk()
    desk.set("on", Asked(DND, ON))
    desk.set("off", Asked(DND, OFF))
    desk.get("refresh")
    desk.store.put(ALICE, NOTHING_STORED.replace(CFA, forwarding(True, "x")))
    desk.store.settle_all()
    assert desk.names == ["on", "off", "refresh"]
    assert desk.store.stored(ALICE).revision == 3
    assert desk.told[2].outcomes[0].told == OFF
    assert desk.features.counts["conflicts"] == 1


def test_a_set_that_often_comes_too_late_is_stored() -> None:
    """Phones at several nodes set features of the same user all the time."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON))
    for _ in range(10):
        desk.store.settle(CONFLICT)
    assert desk.told == []
    desk.store.settle()
    assert desk.errors == {}
    assert [one.changed for one in desk.told[0].outcomes] == [True]


def test_a_set_that_always_comes_too_late_is_given_up() -> None:
    """Some times it is decided again; then its phone is told, and nothing is stored of it."""
    desk = Desk(policies(MIRROR))
    desk.set("dnd", Asked(DND, ON))
    for _ in range(MAX_CONFLICTS + 1):
        assert desk.told == []
        desk.store.settle(CONFLICT)
    assert desk.errors == {"dnd": "store_conflict"}
    assert desk.store.kept == {}
    assert [(type(one), one.presentity) for one in desk.log.events] == [
        (Failed, ALICE),
        (Failed, BOB),
    ]
    assert desk.features.counts["given_up"] == 1


def test_who_comes_after_a_set_that_is_given_up_is_decided_again() -> None:
    """The refresh is told what is stored."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON))
    desk.get("refresh")
    for _ in range(MAX_CONFLICTS + 1):
        desk.store.settle(CONFLICT)
    assert desk.names == ["dnd", "refresh"]
    assert [one.told for one in desk.told[1].outcomes] == [OFF] * len(TOLD)


def test_the_same_policies_decide_again_whatever_is_loaded_meanwhile() -> None:
    """All of a request is decided by one revision."""
    live = LivePolicies(default_policies(), SpotCheck(print))
    desk = Desk(live)
    desk.set("dnd", Asked(DND, ON))
    live.activate(policies("- {id: no, when: {op: set}, then: {deny: no}}"))
    desk.store.settle(CONFLICT)
    desk.set("later", Asked(DND, OFF))
    desk.store.settle_all()
    assert [one.outcomes[0].decision.denial is None for one in desk.told] == [
        True,
        False,
    ]


def test_a_set_that_is_decided_again_is_counted_once() -> None:
    """Who loses a race must not be taken for a phone in a loop."""
    rule = "- {id: storm, when: {op: set, rate.user: {gt: 2}}, then: {deny: storm}}"
    desk = Desk(policies(rule))
    desk.set("two", Asked(DND, ON), Asked(CFA, ON))
    desk.store.settle(CONFLICT)
    desk.store.settle(CONFLICT)
    desk.store.settle()
    assert [one.around.rate("rate.user") for one in desk.told[0].outcomes] == [1, 2]
    desk.set("third", Asked(DND, OFF))
    assert desk.told[1].outcomes[0].decision.denial is not None


def test_numbers_of_decisions_name_the_same_in_the_journal_and_the_log() -> None:
    """What is decided again has new ones."""
    desk = Desk(policies(MIRROR))
    desk.get("refresh")
    desk.set("two", Asked(CFA, ON), Asked(DND, ON))
    desk.store.settle(CONFLICT)
    (waiting,) = desk.store.waiting
    journal = {one.presentity: one.first for one in changes_of(waiting)}
    desk.store.settle()
    log = {one.presentity: one.first for one in desk.log.events[1:] if isinstance(one, Settled)}
    gets = len(TOLD)
    assert journal == log == {ALICE: gets + 4, BOB: gets + 6}


# --- What decisions have read ---


def test_a_set_is_stored_only_if_what_follows_it_still_holds() -> None:
    """Bob's key is on already; if it is switched off meanwhile, it has to be switched on again."""
    desk = Desk(policies(MIRROR))
    desk.store.put(BOB, NOTHING_STORED.replace(DND, ON))
    desk.set("dnd", Asked(DND, ON))
    assert desk.store.waiting[0].wanted.seen == ((BOB, 1),)
    desk.store.put(BOB, NOTHING_STORED.replace(DND, OFF))
    desk.store.settle_all()
    assert [desk.store.stored(user).state(DND) for user in (ALICE, BOB)] == [ON, ON]


def test_a_set_is_stored_only_if_the_forwards_it_was_decided_on_still_hold() -> None:
    """Two users who forward to one another at once on two servers: one of them is refused."""
    rule = "- {id: loop, when: {op: set, target.loop: true}, then: {deny: loop}}"
    desk = Desk(policies(rule))
    desk.set("forward", Asked(CFA, forwarding(True, "sip:bob@example.com")))
    back = forwarding(True, "sip:alice@example.com")
    desk.store.put(BOB, NOTHING_STORED.replace(CFA, back))
    desk.store.settle_all()
    assert desk.told[0].outcomes[0].decision.denial is not None
    assert ALICE not in desk.store.kept


def test_what_only_reads_what_is_not_stored_yet_waits_until_it_is() -> None:
    """Another server may have stored the same revision of something else."""
    desk = Desk(policies(MIRROR))
    desk.set("alice", Asked(DND, ON))
    desk.set("bob", Asked(CFA, ON), user=BOB)
    desk.set("again", Asked(CFA, ON), Asked(DND, ON))
    assert [len(changes_of(one)) for one in desk.store.waiting] == [2, 1]
    desk.store.settle()
    assert len(desk.store.waiting) == 1, "Bob is still under way"
    desk.store.settle_all()
    assert desk.names == ["alice", "bob", "again"]
    assert [desk.store.stored(user).revision for user in (ALICE, BOB)] == [2, 2]


def test_many_who_subscribe_to_one_user_do_not_wait_for_one_another() -> None:
    """A thousand phones of one user are one sync of the disk."""
    desk = Desk()
    for number in range(1000):
        desk.get(str(number), row=dialog_row(number))
    assert len(desk.store.waiting) == 1000
    desk.store.settle_all()
    assert len(desk.told) == 1000


# --- Subscriptions ---


def test_a_get_with_a_row_is_answered_when_the_row_is_stored() -> None:
    """A new subscription must survive a kill -9; a refresh waits for nothing."""
    desk = Desk()
    row = dialog_row(7)
    desk.get("new", row=row)
    desk.get("refresh", user=BOB)
    assert desk.names == ["refresh"]
    assert desk.store.waiting[0].wanted == Wanted((), (), row)
    desk.store.settle()
    assert desk.names == ["refresh", "new"]


def test_a_set_that_changes_nothing_is_stored_with_its_row_and_confirmed() -> None:
    """What it was decided on must still hold when its CSeq is stored."""
    desk = Desk()
    row = dialog_row(7)
    desk.set("dnd", Asked(DND, OFF), row=row)
    assert desk.store.waiting[0].wanted == Wanted((), ((ALICE, 0),), row)
    desk.store.put(ALICE, NOTHING_STORED.replace(DND, ON))
    desk.store.settle_all()
    assert desk.store.stored(ALICE).state(DND) == OFF
    assert len(desk.visits) == 2, "the row is asked for again"


def test_a_set_that_was_stored_before_is_told_what_holds_and_not_applied_again() -> None:
    """Its phone repeats it after a restart; an operator has switched the key off since."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON), row=dialog_row(7))
    desk.store.settle()
    desk.set("operator", Asked(DND, OFF))
    desk.store.settle()
    desk.set("again", Asked(DND, ON), row=dialog_row(7))
    desk.set("later", Asked(CFA, ON))
    desk.store.settle_all()
    assert desk.names == ["dnd", "operator", "again", "later"]
    again = desk.told[2].result
    assert isinstance(again, Repeated)
    assert [one.told for one in again.outcomes] == [OFF] * len(TOLD)
    stored = desk.store.stored(ALICE)
    assert (stored.revision, stored.state(DND), stored.state(CFA)) == (3, OFF, ON)
    assert desk.features.counts["repeats"] == 1


def test_a_new_subscription_that_was_stored_before_is_told_all_states() -> None:
    """Its 200 was lost."""
    desk = Desk()
    for name in ("new", "again"):
        desk.get(name, row=dialog_row(7))
        desk.store.settle()
    again = desk.told[1].result
    assert isinstance(again, Repeated)
    assert len(again.outcomes) == len(TOLD)


# --- Other nodes ---


def test_a_set_in_a_dialog_of_another_node_is_no_failure_and_stores_nothing() -> None:
    """Its phone went to another node and came back: the dialog is adopted, then it is set."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON), row=dialog_row(7))
    desk.store.waiting.pop().settle(Verdict.MOVED, None, 1.0)
    assert desk.errors == {"dnd": "store_moved"}
    assert desk.log.failures == []
    assert desk.features.counts["moved"] == 1
    assert desk.store.stored(ALICE).revision == 0
    desk.set("again", Asked(DND, ON), row=dialog_row(8))
    desk.store.settle_all()
    assert desk.store.stored(ALICE).state(DND) == ON


def test_what_was_decided_on_a_set_that_is_served_anew_is_decided_again() -> None:
    """Nobody else may be told that his dialog is elsewhere."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON), row=dialog_row(7))
    desk.get("get")
    desk.set("cfa", Asked(CFA, ON))
    desk.store.waiting.pop(0).settle(Verdict.MOVED, None, 1.0)
    desk.store.settle_all()
    assert desk.names == ["dnd", "get", "cfa"]
    assert desk.errors == {"dnd": "store_moved"}
    assert [one.told for one in desk.told[1].outcomes] == [OFF] * len(TOLD)
    stored = desk.store.stored(ALICE)
    assert (stored.revision, stored.state(DND), stored.state(CFA)) == (1, OFF, ON)


# --- Failures ---


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.UNAVAILABLE, "store_unavailable"), (Verdict.FENCED, "store_fenced")],
)
def test_a_verdict_without_a_reason_is_an_error_all_the_same(verdict: Verdict, code: str) -> None:
    """Codes decide what a phone is answered."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON))
    desk.store.waiting.pop().settle(verdict, None, 0.0)
    assert desk.errors == {"dnd": code}
    assert desk.log.failures == [(ALICE, code)]


def test_a_commit_that_is_settled_twice_is_told_once() -> None:
    """Whatever a store does."""
    desk = Desk()
    desk.set("dnd", Asked(DND, ON))
    (waiting,) = desk.store.waiting
    for _ in range(2):
        waiting.settle(Verdict.STORED, None, 0.0)
    assert desk.names == ["dnd"]


# --- Fetching ---


def test_who_is_not_known_is_fetched_and_all_requests_are_answered_in_order() -> None:
    """What is not known is not the same as nothing."""
    desk = Desk()
    desk.store.kept[ALICE] = NOTHING_STORED.replace(CFA, ON)
    desk.store.unknown.add(ALICE)
    desk.store.is_fetched_at_once = False
    desk.get("first")
    desk.set("second", Asked(DND, ON))
    desk.get("third")
    desk.get("bob", user=BOB)
    assert desk.names == ["bob"]
    desk.store.answer_fetch()
    desk.store.settle_all()
    assert desk.names == ["bob", "first", "second", "third"]
    assert desk.told[1].outcomes[TOLD.index(CFA)].told == ON
    assert desk.store.stored(ALICE).revision == 2
    assert desk.features.counts["fetches"] == 1


def test_a_fact_about_somebody_not_known_is_fetched_and_all_is_decided_afresh() -> None:
    """Sets are counted once all the same."""
    rules = """
        - {id: loop, when: {op: set, target.loop: true}, then: {deny: loop}}
        - {id: storm, when: {op: set, rate.user: {gt: 2}}, then: {deny: storm}}
    """
    desk = Desk(policies(rules))
    back = forwarding(True, "sip:alice@example.com")
    desk.store.kept[BOB] = NOTHING_STORED.replace(CFA, back)
    desk.store.unknown.add(BOB)
    desk.set("two", Asked(DND, ON), Asked(CFA, forwarding(True, "sip:bob@example.com")))
    desk.store.settle_all()
    denials = [one.decision.denial for one in desk.told[0].outcomes]
    assert [None if one is None else one.reason for one in denials] == [None, "loop"]
    assert [one.around.rate("rate.user") for one in desk.told[0].outcomes] == [1, 2]


def test_a_set_of_somebody_else_that_depends_on_what_is_fetched_waits_with_it() -> None:
    """Alice's set mirrors to Bob, who is not known; Bob's own set comes after hers."""
    desk = Desk(policies(MIRROR))
    desk.store.unknown.add(BOB)
    desk.store.is_fetched_at_once = False
    desk.set("bob", Asked(CFA, ON), user=BOB)
    desk.set("alice", Asked(DND, ON))
    desk.set("carol", Asked(DND, ON), user=CAROL)
    desk.store.settle()
    assert desk.names == ["carol"]
    desk.store.answer_fetch()
    desk.store.settle_all()
    assert desk.names == ["carol", "bob", "alice"]
    assert [desk.store.stored(user).revision for user in (ALICE, BOB)] == [1, 2]


def test_what_is_fetched_for_one_that_was_held_does_not_let_others_overtake_it() -> None:
    """The first needs one more user, who is there at once."""
    rule = "- {id: loop, when: {op: set, target.loop: true}, then: {deny: loop}}"
    desk = Desk(policies(rule))
    desk.store.unknown |= {ALICE, BOB}
    desk.store.is_fetched_at_once = False
    desk.set("first", Asked(CFA, forwarding(True, "sip:bob@example.com")))
    desk.set("second", Asked(DND, ON))
    desk.store.is_fetched_at_once = True
    desk.store.answer_fetch()
    desk.store.settle_all()
    assert desk.names == ["first", "second"]


def test_a_fetch_that_fails_fails_all_that_wait_for_it() -> None:
    """In order; then all is well again."""
    desk = Desk()
    desk.store.unknown.add(ALICE)
    desk.store.is_fetched_at_once = False
    desk.get("first")
    desk.set("second", Asked(DND, ON))
    desk.store.answer_fetch(FULL)
    assert desk.names == ["first", "second"]
    assert {*desk.errors.values()} == {"store_unavailable"}
    desk.get("third")
    desk.store.answer_fetch()
    assert desk.names == ["first", "second", "third"]


def test_a_store_that_never_knows_is_not_asked_for_ever() -> None:
    """It says that it has fetched, and does not know."""

    class _Forgetful(SlowStore):
        def known(self, presentity: Aor) -> None:
            return None

    desk = Desk()
    desk.features = Features(_Forgetful(), default_policies(), desk.log.feed)
    desk.get("refresh")
    assert desk.errors == {"refresh": "store_not_known"}
    assert desk.features.counts["fetches"] == MAX_FETCHES


def test_a_store_that_cannot_be_asked_to_fetch_leaves_nobody_waiting() -> None:
    """Who asked gets an answer, and whoever runs the server hears of the mistake."""

    class _Raising(SlowStore):
        def fetch(self, *_: object) -> None:
            raise RuntimeError("cannot be asked")

    desk, store = Desk(), _Raising()
    store.unknown.add(ALICE)
    desk.features = Features(store, default_policies(), desk.log.feed)
    with pytest.raises(RuntimeError):
        desk.get("refresh")
    assert desk.errors == {"refresh": "store_unavailable"}


def test_a_mistake_while_it_is_decided_again_leaves_nobody_waiting() -> None:
    """It is answered 500, and those after it are served."""

    class _Raising(SlowStore):
        left = 3

        def commit(self, wanted: Wanted, settle: Settle) -> None:
            self.left -= 1
            if self.left == 0:
                raise RuntimeError("cannot be asked")
            super().commit(wanted, settle)

    desk = Desk()
    desk.store = _Raising()
    desk.features = Features(desk.store, default_policies(), desk.log.feed)
    desk.set("first", Asked(DND, ON))
    desk.set("second", Asked(CFA, ON))
    desk.store.settle(CONFLICT)
    with pytest.raises(RuntimeError):
        desk.store.settle()
    desk.store.settle_all()
    assert desk.errors == {"first": "store_conflict"}
    assert desk.names == ["first", "second"]


def test_a_set_in_an_answer_is_decided_after_all_that_waited() -> None:
    """A listener that reacts at once must not overtake phones."""
    desk = Desk()
    desk.store.unknown.add(ALICE)
    desk.store.is_fetched_at_once = False
    told = desk.told

    def react(result: Result, _now: float) -> None:
        told.append(Told("first", result))
        desk.set("reaction", Asked(DND, FeatureState()))

    desk.features.get(ALICE, PHONE, NOON, 0.0, react)
    desk.set("second", Asked(DND, ON))
    desk.store.answer_fetch()
    desk.store.settle_all()
    assert desk.names == ["first", "second", "reaction"]
    assert desk.store.stored(ALICE).state(DND) == OFF
