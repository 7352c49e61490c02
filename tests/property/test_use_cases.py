"""Requests on a store that delays, conflicts, fails and forgets: what is answered is stored.

One seed makes one history; a failure prints it.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome, Repeated
from dfks_rules.model.features import NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.gets import Result, outcomes_of
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.model.values import Value
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Event, Feed, Settled
from dfks_rules.service.ports import DialogRow, Settle, Verdict, Wanted
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, source
from tests.helpers.states import forwarding
from tests.helpers.stores import SlowStore

CAROL = Aor("carol", "example.com")
USERS = (ALICE, BOB, CAROL)
RULES = """
    - id: alice-to-bob
      when: {op: set, feature: DoNotDisturb, user: alice, origin: {ne: internal}}
      then: {also: [{feature: DoNotDisturb, user: bob, status: request}]}
    - id: bob-to-alice
      when: {op: set, feature: DoNotDisturb, user: bob, origin: {ne: internal}}
      then: {also: [{feature: DoNotDisturb, user: alice, status: request}]}
    - id: loop
      when: {op: set, feature: CallForwardingAlways, target.loop: true}
      then: {deny: loop}
    - id: hide
      when: {op: get, feature: CallForwardingAlways, target.loop: true}
      then: {assigned: false}
    - id: storm
      when: {op: set, rate.user: {gt: 1000}}
      then: {deny: storm}
"""
HISTORIES = 300


@pytest.fixture(scope="module")
def decides() -> PolicySet:
    """Alice and Bob mirror one another; what forwards say depends on what others forward to."""
    return load([source(RULES)])


class Asking(NamedTuple):
    """A request, as a phone remembers it."""

    number: int
    user: Aor
    asked: tuple[Asked, ...]
    """Empty for a get."""
    visit: tuple[int, int] | None
    """Number of its subscription, and its CSeq."""


class MistakeError(Exception):
    """Something of ours is broken."""


class BrittleStore(SlowStore):
    """Cannot even be asked, now and then."""

    def __init__(self, source: random.Random) -> None:
        super().__init__()
        self.random = source

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Raise, or keep it waiting."""
        if self.random.random() < 0.02:
            raise MistakeError
        super().commit(wanted, settle)


