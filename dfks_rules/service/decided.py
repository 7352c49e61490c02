"""What is decided, how often, and how soon it is answered: numbers that somebody else collects.

No presentity is a key of anything here: what there is to collect does not grow with the users.
"""

from typing import Final, NamedTuple, final

from dfks_rules.model.decisions import Decision, Outcome
from dfks_rules.model.features import FEATURES, POSITION, Feature
from dfks_rules.model.gets import Got
from dfks_rules.model.histogram import Histogram
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.service.feed import Event, Settled

MAX_DENIALS = 1_000
"""Pairs of rule and reason that are told apart: policies may make up reasons without end."""
OTHER = ("other", "other")
"""The pair of all others."""
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Of how soon a request is answered, s."""

# CPython 3.11 calls a Python function for each `Operation.SET`.
_SET: Final = Operation.SET
_SUBSCRIBE: Final = Operation.SUBSCRIBE
_INTERNAL: Final = Origin.INTERNAL
_FEATURES: Final = len(FEATURES)
_POSITION: Final = POSITION
_PERMISSIONS: Final = 2 * _FEATURES
"""Place of permissions to subscribe in the lists of counts: gets come first, then sets."""


class Row(NamedTuple):
    """How one kind of question was decided."""

    operation: Operation
    feature: Feature | None
    allowed: int
    denied: int


@final
class Denied:
    """How often one rule has denied for one reason."""

    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0
        """Number of the last of these decisions."""


@final
class Decided:
    """Counts decisions, and how soon requests are answered."""

    def __init__(self) -> None:
        self._allowed = [0] * (_PERMISSIONS + 1)
        self._denied = [0] * (_PERMISSIONS + 1)
        self.denials: dict[tuple[str, str], Denied] = {}
        """Id of the rule and its reason → how often it denied; see `MAX_DENIALS`."""
        self.gets: Final = Histogram(BOUNDS)
        """From when a request that asks for states was read until it is answered."""
        self.sets: Final = Histogram(BOUNDS)
        """The same of those that set some: until they are stored."""
        self._asked_at = -1.0
        """When the last request was asked for that was answered in the same call, monotonic
        seconds."""
        self._answered: Histogram = self.gets
        """Where that one counts."""
        self._number = 0
        """Of its first decision."""

    def admitted(self) -> None:
        """A phone may subscribe, of which nobody else is told."""
        self._allowed[_PERMISSIONS] += 1

    def hear(self, event: Event) -> None:
        """Count what the change feed reports; a failure decided nothing."""
        if not isinstance(event, Settled):
            return
        came = event.came
        if isinstance(came, Got) and came.gets.is_plain:
            allowed = self._allowed
            for position in came.gets.positions:
                allowed[position] += 1
            if event.requester.origin is not _INTERNAL:
                self._time(event, self.gets)
            return
        outcomes = event.outcomes
        self._count(outcomes, event.first)
        operation = outcomes[0].request.operation
        if operation is not _SUBSCRIBE and event.requester.origin is not _INTERNAL:
            self._time(event, self.sets if operation is _SET else self.gets)

    def _count(self, outcomes: tuple[Outcome, ...], number: int) -> None:
        allowed = self._allowed
        for outcome in outcomes:
            decision, request = outcome.decision, outcome.request
            feature = request.feature
            if feature is None:
                place = _PERMISSIONS
            else:
                place = _POSITION[feature]
                if request.operation is _SET:
                    place += _FEATURES
            denial = decision.denial
            if denial is None:
                allowed[place] += 1
            else:
                self._denied[place] += 1
                self._deny(decision, denial.reason, number)
            number += 1

    def _time(self, event: Settled, histogram: Histogram) -> None:
        """Count how soon a request is answered."""
        if event.waited > 0:
            histogram.observe(event.waited, event.first)
        else:
            self._asked_at, self._answered, self._number = event.now, histogram, event.first

    def answered(self, asked_at: float, now: float) -> None:
        """A message was worked on; if it was a request that waited for nothing, it is answered.

        Args:
            asked_at: when it was read, monotonic seconds: as was said to whoever decided on it.
            now: the time.
        """
        if self._asked_at == asked_at:
            self._answered.observe(now - asked_at, self._number)
            self._asked_at = -1.0

    def _deny(self, decision: Decision, reason: str, number: int) -> None:
        pair = (decision.decided_by.get("deny", ""), reason)
        denied = self.denials.get(pair)
        if denied is None:
            if len(self.denials) >= MAX_DENIALS:
                pair = OTHER
            denied = self.denials.setdefault(pair, Denied())
        denied.count += 1
        denied.last = number

    @property
    def rows(self) -> list[Row]:
        """How each kind of question was decided that was ever asked."""
        kinds: list[tuple[Operation, Feature | None]] = []
        kinds += [(Operation.GET, one) for one in FEATURES]
        kinds += [(_SET, one) for one in FEATURES]
        kinds.append((_SUBSCRIBE, None))
        counted = zip(kinds, self._allowed, self._denied, strict=True)
        return [
            Row(operation, feature, allowed, denied)
            for (operation, feature), allowed, denied in counted
            if allowed or denied
        ]
