"""Get and set: load what is stored, ask the policies, commit, and say what came of it.

Requests of one presentity are answered in the order they were made: what follows a set that
is not committed yet is decided on its result, but told only when it is.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, DenialAnswer, Done, Outcome
from dfks_rules.model.features import FEATURES, POSITION, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, FeatureRequest, Operation, Origin, Requester
from dfks_rules.service.ports import OutcomeLog, Store

# A named tuple's own constructor is a Python function: this is the same without the call.
_new = tuple.__new__


class Decides(Protocol):
    """What answers one request; `policy.policy_set.PolicySet` does."""

    def decide(self, request: FeatureRequest, snapshot: Snapshot, at: datetime) -> Decision:
        """The decision; the same for the same arguments."""
        ...

    def decide_gets(
        self, presentity: Aor, requester: Requester, snapshot: Snapshot, at: datetime
    ) -> tuple[Decision, ...]:
        """What `decide` says to a get of each of `FEATURES`, in that order."""
        ...


class _Commit:
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
        self._under_way: dict[Aor, _Commit] = {}
        """The newest commit of each presentity that has one."""

    def admit(self, presentity: Aor, requester: Requester, at: datetime) -> Decision:
        """Whether the requester may watch the presentity."""
        request = FeatureRequest(Operation.SUBSCRIBE, presentity, requester)
        return self.policies.decide(request, self._snapshot(presentity), at)

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
        except StoreError as error:
            done(error, now)
            return
        decisions = self.policies.decide_gets(presentity, requester, snapshot, at)
        outcomes = []
        for feature, stored, decision in zip(FEATURES, snapshot.states, decisions, strict=True):
            request = _new(FeatureRequest, (Operation.GET, presentity, requester, feature, None))
            told = decision.state if decision.assigned else None
            outcomes.append(_new(Outcome, (request, decision, stored, stored, told)))
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
        try:
            before = self._snapshot(presentity)
        except StoreError as error:
            done(error, now)
            return
        states = before.states
        outcomes = []
        for feature, state, device in asked:
            snapshot = Snapshot(before.revision, states)
            by = requester if device == requester.device else requester._replace(device=device)
            request = FeatureRequest(Operation.SET, presentity, by, feature, state)
            outcome = self._decided(request, feature, snapshot, at)
            outcomes.append(outcome)
            position = POSITION[feature]
            states = (*states[:position], outcome.after, *states[position + 1 :])
        if states == before.states:
            self._settle(presentity, tuple(outcomes), now, done)
        else:
            after = Snapshot(before.revision + 1, states)
            self._commit(presentity, before, after, tuple(outcomes), done)

    def _snapshot(self, presentity: Aor) -> Snapshot:
        """What holds once everything that was decided is settled."""
        commit = self._under_way.get(presentity)
        return self._store.load(presentity) if commit is None else commit.after

    def _decided(
        self, request: FeatureRequest, feature: Feature, snapshot: Snapshot, at: datetime
    ) -> Outcome:
        """What one set comes to."""
        decision = self.policies.decide(request, snapshot, at)
        stored = snapshot.states[POSITION[feature]]
        if decision.denial is None:
            # An operator's set is told even where the feature is not assigned (presence_dfks).
            told = decision.assigned or request.requester.origin is Origin.OPERATOR
            state = decision.state
            return Outcome(request, decision, stored, state, state if told else None)
        shown: FeatureState | None
        match decision.denial.answer:
            case DenialAnswer.STORED | DenialAnswer.REJECT:
                get = request._replace(operation=Operation.GET, asked=None)
                holds = self.policies.decide(get, snapshot, at)
                shown = holds.state if holds.assigned else None
            case DenialAnswer.OFF:
                shown = stored._replace(status=False)
            case DenialAnswer.UNASSIGNED:
                shown = None
        return Outcome(request, decision, stored, stored, shown)

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
        commit = self._under_way[presentity] = _Commit(after)
        commit.told.append((outcomes, done))
        self._store.commit(presentity, before, after, partial(self._settled, presentity, commit))

    def _settled(
        self, presentity: Aor, commit: _Commit, error: StoreError | None, now: float
    ) -> None:
        # The list may grow while it is told: what is asked meanwhile is answered after the others.
        try:
            for outcomes, done in commit.told:
                if error is None:
                    self._log.record(outcomes)
                    done(outcomes, now)
                else:
                    done(error, now)
        finally:
            # Also where one of the told has raised: the presentity must not wait for ever.
            if self._under_way.get(presentity) is commit:
                del self._under_way[presentity]
