"""What the policies decided, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from math import ceil
from typing import ClassVar, Final, NamedTuple

from dfks_rules.model.features import Deadline, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.record import Record
from dfks_rules.model.requests import Asked, FeatureRequest, Surroundings


class NotifyScope(Enum):
    """Who is notified; `$dfks(notify)` in presence_dfks."""

    ALL = "all"
    """On a set: the requester, and every other watcher if something changed."""
    REQUESTER = "requester"
    OTHERS = "others"
    NONE = "none"

    __hash__ = object.__hash__

    @property
    def requester(self) -> bool:
        """Whether the watcher that asked is notified."""
        return self is NotifyScope.ALL or self is NotifyScope.REQUESTER

    @property
    def others(self) -> bool:
        """Whether the watchers that did not ask are notified."""
        return self is NotifyScope.ALL or self is NotifyScope.OTHERS


class DenialAnswer(Enum):
    """How the requester learns of a refusal; the value is `answer` in a policy."""

    STORED = "stored"
    """200, then a NOTIFY with the current state."""
    OFF = "off"
    """200, then a NOTIFY that says the feature is off."""
    UNASSIGNED = "unassigned"
    """200, then a NOTIFY without the feature."""
    REJECT = "reject-403"
    """403, then, if the dialog is established, a NOTIFY with the current state."""

    __hash__ = object.__hash__


class Denial(NamedTuple):
    """Why a policy refused, and how that is answered."""

    reason: str
    """Short machine-readable word, e.g. `toll-fraud`."""
    text: str | None = None
    """A sentence for people; also the reason phrase of a 403."""
    answer: DenialAnswer = DenialAnswer.STORED


MAX_DEPTH = 3
"""Greatest depth to which sets follow from sets."""
FOLLOWED_SETS = 64
"""Most sets that follow from one, unless a server's settings say otherwise."""


class AlsoSet(NamedTuple):
    """A set that follows from an allowed one; it is decided separately."""

    presentity: Aor
    """The owner of the feature."""
    asked: Asked
    """The feature, and the requested state."""
    rule: str
    """Id of the rule that says so."""


class Decision(Record):
    """The policies' answer to one `FeatureRequest`."""

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
        "lifted",
        "expires",
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
        lifted: tuple[tuple[str, str], ...] = (),
        expires: datetime | None = None,
    ) -> None:
        self.state: Final = state
        """Get: the state to send. Set: the state to store and send. Denied: the stored state."""
        self.assigned: Final = assigned
        """False leaves the feature out of the NOTIFY."""
        self.notify: Final = notify
        self.denial: Final = denial
        """None when the request is allowed."""
        self.matched: Final = matched
        """Ids (`policy/rule`) of the rules that matched, in order of precedence."""
        self.decided_by: Final = decided_by
        """Field → id of the rule that set it. Fields: `status`, `assigned`, `notify`, `deny`,
        `allow`, `expire`, and values by their names."""
        self.logs: Final = logs
        """Lines the policies want logged."""
        self.revision: Final = revision
        """Content hash of the policies that decided."""
        self.also: Final = also
        """Sets that follow, in order; none when denied."""
        self.shadow: Final = shadow
        """Those of `matched` that decide nothing, because their policy has `mode: shadow`."""
        self.lifted: Final = lifted
        """Denials that do not count: (id of the rule that denies, id of the Exception)."""
        self.expires: Final = expires
        """Set: when what it switches on is switched off again; None: when somebody does."""

    def deadline(self, feature: Feature) -> Deadline | None:
        """What is stored of `expires`, if this is about a set of the feature."""
        if self.expires is None:
            return None
        return Deadline(feature, ceil(self.expires.timestamp()), self.decided_by["expire"])


class Outcome(Record):
    """The result of one request after its decision was carried out."""

    _fields: ClassVar[tuple[str, ...]] = (
        "request",
        "decision",
        "before",
        "after",
        "told",
        "snapshot",
        "at",
        "around",
        "also_by",
    )

    def __init__(  # noqa: PLR0913 - its fields
        self,
        request: FeatureRequest,
        decision: Decision,
        before: FeatureState,
        after: FeatureState,
        told: FeatureState | None,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings,
        also_by: str = "",
    ) -> None:
        self.request: Final = request
        self.decision: Final = decision
        self.before: Final = before
        """The stored state on which the decision was based."""
        self.after: Final = after
        """The stored state afterwards."""
        self.told: Final = told
        """What a NOTIFY says about the feature; None leaves it out. For a refused set, it is the
        current state as the policies show it on a get."""
        self.snapshot: Final = snapshot
        """Everything stored when the decision was made; with `at`, enough to repeat it."""
        self.at: Final = at
        """When it was made, in local time."""
        self.around: Final = around
        """What else policies could look at."""
        self.also_by: Final = also_by
        """Id of the rule from which the request followed; empty where somebody asked."""

    @property
    def changed(self) -> bool:
        """Whether the stored state differs from before."""
        return self.before != self.after


class Repeated(Record):
    """The result of a request whose sets were stored when it came for the first time."""

    _fields: ClassVar[tuple[str, ...]] = ("outcomes",)

    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        self.outcomes: Final = outcomes
        """What a get shows now, of all features."""
