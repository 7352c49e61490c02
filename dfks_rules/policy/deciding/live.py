"""What decides in a running server: the active policies, and who looks over their shoulder.

A shadow is a candidate that is asked the same and never answers. A spot check has the reference
evaluator make one decision in a thousand again, for as long as the server lives.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import Snapshot
from dfks_rules.model.gets import Gets
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Requester, Surroundings
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.deciding.timing import Timing
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.facts.view import NOWHERE, FactValue, View
from dfks_rules.policy.language.alternatives import Question

MAX_SAMPLES = 100
"""Differences that a shadow keeps, the newest."""
CHECKED_EVERY = 1_000
"""One decision in so many is also made by the reference evaluator."""


class Difference(NamedTuple):
    """One request that two policy sets, or two evaluators, decide differently."""

    given: Mapping[str, FactValue]
    """Its facts, as cases and logs have them."""
    active: Decision
    """What was answered."""
    other: Decision | None
    """What the other says; None when it failed."""


class Shadow:
    """A candidate, and how it compares with the active policies so far."""

    def __init__(self, candidate: PolicySet) -> None:
        self.candidate = candidate
        """What would decide."""
        self.same: Counter[Question] = Counter()
        """Decisions that come to the same."""
        self.different: Counter[Question] = Counter()
        """Decisions that do not, failures included."""
        self.failures = 0
        """How often the candidate raised an error."""
        self.samples: deque[Difference] = deque(maxlen=MAX_SAMPLES)
        """The newest differences."""

    def compare(self, view: View, active: Decision) -> None:
        """Have the candidate decide, too. Never raises."""
        question = (view.request.operation, view.request.feature)
        other: Decision | None = None
        try:
            other = self.candidate.decide_view(view)
        except Exception:  # noqa: BLE001 - whatever a candidate does, phones get their answer
            self.failures += 1
        if other is not None and _effect(other) == _effect(active):
            self.same[question] += 1
        else:
            self.different[question] += 1
            self.samples.append(Difference(_given(view), active, other))


class Reference(Protocol):
    """What makes decisions without the engine; `PolicySet` does."""

    def decide_by_reference(self, view: View) -> Decision:
        """See `PolicySet.decide_by_reference`."""
        ...


class SpotCheck:
    """Has every thousandth decision made again by the reference evaluator."""

    def __init__(self, report: Callable[[Difference], None]) -> None:
        """`report` is told each disagreement: a bug of ours or of the engine."""
        self._report = report
        self._until_next = CHECKED_EVERY
        self.checks = 0
        """Decisions that were made again."""
        self.disagreements = 0
        """Decisions that came out differently."""

    def is_due(self, decisions: int) -> bool:
        """Whether the last of so many more decisions is one to make again."""
        self._until_next -= decisions
        if self._until_next > 0:
            return False
        self._until_next += CHECKED_EVERY
        return True

    def check(self, policies: Reference, view: View, decision: Decision) -> None:
        """Make a decision again. Never raises."""
        self.checks += 1
        expected: Decision | None
        try:
            expected = policies.decide_by_reference(view)
        except StoreError:
            return  # Of a user that a loop would go through: says nothing about an evaluator.
        except Exception:  # noqa: BLE001 - the phone has its answer already
            expected = None
        if expected != decision:
            self.disagreements += 1
            self._report(Difference(_given(view), decision, expected))


class LivePolicies:
    """The active policies, observed; decides exactly as they do."""

    def __init__(
        self, active: PolicySet, spot_check: SpotCheck, shadow: Shadow | None = None
    ) -> None:
        self._active = active
        self._shadow = shadow
        self._spot_check = spot_check
        self.on_activated: Callable[[], None] = _nobody
        """Told that others answer from now on."""

    @property
    def active(self) -> PolicySet:
        """What answers."""
        return self._active

    @property
    def pinned(self) -> PolicySet:
        """What answers, for whom others must not answer later."""
        return self._active

    @property
    def shadow(self) -> Shadow | None:
        """What is compared with it."""
        return self._shadow

    def activate(self, policies: PolicySet) -> PolicySet:
        """Have other policies answer from the next request on; what answered so far.

        A shadow begins anew: what it counted was about the old ones.
        """
        old, self._active = self._active, policies
        self.on_activated()
        if self._shadow is not None:
            self._shadow = Shadow(self._shadow.candidate)
        return old

    def follow(self, candidate: PolicySet) -> Shadow:
        """Compare a candidate from the next request on, in place of any other."""
        self._shadow = Shadow(candidate)
        return self._shadow

    def unfollow(self) -> Shadow | None:
        """Compare nothing any more; what was compared."""
        old, self._shadow = self._shadow, None
        return old

    @property
    def reads(self) -> frozenset[str]:
        """Names of all facts that some rule reads, the candidate's too."""
        active, shadow = self._active, self._shadow
        return active.reads if shadow is None else active.reads | shadow.candidate.reads

    @property
    def reads_counts(self) -> bool:
        """Whether a rule reads counts of members of groups, the candidate's too."""
        shadow = self._shadow
        return self._active.reads_counts or (shadow is not None and shadow.candidate.reads_counts)

    def members_of(self, domain: str, group: str) -> tuple[str, ...]:
        """See `PolicySet.members_of`."""
        return self._active.members_of(domain, group)

    @property
    def reads_on_get(self) -> frozenset[str] | None:
        """See `PolicySet.reads_on_get`."""
        return self._active.reads_on_get

    @property
    def timing(self) -> Timing:
        """See `PolicySet.timing`."""
        return self._active.timing

    def target_of(self, presentity: Aor, text: str) -> str:
        """See `PolicySet.target_of`."""
        return self._active.target_of(presentity, text)

    def decide(
        self,
        request: FeatureRequest,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings = NOWHERE,
    ) -> Decision:
        """See `PolicySet.decide`."""
        active = self._active
        decision = active.decide(request, snapshot, at, around)
        is_due = self._spot_check.is_due(1)
        if is_due or self._shadow is not None:
            view = View(request, snapshot, at, around, active.site)
            self._look_again(view, decision, is_due=is_due)
        return decision

    def decide_gets(
        self,
        presentity: Aor,
        requester: Requester,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings = NOWHERE,
    ) -> Gets:
        """See `PolicySet.decide_gets`."""
        gets = self._active.decide_gets(presentity, requester, snapshot, at, around)
        is_due = self._spot_check.is_due(len(gets.positions))
        if is_due or self._shadow is not None:
            for feature, decision in gets.decided:
                request = FeatureRequest(Operation.GET, presentity, requester, feature)
                view = View(request, snapshot, at, around, self._active.site)
                self._look_again(view, decision, is_due=is_due)
        return gets

    def _look_again(self, view: View, decision: Decision, *, is_due: bool) -> None:
        if self._shadow is not None:
            self._shadow.compare(view, decision)
        if is_due:
            self._spot_check.check(self._active, view, decision)


def _given(view: View) -> Mapping[str, FactValue]:
    """The facts of a request; `target.loop` without what is stored for others, as in logs."""
    around = view.around._replace(stored_of=NOWHERE.stored_of)
    return given_of(view._replace(around=around))


def _effect(decision: Decision) -> Decision:
    """The decision without how it came about: a rule may have another name."""
    return decision._replace(matched=(), decided_by={}, revision="")


def _nobody() -> None:
    """Nobody is told."""
