"""What the policies answered, and what came of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import ClassVar, Final, NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.record import Record
from dfks_rules.model.requests import Asked, FeatureRequest, Surroundings


class NotifyScope(Enum):
    """Who is told; `$dfks(notify)` in presence_dfks."""

    ALL = "all"
    """On a set: the requester, and every other watcher if something changed."""
    REQUESTER = "requester"
    OTHERS = "others"
    NONE = "none"

    __hash__ = object.__hash__

    @property
    def requester(self) -> bool:
        """Whether the watcher that asked is told."""
        return self is NotifyScope.ALL or self is NotifyScope.REQUESTER

    @property
    def others(self) -> bool:
        """Whether the watchers that did not ask are told."""
        return self is NotifyScope.ALL or self is NotifyScope.OTHERS


class DenialAnswer(Enum):
    """How the requester learns of a refusal; the value is `answer` in a policy."""

    STORED = "stored"
    """200, then a NOTIFY with the state that holds."""
    OFF = "off"
    """200, then a NOTIFY that says the feature is off."""
    UNASSIGNED = "unassigned"
    """200, then a NOTIFY without the feature."""
    REJECT = "reject-403"
    """403, then, in a dialog that lives, a NOTIFY with the state that holds."""

    __hash__ = object.__hash__


class Denial(NamedTuple):
    """Why a policy refused, and how that is answered."""

    reason: str
    """Short machine-readable word, e.g. `toll-fraud`."""
    text: str | None = None
    """A sentence for people; also the reason phrase of a 403."""
    answer: DenialAnswer = DenialAnswer.STORED


MAX_DEPTH = 3
"""How deep sets follow from sets."""
FOLLOWED_SETS = 64
"""Most sets that follow from one, unless the settings of a server say otherwise."""


class AlsoSet(NamedTuple):
    """A set that follows from one that is allowed; it is decided on by itself."""

    presentity: Aor
    """Whose feature."""
    asked: Asked
    """Which, and the state asked for."""


class Decision(Record):
    """The answer of the policies to one `FeatureRequest`."""

    _fields: ClassVar[tuple[str, ...]] = (
        "state",
        "assigned",
        "notify",
        "denial",
        "matched",
        "decided_by",
        "logs",
        "revision",
        "also",
        "shadow",
    )

    def __init__(  # noqa: PLR0913 - its fields
        self,
        state: FeatureState,
        assigned: bool,  # noqa: FBT001 - a field
        notify: NotifyScope,
        denial: Denial | None,
        matched: tuple[str, ...],
        decided_by: Mapping[str, str],
        logs: tuple[str, ...],
        revision: str,
        also: tuple[AlsoSet, ...] = (),
        shadow: tuple[str, ...] = (),
    ) -> None:
        self.state: Final = state
        """Get: the state to tell. Set: the state to store and tell. Denied: the stored state."""
        self.assigned: Final = assigned
        """False leaves the feature out of the NOTIFY."""
        self.notify: Final = notify
        self.denial: Final = denial
        """None when the request is allowed."""
        self.matched: Final = matched
        """Ids (`policy/rule`) of the rules that matched, in order of precedence."""
        self.decided_by: Final = decided_by
        """Field → id of the rule that set it. Fields: `status`, `assigned`, `notify`, `deny`,
        `allow`, and values by their names."""
        self.logs: Final = logs
        """Lines that the policies want logged."""
        self.revision: Final = revision
        """Content hash of the policies that decided."""
        self.also: Final = also
        """Sets that follow, in order; none when denied."""
        self.shadow: Final = shadow
        """Those of `matched` that decide nothing, because their policy has `mode: shadow`."""


class Outcome(Record):
    """What came of one request after its decision was carried out."""

    _fields: ClassVar[tuple[str, ...]] = (
        "request",
        "decision",
        "before",
        "after",
        "told",
        "snapshot",
        "at",
        "around",
    )

    def __init__(  # noqa: PLR0913 - its fields
        self,
        request: FeatureRequest,
        decision: Decision,
        before: FeatureState,
        after: FeatureState,
        told: FeatureState | None,
        snapshot: Snapshot | None = None,
        at: datetime | None = None,
        around: Surroundings | None = None,
    ) -> None:
        self.request: Final = request
        self.decision: Final = decision
        self.before: Final = before
        """The stored state that the decision was made on."""
        self.after: Final = after
        """The stored state that holds now."""
        self.told: Final = told
        """What a NOTIFY says of the feature; None leaves it out. For a refused set it is the state
        that holds, as the policies show it on a get."""
        self.snapshot: Final = snapshot
        """All that was stored when the decision was made; with `at`, what it takes to repeat it."""
        self.at: Final = at
        """When it was made, in local time."""
        self.around: Final = around
        """What else there was."""

    @property
    def changed(self) -> bool:
        """Whether the stored state is another one than before."""
        return self.before != self.after


Done = Callable[[tuple[Outcome, ...] | StoreError, float], None]
"""Told once what came of a request, and when (`now`, monotonic seconds)."""
