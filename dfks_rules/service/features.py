"""Get and set: load what is stored, ask the policies, commit, and say what came of it.

Requests of one presentity are answered in the order they were made: what follows a set that
is not committed yet is decided on its result, but told only when it is.

For one request `done` is told first, which is the answer; then the feed, also where `done` raises.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Final, final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import FOLLOWED_SETS, Decision, Done, Outcome
from dfks_rules.model.features import OFF, POSITION, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    Asked,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.policy.facts.there import OF_PHONES
from dfks_rules.service.cascade import INTERNAL, Cascade
from dfks_rules.service.feed import Failed, Feed, Settled
from dfks_rules.service.ports import Policies, Store
from dfks_rules.service.rates import Rates

# CPython 3.11 calls a Python function for each `Operation.GET`.
_GET: Final = Operation.GET
_RATES = frozenset({"rate.user", "rate.device"})
"""Facts that sets are counted for."""


class Shown(Enum):
    """What a get tells, by the rules there are."""

    AS_STORED = "stored"
    """What is stored: no rule shows anything else."""
    ALIKE = "alike"
    """All who watch a presentity are told the same."""
    TO_EACH_ITS_OWN = "own"
    """It depends on who asks."""


@final
class _Pending:
    """What a request comes to for one presentity, and who is told once it holds."""

    __slots__ = ("asked_at", "at", "done", "outcomes", "presentity", "requester")

    def __init__(
        self,
        presentity: Aor,
        outcomes: tuple[Outcome, ...],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done | None,
    ) -> None:
        self.presentity = presentity
        self.outcomes = outcomes
        self.requester = requester
        self.at = at
        """Local time when it was asked for."""
        self.asked_at = now
        """The same moment in monotonic seconds."""
        self.done = done
        """None for what followed: nobody waits for it."""

    def settle(self, feed: Feed, now: float) -> None:
        """It holds."""
        waited = now - self.asked_at
        try:
            if self.done is not None:
                self.done(self.outcomes, now)
        finally:
            event = Settled(self.presentity, self.outcomes, self.requester, self.at, now, waited)
            feed.publish(event)

    def fail(self, feed: Feed, error: StoreError, now: float) -> None:
        """It came to nothing."""
        try:
            if self.done is not None:
                self.done(error, now)
        finally:
            feed.publish(Failed(self.presentity, error, self.requester, now))


class _UnderWay:
    """A change of one presentity on its way to the store."""

    __slots__ = ("after", "waiting")

    def __init__(self, after: Snapshot) -> None:
        self.after = after
        """What holds once this is settled."""
        self.waiting: list[_Pending] = []
        """What is settled with it, in order."""


class Features:
    """The use cases, on one store and one set of policies."""

    def __init__(
        self, store: Store, policies: Policies, feed: Feed, followed_sets: int = FOLLOWED_SETS
    ) -> None:
        """Nothing is under way.

        Args:
            store: keeps states.
            policies: what decides; it may change its mind between two requests.
            feed: told what came of each request.
            followed_sets: most sets that may follow from one.
        """
        self._store = store
        self._policies = policies
        self._feed = feed
        self._followed_sets = followed_sets
        self._rates = Rates()
        self._quiet = Surroundings(self._snapshot)
        self._under_way: dict[Aor, _UnderWay] = {}
        """The newest commit of each presentity that has one."""

    def admit(self, presentity: Aor, requester: Requester, at: datetime, now: float) -> Decision:
        """Whether the requester may watch the presentity.

        Raises:
            StoreError: what is stored cannot be read.
        """
        request = FeatureRequest(Operation.SUBSCRIBE, presentity, requester)
        try:
            snapshot = self._snapshot(presentity)
            decision = self._policies.decide(request, snapshot, at, self._quiet)
        except StoreError as error:
            self._feed.publish(Failed(presentity, error, requester, now))
            raise
        # That a phone may watch itself though no rule says anything is not worth an event.
        if decision.matched or decision.denial is not None:
            outcome = Outcome(request, decision, OFF, OFF, None, snapshot, at, self._quiet)
            self._feed.publish(Settled(presentity, (outcome,), requester, at, now))
        return decision

    def get(
        self, presentity: Aor, requester: Requester, at: datetime, now: float, done: Done
    ) -> None:
        """Work out the states to tell: one outcome for each feature, in the order of `FEATURES`.

        An operator gets all of them, a phone those that it may be told of.

        Args:
            presentity: whose.
            requester: who asks.
            at: local time, for the policies.
            now: monotonic seconds.
            done: told the outcomes, or why the store failed.
        """
        outcomes: tuple[Outcome, ...] = ()
        failure: StoreError | None = None
        try:
            # A fact may be about what is stored for others.
            outcomes = self._gets(presentity, self._snapshot(presentity), requester, at)
        except StoreError as error:
            failure = error
        pending = _Pending(presentity, outcomes, requester, at, now, done)
        if failure is None:
            self._settle(pending, now)
        else:
            pending.fail(self._feed, failure, now)

    def set(
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
    ) -> None:
        """Decide on and keep states, in order; see `get`.

        `done` is told one outcome for each of `asked`, and those of sets that followed for the same
        presentity.
        """
        try:
            cascade = self._decide(presentity, asked, requester, at, now)
        except StoreError as error:
            _Pending(presentity, (), requester, at, now, done).fail(self._feed, error, now)
            return
        self._carry_out(cascade, presentity, requester, at, now, done)

    def set_all(
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
    ) -> None:
        """As `set`, but nothing is kept where one of `asked` is denied.

        Then `done` is told the outcomes of those that were denied.
        """
        try:
            cascade = self._decide(presentity, asked, requester, at, now)
        except StoreError as error:
            _Pending(presentity, (), requester, at, now, done).fail(self._feed, error, now)
            return
        cascade.keep_denials(presentity)
        self._carry_out(cascade, presentity, requester, at, now, done)

    def set_and_get(
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
    ) -> None:
        """As `set`, then as `get`: the outcomes of both are told in one, those of the gets last.

        One revision of the policies decides on all of it.
        """
        try:
            cascade = self._decide(presentity, asked, requester, at, now)
            change = cascade.changes[presentity]
            for outcome in self._gets(presentity, change.after, requester, at):
                change.take(outcome)
        except StoreError as error:
            _Pending(presentity, (), requester, at, now, done).fail(self._feed, error, now)
            return
        self._carry_out(cascade, presentity, requester, at, now, done)

    def look(
        self, presentity: Aor, features: Sequence[Feature], requester: Requester, at: datetime
    ) -> tuple[tuple[Feature, FeatureState], ...]:
        """What a get would show of some features this moment, of what is committed.

        Nobody else hears of it.

        Returns:
            Those that are assigned, each with its state.

        Raises:
            StoreError: what is stored cannot be read.
        """
        snapshot = self._store.load(presentity)
        seen: list[tuple[Feature, FeatureState]] = []
        for feature in features:
            request = FeatureRequest(_GET, presentity, requester, feature)
            decision = self._policies.decide(request, snapshot, at, self._quiet)
            if decision.assigned:
                seen.append((feature, decision.state))
        return tuple(seen)

    @property
    def shown(self) -> Shown:
        """What those who watch are shown of a presentity's states."""
        reads = self._policies.reads_on_get
        if reads is None:
            return Shown.AS_STORED
        return Shown.ALIKE if OF_PHONES.isdisjoint(reads) else Shown.TO_EACH_ITS_OWN

    def _gets(
        self, presentity: Aor, snapshot: Snapshot, requester: Requester, at: datetime
    ) -> tuple[Outcome, ...]:
        quiet = self._quiet
        states = snapshot.states
        gets = self._policies.decide_gets(presentity, requester, snapshot, at, quiet)
        return tuple(
            [
                Outcome(
                    FeatureRequest(_GET, presentity, requester, feature),
                    decision,
                    stored,
                    stored,
                    decision.state if decision.assigned else None,
                    snapshot,
                    at,
                    quiet,
                )
                for feature, decision in gets
                for stored in (states[POSITION[feature]],)
            ]
        )

    def _decide(
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
    ) -> Cascade:
        counted = not _RATES.isdisjoint(self._policies.reads)
        surroundings = partial(self._count_set, now=now) if counted else self._count_nothing
        cascade = Cascade(self._policies, self._snapshot, surroundings, at, self._followed_sets)
        for one in asked:
            cascade.ask(presentity, one, requester)
        return cascade

    def _carry_out(
        self,
        cascade: Cascade,
        presentity: Aor,
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
    ) -> None:
        """Commit what was decided. What followed for others may fail alone."""
        for owner, change in cascade.changes.items():
            outcomes = tuple(change.outcomes)
            if owner == presentity:
                pending = _Pending(owner, outcomes, requester, at, now, done)
            else:
                pending = _Pending(owner, outcomes, INTERNAL, at, now, None)
            after = change.after
            if after is change.before:
                self._settle(pending, now)
            else:
                self._commit(pending, change.before, after)

    def _snapshot(self, presentity: Aor) -> Snapshot:
        """What holds once everything that was decided is settled."""
        commit = self._under_way.get(presentity)
        return self._store.load(presentity) if commit is None else commit.after

    def _count_nothing(self, _request: FeatureRequest) -> Surroundings:
        """What else the policies may look at where no rule asks how many sets there are."""
        return self._quiet

    def _count_set(self, request: FeatureRequest, now: float) -> Surroundings:
        """What else the policies may look at, sets counted."""
        if request.operation is not Operation.SET:
            return self._quiet
        presentity, requester = request.presentity, request.requester
        if requester.origin is Origin.INTERNAL:
            return Surroundings(self._snapshot, self._rates.count(presentity, now))
        sets_of_user = self._rates.add(presentity, now)
        if requester.origin is not Origin.WATCHER:
            return Surroundings(self._snapshot, sets_of_user)
        device = (requester.watcher, requester.source_ip, requester.user_agent)
        return Surroundings(self._snapshot, sets_of_user, self._rates.add(device, now))

    def _settle(self, pending: _Pending, now: float) -> None:
        """Tell what changed nothing: at once, or after the commits that it was decided on."""
        commit = self._under_way.get(pending.presentity)
        if commit is None:
            pending.settle(self._feed, now)
        else:
            commit.waiting.append(pending)

    def _commit(self, pending: _Pending, before: Snapshot, after: Snapshot) -> None:
        presentity = pending.presentity
        commit = self._under_way[presentity] = _UnderWay(after)
        commit.waiting.append(pending)
        settle = partial(self._settled, presentity, commit)
        try:
            self._store.commit(presentity, before, after, settle)
        except BaseException:
            # It may never be settled: the presentity must not wait for ever.
            self._forget(presentity, commit)
            raise

    def _settled(
        self, presentity: Aor, commit: _UnderWay, error: StoreError | None, now: float
    ) -> None:
        try:
            # The list may grow while it is told: what is asked meanwhile is answered after the
            # others.
            self._tell(iter(commit.waiting), error, now)
        finally:
            # Also where one of the told has raised: the presentity must not wait for ever.
            self._forget(presentity, commit)

    def _forget(self, presentity: Aor, commit: _UnderWay) -> None:
        if self._under_way.get(presentity) is commit:
            del self._under_way[presentity]

    def _tell(self, waiting: Iterator[_Pending], error: StoreError | None, now: float) -> None:
        for pending in waiting:
            try:
                if error is None:
                    pending.settle(self._feed, now)
                else:
                    pending.fail(self._feed, error, now)
            except Exception:
                # Nobody's answer is lost because another one could not be given.
                self._tell(waiting, error, now)
                raise
