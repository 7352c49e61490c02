"""Sets, and the sets that follow from them: all that one request comes to, before it is stored."""

from collections.abc import Callable
from datetime import datetime

from dfks_rules.model.decisions import MAX_DEPTH, Decision, Denial, DenialAnswer, Outcome
from dfks_rules.model.features import POSITION, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    Asked,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.service.ports import Policies

TOO_MANY = "too-many-sets"
"""Reason of the denial of a set from which more would follow."""
INTERNAL = Requester(Origin.INTERNAL)
"""Who asks for sets that follow."""

_KEPT_BY_DENIAL = ("assigned", "notify")
"""Fields of `Decision.decided_by` that count for a denied set, too."""


class Change:
    """What a request comes to for one presentity."""

    __slots__ = ("before", "outcomes", "states")

    def __init__(self, before: Snapshot) -> None:
        self.before = before
        """What held before."""
        self.states = before.states
        """What holds after."""
        self.outcomes: list[Outcome] = []
        """What came of each set, in order."""

    @property
    def after(self) -> Snapshot:
        """What holds after; `before` itself where nothing changed."""
        before = self.before
        if self.states == before.states:
            return before
        return Snapshot(before.revision + 1, self.states)


class _TooManyError(Exception):
    """More sets would follow from one than may."""


class Cascade:
    """Policies on sets one after the other, each on the result of those before it.

    One set of policies decides on all of them, whatever is loaded meanwhile.
    """

    def __init__(
        self,
        policies: Policies,
        snapshot_of: Callable[[Aor], Snapshot],
        surroundings: Callable[[FeatureRequest], Surroundings],
        at: datetime,
        followed_sets: int,
    ) -> None:
        """Nothing is asked yet.

        Args:
            policies: what decides.
            snapshot_of: what is stored for a presentity.
            surroundings: what else a decision may look at.
            at: local time.
            followed_sets: most sets that may follow from one.
        """
        self._policies = policies
        self._snapshot_of = snapshot_of
        self._surroundings = surroundings
        self._at = at
        self._followed_sets = followed_sets
        self._left = 0
        """How many more may follow from the set that is asked for."""
        self.changes: dict[Aor, Change] = {}
        """Whoever is concerned, the presentity that was asked for first."""

    def ask(self, presentity: Aor, asked: Asked, requester: Requester) -> None:
        """Decide on one set, and on all that follow from it.

        Where more follow than may, the set is denied, and nothing of what followed remains.

        Raises:
            StoreError: what is stored cannot be read.
        """
        outcome = self._decide(presentity, asked, requester)
        if not outcome.decision.also:
            return
        marks = {aor: (len(one.outcomes), one.states) for aor, one in self.changes.items()}
        self._left = self._followed_sets
        try:
            self._follow(outcome, {(presentity, asked.feature)}, 1)
        except _TooManyError:
            self._return_to(marks)
            self._deny(outcome)

    def _follow(self, outcome: Outcome, seen: set[tuple[Aor, Feature]], depth: int) -> None:
        """Carry out what follows from a set, never twice for one user and feature."""
        for presentity, asked in outcome.decision.also:
            key = (presentity, asked.feature)
            if key not in seen:
                if self._left == 0:
                    raise _TooManyError
                self._left -= 1
                seen.add(key)
                following = self._decide(presentity, asked, INTERNAL)
                if depth < MAX_DEPTH:
                    self._follow(following, seen, depth + 1)

    def _return_to(self, marks: dict[Aor, tuple[int, tuple[FeatureState, ...]]]) -> None:
        """Undo what was decided since the marks were taken."""
        for presentity in list(self.changes):
            if presentity not in marks:
                del self.changes[presentity]
                continue
            change = self.changes[presentity]
            count, change.states = marks[presentity]
            del change.outcomes[count:]

    def _deny(self, outcome: Outcome) -> None:
        """Put a denial in place of the last outcome, from which too much would follow."""
        request, decision, stored, snapshot = (
            outcome.request,
            outcome.decision,
            outcome.before,
            outcome.snapshot,
        )
        assert request.feature is not None  # noqa: S101 - for the type checker: it is a set
        assert snapshot is not None  # noqa: S101 - `_decide` gives it
        text = f"More than {self._followed_sets} sets would follow from this one"
        by = decision.decided_by
        denied = decision._replace(
            state=stored,
            denial=Denial(TOO_MANY, text),
            also=(),
            decided_by={field: by[field] for field in _KEPT_BY_DENIAL if field in by},
        )
        change = self.changes[request.presentity]
        shown = self._shown(request, denied, stored, snapshot)
        change.states = snapshot.states
        change.outcomes[-1] = outcome._replace(decision=denied, after=stored, told=shown)

    def _decide(self, presentity: Aor, asked: Asked, requester: Requester) -> Outcome:
        change = self.changes.get(presentity)
        if change is None:
            change = self.changes[presentity] = Change(self._snapshot_of(presentity))
        feature, state, device = asked.feature, asked.state, asked.device
        by = requester if device == requester.device else requester._replace(device=device)
        request = FeatureRequest(Operation.SET, presentity, by, feature, state)
        before, states = change.before, change.states
        snapshot = before if states is before.states else before._replace(states=states)
        around = self._surroundings(request)
        decision = self._policies.decide(request, snapshot, self._at, around)
        position = POSITION[feature]
        stored = states[position]
        if decision.denial is None:
            # An operator's set is told even where the feature is not assigned (presence_dfks).
            told = decision.assigned or requester.origin is Origin.OPERATOR
            after, shown = decision.state, decision.state if told else None
            change.states = (*states[:position], after, *states[position + 1 :])
        else:
            after, shown = stored, self._shown(request, decision, stored, snapshot)
        outcome = Outcome(request, decision, stored, after, shown, snapshot, self._at, around)
        change.outcomes.append(outcome)
        return outcome

    def _shown(
        self, request: FeatureRequest, decision: Decision, stored: FeatureState, snapshot: Snapshot
    ) -> FeatureState | None:
        """What the phone is told in answer to a denial; nobody is told of one that followed."""
        assert decision.denial is not None  # noqa: S101 - for the type checker
        if request.requester.origin is Origin.INTERNAL:
            return None
        match decision.denial.answer:
            case DenialAnswer.STORED | DenialAnswer.REJECT:
                get = request._replace(operation=Operation.GET, asked=None)
                around = self._surroundings(get)
                holds = self._policies.decide(get, snapshot, self._at, around)
                return holds.state if holds.assigned else None
            case DenialAnswer.OFF:
                return stored._replace(status=False)
            case DenialAnswer.UNASSIGNED:
                return None
