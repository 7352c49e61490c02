"""Gets of all features at once: what is decided on them, and what came of one request.

Nearly all requests are gets, and hardly ever does anybody look at an outcome of one. So what is
decided is made once for all presentities with the same states, where no rule reads a fact, and the
outcomes of a request are made when somebody asks for them. A SUBSCRIBE takes 5 µs less for it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final, final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, Outcome, Repeated
from dfks_rules.model.features import POSITION, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.record import Record
from dfks_rules.model.requests import FeatureRequest, Operation, Requester, Surroundings

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_GET: Final = Operation.GET


@final
class Gets(Record):
    """What is decided on a get of each of some features."""

    _fields: ClassVar[tuple[str, ...]] = ("decided",)

    def __init__(self, decided: tuple[tuple[Feature, Decision], ...]) -> None:
        """Make it of at least one decision.

        Args:
            decided: each feature with its decision, in the order of `FEATURES`.
        """
        self.decided: Final = decided
        self.positions: Final = tuple([POSITION[feature] for feature, _ in decided])
        """Those of the features in `FEATURES`."""
        self.told: Final[tuple[tuple[Feature, FeatureState], ...]] = tuple(
            [
                (feature, decision.state)
                for feature, decision in decided
                if decision.assigned and decision.notify.requester
            ]
        )
        """What a phone that asks is told."""
        self.is_told: Final = any(decision.notify.requester for _, decision in decided)
        """Whether it is told at all. `notify: false` leaves a feature out; only when it leaves out
        all of them there is no NOTIFY."""
        self.is_plain: Final = not any(
            decision.denial is not None or bool(decision.logs) for _, decision in decided
        )
        """Whether nothing is denied, and no rule wants a line logged."""


@final
class Got(Record):
    """What came of a request for the states of features: an outcome for each of `gets`."""

    _fields: ClassVar[tuple[str, ...]] = (
        "gets",
        "presentity",
        "requester",
        "snapshot",
        "at",
        "around",
    )

    def __init__(
        self,
        gets: Gets,
        presentity: Aor,
        requester: Requester,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings,
    ) -> None:
        """See `Outcome` for what is not said here."""
        self.gets: Final = gets
        """What was decided."""
        self.presentity: Final = presentity
        self.requester: Final = requester
        self.snapshot: Final = snapshot
        self.at: Final = at
        self.around: Final = around

    @property
    def count(self) -> int:
        """How many outcomes there are."""
        return len(self.gets.decided)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes, made anew each time."""
        return tuple(
            [
                Outcome(
                    FeatureRequest(_GET, self.presentity, self.requester, feature),
                    decision,
                    stored,
                    stored,
                    decision.state if decision.assigned else None,
                    self.snapshot,
                    self.at,
                    self.around,
                )
                for feature, decision in self.gets.decided
                for stored in (self.snapshot.state(feature),)
            ]
        )


Came = tuple[Outcome, ...] | Got
"""What came of a request: at least one outcome."""
Result = Came | StoreError | Repeated
Done = Callable[[Result, float], None]
"""Called once with the result of a request, and when (`now`, monotonic seconds). Only a request
with a visit can be `Repeated` (`service.ports.Visiting`)."""


def outcomes_of(came: Came) -> tuple[Outcome, ...]:
    """The outcomes themselves."""
    return came.outcomes if isinstance(came, Got) else came


def count_of(came: Came) -> int:
    """How many outcomes there are."""
    return came.count if isinstance(came, Got) else len(came)


def presentity_of(came: Came) -> Aor:
    """Whose features they are about."""
    return came.presentity if isinstance(came, Got) else came[0].request.presentity