class World:
    """Phones, the use cases and a faulty store, from one seed."""

    def __init__(self, seed: int, policies: PolicySet) -> None:
        self.random = random.Random(seed)
        self.store = BrittleStore(self.random)
        self.store.is_fetched_at_once = self.random.random() < 0.3
        feed = Feed()
        feed.listen(self.hear)
        self.features = Features(self.store, policies, feed)
        self.made: list[Asking] = []
        self.answers: dict[int, Result] = {}
        self.order: dict[Aor, list[int]] = {user: [] for user in USERS}
        self.raised: set[int] = set()
        """Those that came to an exception, which nobody waits for."""
        self.events: list[Event] = []
        self.foreign = 0
        """How often another server has stored something."""
        self.history: dict[Aor, list[Snapshot]] = {user: [NOTHING_STORED] for user in USERS}

    def hear(self, event: Event) -> None:
        """What others are told."""
        self.events.append(event)

    def run(self, steps: int) -> None:
        """Things happen; then the store is well, and all that is under way comes to its end."""
        for _ in range(steps):
            things = (self.ask, self.ask, self.settle, self.settle, self.fetched, self.fault)
            self.happens(self.random.choice(things))
        while self.store.waiting or self.store.fetches:
            self.happens(self.store.settle if self.store.waiting else self.store.answer_fetch)

    def happens(self, thing: Callable[[], None]) -> None:
        """Something happens; what holds of what is stored holds still."""
        with suppress(MistakeError):
            thing()
        for user in USERS:
            stored = self.store.stored(user)
            if stored != self.history[user][-1]:
                self.history[user].append(stored)
        assert self.store.stored(ALICE).state(DND) == self.store.stored(BOB).state(DND)
        assert not self.loops()

    def loops(self) -> bool:
        """Whether calls that are forwarded come back; no rule would allow it."""
        to = {user.user: _target(self.store.stored(user)) for user in USERS}
        for one in to:
            seen, at = [one], to[one]
            while at in to and at not in seen:
                seen.append(at)
                at = to[at]
            if at == one:
                return True
        return False

    def ask(self) -> None:
        """A phone asks for something, or for what came to an error once more."""
        again = [
            one
            for one in self.made
            if one.visit is not None and isinstance(self.answers.get(one.number), StoreError)
        ]
        if again and self.random.random() < 0.3:
            old = self.random.choice(again)
            self.begin(old._replace(number=len(self.made)))
            return
        user, number = self.random.choice(USERS), len(self.made)
        target = self.random.choice(("x", *(one.user for one in USERS)))
        asked: list[Asked] = []
        if self.random.random() < 0.6:
            asked.append(Asked(CFA, forwarding(True, f"sip:{target}@example.com;n={number}")))
        if self.random.random() < 0.6:
            asked.append(Asked(DND, FeatureState(self.random.random() < 0.5)))
        visit = (number, 1) if self.random.random() < 0.5 else None
        self.begin(Asking(number, user, tuple(asked), visit))

    def begin(self, asking: Asking) -> None:
        """Ask the use cases."""
        self.made.append(asking)
        requester = Requester(Origin.WATCHER, asking.user)

        def done(result: Result, _now: float) -> None:
            assert asking.number not in self.answers
            self.answers[asking.number] = result
            if isinstance(result, StoreError) and result.message == "it cannot be decided again":
                self.raised.add(asking.number)
            else:
                self.order[asking.user].append(asking.number)
            if self.random.random() < 0.03:
                raise MistakeError
            if self.random.random() < 0.1:
                self.ask()

        def visit(_outcomes: tuple[Outcome, ...]) -> DialogRow | None:
            assert asking.visit is not None
            row, cseq = asking.visit
            return DialogRow(row, b"tag", asking.user, 0.0, cseq, 0, 0, None, None)

        given = None if asking.visit is None else visit
        user, asked = asking.user, asking.asked
        sets = (self.features.set, self.features.set_all, self.features.set_and_get)
        try:
            if asked:
                self.random.choice(sets)(user, asked, requester, NOON, 0.0, done, given)
            else:
                self.features.get(user, requester, NOON, 0.0, done, given)
        except MistakeError:
            if asking.number not in self.answers:
                # It is answered 500 by whoever asked.
                self.answers[asking.number] = StoreError("bug", "raised")
                self.raised.add(asking.number)

    def settle(self) -> None:
        """The oldest commit is settled, well or not."""
        store = self.store
        if not store.waiting:
            return
        if self.random.random() < 0.7:
            store.settle()
            return
        wanted, settle = store.waiting.pop(0)
        verdicts = [Verdict.UNAVAILABLE, Verdict.FENCED]
        if wanted.changes or wanted.seen:
            verdicts += [Verdict.CONFLICT] * 4
        verdict = self.random.choice(verdicts)
        is_unknown = verdict is Verdict.UNAVAILABLE and self.random.random() < 0.5
        if is_unknown and store._judge(wanted) is Verdict.STORED:
            store._keep(wanted)
        settle(verdict, None, 0.0)

    def fetched(self) -> None:
        """A fetch is answered, well or not, the oldest or another one."""
        if self.store.fetches:
            failed = self.random.random() < 0.1
            error = StoreError("store_unavailable", "cannot be read") if failed else None
            self.store.answer_fetch(error, self.random.randrange(len(self.store.fetches)))

    def fault(self) -> None:
        """Another server stores something, or this one forgets what it knew."""
        if self.random.random() < 0.5:
            self.store.unknown.add(self.random.choice(USERS))
            return
        self.foreign += 1
        status = FeatureState(self.random.random() < 0.5)
        for user in self.random.choice(((ALICE, BOB), (CAROL,))):
            before = self.store.stored(user)
            for target in (self.random.choice(USERS).user, "other"):
                forward = forwarding(True, f"sip:{target}@example.com;n=f{self.foreign}")
                self.store.kept[user] = before
                self.store.put(user, before.replace(DND, status).replace(CFA, forward))
                if not self.loops():
                    break

    def check(self) -> None:
        """What holds of the answers in the end."""
        assert [one.number for one in self.made if one.number not in self.answers] == []
        assert self.features._latest.newest == {}
        for user, order in self.order.items():
            numbers = [one.number for one in self.made if one.user == user]
            assert order == [one for one in numbers if one not in self.raised]
        for history in self.history.values():
            revisions = [one.revision for one in history]
            assert revisions == list(range(len(history)))
        for asking in self.made:
            self._check_answer(asking, self.answers[asking.number])
        self._check_events()

    def _check_answer(self, asking: Asking, result: Result) -> None:
        history = self.history[asking.user]
        marks = [f";n={one.number}" for one in self.made if one.visit == asking.visit is not None]
        marks = marks or [f";n={asking.number}"]
        target = self._target_of(asking)
        times = 0 if target is None else _times(history, target)
        assert times <= 1, "a set is stored once"
        if isinstance(result, StoreError):
            return
        if isinstance(result, Repeated):
            assert len(marks) > 1
            assert asking.visit is not None
            self._check_told(history, result.outcomes)
            return
        outcomes = outcomes_of(result)
        sets = [one for one in outcomes if one.request.asked is not None]
        self._check_told(history, outcomes[len(sets) :])
        for one in sets:
            if one.request.feature is CFA and one.changed:
                assert times == 1, "what is answered is stored"

    def _target_of(self, asking: Asking) -> str | None:
        for one in asking.asked:
            if one.feature is CFA:
                return str(one.state.value(Value.FORWARD_TO))
        return None

    def _check_told(self, history: list[Snapshot], gets: Sequence[Outcome]) -> None:
        """What a get tells was stored at some time."""
        for one in gets:
            assert one.snapshot in history, "nobody is told of what never was"

    def _check_events(self) -> None:
        """A decision has one number, and each change is told once, in the order of revisions."""
        numbers: set[int] = set()
        for user in USERS:
            told = [
                one.outcomes[0].snapshot.revision
                for one in self.events
                if isinstance(one, Settled)
                and one.presentity == user
                and any(outcome.changed for outcome in one.outcomes)
            ]
            assert told == sorted(told)
        for event in self.events:
            if isinstance(event, Settled):
                mine = {event.first + n for n in range(len(event.outcomes))}
                assert not mine & numbers
                numbers |= mine


def _target(stored: Snapshot) -> str:
    """To whom calls are forwarded: the user of `sip:USER@…`."""
    state = stored.state(CFA)
    return str(state.value(Value.FORWARD_TO)).partition("@")[0][4:] if state.status else ""


def _times(history: list[Snapshot], target: str) -> int:
    """How often a forward came to be stored."""
    said = [one.state(CFA).value(Value.FORWARD_TO) for one in history]
    return sum(b == target != a for a, b in pairwise(said))


def test_what_is_answered_is_stored_once_whatever_the_store_does(decides: PolicySet) -> None:
    """Mirrored users stay equal, requests of one user are answered in order, nobody waits."""
    first = random.randrange(1 << 32)
    given_up = 0
    for seed in range(first, first + HISTORIES):
        world = World(seed, decides)
        try:
            world.run(60)
            world.check()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        given_up += world.features.counts["conflicts"]
    assert given_up, "there was no conflict at all"
