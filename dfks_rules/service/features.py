"""Get and set: load what is stored, ask the policies, commit, and say what came of it.

Requests of one presentity are answered in the order they were made: what follows a set that
is not committed yet is decided on its result, but told only when it is.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, Done, Outcome
from dfks_rules.model.features import FEATURES, OFF, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    Asked,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.service.cascade import Cascade
from dfks_rules.service.ports import Decides, OutcomeLog, Store
from dfks_rules.service.rates import Rates

_RATES = frozenset({"rate.user", "rate.device"})
"""Facts that sets are counted for."""

# A named tuple's own constructor is a Python function: this is the same without the call.
_new = tuple.__new__


def _nobody(_presentity: Aor, _outcomes: tuple[Outcome, ...] | StoreError, _now: float) -> None:
    """Is told, and does nothing."""


class _UnderWay:
    """A change of one presentity on its way to the store."""

    __slots__ = ("after", "told")

    def __init__(self, after: Snapshot) -> None:
        self.after = after
        """What holds once this is settled."""
        self.told: list[tuple[tuple[Outcome, ...], Done]] = []
        """Who is told what when this is settled, in order."""


class Features:
    """The use cases, on one store and one set of policies."""

    def __init__(self, store: Store, policies: Decides, log: OutcomeLog) -> None:
        self._store = store
        self.policies = policies
        """What decides from now on; may be replaced between two requests."""
        self._log = log
        self.followed: Callable[[Aor, tuple[Outcome, ...] | StoreError, float], None] = _nobody
        """Told what came of sets on another presentity that followed from those asked for. What the
        policies have follow may fail alone: then the one is stored, and the other is not."""
        self._rates = Rates()
        self._quiet = Surroundings(self._snapshot)
        self._under_way: dict[Aor, _UnderWay] = {}
        """The newest commit of each presentity that has one."""

    def admit(self, presentity: Aor, requester: Requester, at: datetime) -> Decision:
        """Whether the requester may watch the presentity.

        Raises:
            StoreError: what is stored cannot be read.
        """
        request = _new(FeatureRequest, (Operation.SUBSCRIBE, presentity, requester, None, None))
        try:
            snapshot = self._snapshot(presentity)
            decision = self.policies.decide(request, snapshot, at, self._quiet)
        except StoreError as error:
            self._log.failed(presentity, error)
            raise
        # That a phone may watch itself though no rule says anything is not worth a record.
        if decision.matched or decision.denial is not None:
            made = (request, decision, OFF, OFF, None, snapshot, at, self._quiet)
            self._log.record((_new(Outcome, made),))
        return decision

    def get(
        self, presentity: Aor, requester: Requester, at: datetime, now: float, done: Done
    ) -> None:
        """Work out the states to tell, one outcome for each of `FEATURES`.

        Args:
            presentity: whose.
            requester: who asks.
            at: local time, for the policies.
            now: monotonic seconds.
            done: told the outcomes, or why the store failed.
        """
        try:
            snapshot = self._snapshot(presentity)
            # A fact may be about what is stored for others.
            decisions = self.policies.decide_gets(presentity, requester, snapshot, at, self._quiet)
        except StoreError as error:
            self._log.failed(presentity, error)
            done(error, now)
            return
        get, quiet = Operation.GET, self._quiet
        outcomes = [
            _new(
                Outcome,
                (
                    _new(FeatureRequest, (get, presentity, requester, feature, None)),
                    decision,
                    stored,
                    stored,
                    decision.state if decision.assigned else None,
                    snapshot,
                    at,
                    quiet,
                ),
            )
            for feature, stored, decision in zip(FEATURES, snapshot.states, decisions, strict=True)
        ]
        self._settle(presentity, tuple(outcomes), now, done)

    def set(
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
    ) -> None:
        """Decide on and keep states, in order, one outcome for each of `asked`; see `get`."""
        counted = not _RATES.isdisjoint(self.policies.reads)
        surroundings = partial(self._count_set, now=now) if counted else self._count_nothing
        cascade = Cascade(self.policies, self._snapshot, surroundings, at)
        try:
            for one in asked:
                cascade.ask(presentity, one, requester)
        except StoreError as error:
            self._log.failed(presentity, error)
            done(error, now)
            return
        for owner, change in cascade.changes.items():
            outcomes = tuple(change.outcomes)
            told = done if owner == presentity else partial(self.followed, owner)
            if change.states == change.before.states:
                self._settle(owner, outcomes, now, told)
            else:
                after = _new(Snapshot, (change.before.revision + 1, change.states))
                self._commit(owner, change.before, after, outcomes, told)

    def _snapshot(self, presentity: Aor) -> Snapshot:
        """What holds once everything that was decided is settled."""
        commit = self._under_way.get(presentity)
        return self._store.load(presentity) if commit is None else commit.after

    def _count_nothing(self, _request: FeatureRequest) -> Surroundings:
        """What else the policies may look at where no rule asks how many sets there are."""
        return self._quiet

    def _count_set(self, request: FeatureRequest, now: float) -> Surroundings:
        """What else the policies may look at; a set adds to the counts."""
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

    def _settle(
        self, presentity: Aor, outcomes: tuple[Outcome, ...], now: float, done: Done
    ) -> None:
        """Tell what changed nothing: at once, or after the commits that it was decided on."""
        commit = self._under_way.get(presentity)
        if commit is not None:
            commit.told.append((outcomes, done))
            return
        self._log.record(outcomes)
        done(outcomes, now)

    def _commit(
        self,
        presentity: Aor,
        before: Snapshot,
        after: Snapshot,
        outcomes: tuple[Outcome, ...],
        done: Done,
    ) -> None:
        commit = self._under_way[presentity] = _UnderWay(after)
        commit.told.append((outcomes, done))
        self._store.commit(presentity, before, after, partial(self._settled, presentity, commit))

    def _settled(
        self, presentity: Aor, commit: _UnderWay, error: StoreError | None, now: float
    ) -> None:
        # The list may grow while it is told: what is asked meanwhile is answered after the others.
        try:
            for outcomes, done in commit.told:
                if error is None:
                    self._log.record(outcomes)
                    done(outcomes, now)
                else:
                    self._log.failed(presentity, error)
                    done(error, now)
        finally:
            # Also where one of the told has raised: the presentity must not wait for ever.
            if self._under_way.get(presentity) is commit:
                del self._under_way[presentity]
