"""Sets, and the sets that follow from them: all that one request comes to, before it is stored."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from dfks_rules.model.decisions import MAX_DEPTH, Denial, DenialAnswer, Outcome
from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    POSITION,
    ROWS,
    Deadline,
    Feature,
    FeatureState,
    Snapshot,
    switched_off,
    with_deadline,
    without_deadline,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    EXPIRED,
    Asked,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.service.ports import ChangedError, Policies

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_SET: Final = Operation.SET
_GET: Final = Operation.GET
_INTERNAL: Final = Origin.INTERNAL
_OPERATOR: Final = Origin.OPERATOR

TOO_MANY = "too-many-sets"
"""Reason of the denial of a set from which more would follow."""
INTERNAL = Requester(_INTERNAL)
"""Who asks for sets that follow."""

_KEPT_BY_DENIAL = ("assigned", "notify")
"""Fields of `Decision.decided_by` that count for a denied set, too."""

Mark = tuple[int, tuple[FeatureState, ...], tuple[Deadline, ...]]
"""A moment in a `Draft`: how many outcomes there were, and what held."""


class Draft:
    """What a request comes to for one presentity, before it is stored."""

    __slots__ = ("_after", "before", "deadlines", "outcomes", "states")

    def __init__(self, before: Snapshot) -> None:
        self._after = before
        self.before = before
        """What held before."""
        self.states = before.states
        """What holds after."""
        self.deadlines = before.deadlines
        """Until when."""
        self.outcomes: list[Outcome] = []
        """What came of each set, in order."""

    @property
    def after(self) -> Snapshot:
        """What holds after; `before` itself where nothing changed."""
        after, before, states, deadlines = self._after, self.before, self.states, self.deadlines
        if after.states is not states or after.deadlines is not deadlines:
            equal = states == before.states and deadlines == before.deadlines
            after = before if equal else Snapshot(before.revision + 1, states, deadlines)
            self._after = after
        return after

    def take(self, outcome: Outcome) -> None:
        """One more outcome; the state after it holds from now on."""
        self.outcomes.append(outcome)
        feature = outcome.request.feature
        if feature is not None and outcome.after is not outcome.before:
            position, states = POSITION[feature], self.states
            self.states = (*states[:position], outcome.after, *states[position + 1 :])
        if self.deadlines or outcome.decision.expires is not None:
            self._time(outcome)

    def _time(self, outcome: Outcome) -> None:
        """A set that is allowed puts a deadline in place of the feature's, or leaves it none.

        One that was refused leaves it as it is; but what has expired does not expire again.
        """
        decision, feature = outcome.decision, outcome.request.feature
        is_refused = decision.denial is not None and outcome.request.requester is not EXPIRED
        if feature is None or outcome.request.operation is not _SET or is_refused:
            return
        deadline = decision.deadline(feature)
        if deadline is None:
            self.deadlines = without_deadline(self.deadlines, feature)
        else:
            self.deadlines = with_deadline(self.deadlines, deadline)

    def mark(self) -> Mark:
        """Now; see `return_to`."""
        return len(self.outcomes), self.states, self.deadlines

    def return_to(self, mark: Mark) -> None:
        """Undo what was taken since."""
        count, self.states, self.deadlines = mark
        del self.outcomes[count:]

    def forget(self) -> None:
        """Undo everything, the outcomes too."""
        self.states, self.deadlines = self.before.states, self.before.deadlines
        self.outcomes = []


def denial_among(outcomes: Iterable[Outcome]) -> Denial | None:
    """Why the first set that was asked for, and not one that followed, was denied."""
    for outcome in outcomes:
        denial = outcome.decision.denial
        if denial is not None and outcome.request.requester.origin is not _INTERNAL:
            return denial
    return None


def _is_followed(outcome: Outcome) -> bool:
    return outcome.request.requester.origin is _INTERNAL


def _removed(outcome: Outcome, stored: tuple[FeatureState, ...]) -> Outcome:
    """The outcome of switching off a feature of which nothing is to remain."""
    feature = outcome.request.feature
    before = OFF if feature is None else stored[POSITION[feature]]
    told = None if outcome.told is None else OFF
    return outcome._replace(before=before, after=OFF, told=told)


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
        self.drafts: dict[Aor, Draft] = {}
        """Whoever is concerned, the presentity that was asked for first."""

    def ask(self, presentity: Aor, asked: Asked, requester: Requester, by: str = "") -> None:
        """Decide on one set, and on all that follow from it.

        Where more follow than may, the set is denied, and nothing of what followed remains.

        Args:
            presentity: whose.
            asked: the set.
            requester: who asks.
            by: id of the rule by which it has expired; empty where somebody asks.

        Raises:
            StoreError: what is stored cannot be read.
        """
        draft = self._draft_of(presentity)
        mark = draft.mark()
        outcome = self._decide(draft, presentity, asked, requester, by)
        if not outcome.decision.also:
            return
        marks = {aor: one.mark() for aor, one in self.drafts.items()}
        marks[presentity] = mark
        self._left = self._followed_sets
        try:
            self._follow(outcome, {(presentity, asked.feature)}, 1)
        except _TooManyError:
            self._return_to(marks)
            draft.take(self._denied(outcome))

    def expire(self, presentity: Aor) -> None:
        """Switch off what has expired.

        Raises:
            ChangedError: nothing has; somebody was faster.
        """
        before, moment = self._draft_of(presentity).before, self._at.timestamp()
        due = [one for one in before.deadlines if one.at <= moment]
        if not due:
            raise ChangedError(presentity, before.revision)
        for deadline in due:
            self.ask(presentity, Asked(deadline.feature, OFF), EXPIRED, deadline.rule)

    def keep_denials(self, presentity: Aor) -> None:
        """Undo everything if one of the sets that were asked for was denied.

        Of the outcomes those of the denied sets remain.
        """
        draft = self._draft_of(presentity)
        denied = [one for one in draft.outcomes if denial_among((one,)) is not None]
        if denied:
            draft.forget()
            draft.outcomes = denied
            self.drafts = {presentity: draft}

    def remove(self, presentity: Aor, requester: Requester) -> None:
        """Switch off every feature that is on or has values, and forget its values; or none.

        There is an outcome in any case. What follows from it holds for others only.
        """
        draft = self._draft_of(presentity)
        pairs = zip(FEATURES, draft.states, strict=True)
        features = [feature for feature, state in pairs if state != OFF] or FEATURES[:1]
        for feature in features:
            self.ask(presentity, Asked(feature, OFF), requester)
        self.keep_denials(presentity)
        if denial_among(draft.outcomes) is None:
            stored = draft.before.states
            asked = [one for one in draft.outcomes if not _is_followed(one)]
            draft.outcomes = [_removed(one, stored) for one in asked]
            draft.deadlines = ()
            if stored != NOTHING_STORED.states:
                draft.states = NOTHING_STORED.states

    def _follow(self, outcome: Outcome, seen: set[tuple[Aor, Feature]], depth: int) -> None:
        """Carry out what follows from a set, never twice for one user and feature."""
        for presentity, asked, rule in outcome.decision.also:
            key = (presentity, asked.feature)
            if key not in seen:
                if self._left == 0:
                    raise _TooManyError
                self._left -= 1
                seen.add(key)
                draft = self._draft_of(presentity)
                following = self._decide(draft, presentity, asked, INTERNAL, rule)
                if depth < MAX_DEPTH:
                    self._follow(following, seen, depth + 1)

    def _return_to(self, marks: dict[Aor, Mark]) -> None:
        """Undo what was decided since the marks were taken."""
        for presentity in list(self.drafts):
            if presentity in marks:
                self.drafts[presentity].return_to(marks[presentity])
            else:
                del self.drafts[presentity]

    def _denied(self, outcome: Outcome) -> Outcome:
        """What comes of a set, from which too much would follow, in place of this outcome."""
        decision, stored = outcome.decision, outcome.before
        text = f"More than {self._followed_sets} sets would follow from this one"
        denial = Denial(TOO_MANY, text)
        by = decision.decided_by
        denied = decision._replace(
            state=stored,
            denial=denial,
            also=(),
            expires=None,
            decided_by={field: by[field] for field in _KEPT_BY_DENIAL if field in by},
        )
        shown = self._shown(outcome.request, denial, stored, outcome.snapshot)
        return outcome._replace(decision=denied, after=stored, told=shown)

    def _draft_of(self, presentity: Aor) -> Draft:
        draft = self.drafts.get(presentity)
        if draft is None:
            draft = self.drafts[presentity] = Draft(self._snapshot_of(presentity))
        return draft

    def _decide(
        self, draft: Draft, presentity: Aor, asked: Asked, requester: Requester, also_by: str = ""
    ) -> Outcome:
        feature, state, device = asked.feature, asked.state, asked.device
        by = requester if device == requester.device else requester._replace(device=device)
        request = FeatureRequest(_SET, presentity, by, feature, state)
        before, states = draft.before, draft.states
        snapshot = before if states is before.states else before._replace(states=states)
        around = self._surroundings(request)
        decision = self._policies.decide(request, snapshot, self._at, around)
        stored = states[POSITION[feature]]
        if decision.denial is None:
            # An operator's set is told even where a rule does not assign the feature
            # (presence_dfks, which has none that phones do not know by default).
            told = decision.assigned or (requester.origin is _OPERATOR and ROWS[feature].assigned)
            after, shown = decision.state, decision.state if told else None
        else:
            after, shown = stored, self._shown(request, decision.denial, stored, snapshot)
        at = self._at
        outcome = Outcome(request, decision, stored, after, shown, snapshot, at, around, also_by)
        draft.take(outcome)
        return outcome

    def _shown(
        self, request: FeatureRequest, denial: Denial, stored: FeatureState, snapshot: Snapshot
    ) -> FeatureState | None:
        """What the phone is told in answer to a denial; nobody is told of one that followed."""
        if request.requester.origin is _INTERNAL:
            return None
        match denial.answer:
            case DenialAnswer.STORED | DenialAnswer.REJECT:
                get = request._replace(operation=_GET, asked=None)
                around = self._surroundings(get)
                holds = self._policies.decide(get, snapshot, self._at, around)
                return holds.state if holds.assigned else None
            case DenialAnswer.OFF:
                return switched_off(request.feature, stored) if request.feature else None
            case DenialAnswer.UNASSIGNED:
                return None
