"""What the policies answered, and what came of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, FeatureRequest, Surroundings


class NotifyScope(Enum):
    """Who is told; `$dfks(notify)` in presence_dfks."""

    ALL = "all"
    """On a set: the requester, and every other watcher if something changed."""
    REQUESTER = "requester"
    OTHERS = "others"
    NONE = "none"

    __hash__ = object.__hash__

    def __init__(self, value: str) -> None:
        self.requester = value in ("all", "requester")
        """Whether the watcher that asked is told."""
        self.others = value in ("all", "others")
        """Whether the watchers that did not ask are told."""


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


class AlsoSet(NamedTuple):
    """A set that follows from one that is allowed; it is decided on by itself."""

    presentity: Aor
    """Whose feature."""
    asked: Asked
    """Which, and the state asked for."""


class Decision(NamedTuple):
    """The answer of the policies to one `FeatureRequest`."""

    state: FeatureState
    """Get: the state to tell. Set: the state to store and tell. Denied: the stored state."""
    assigned: bool
    """False leaves the feature out of the NOTIFY."""
    notify: NotifyScope
    denial: Denial | None
    """None when the request is allowed."""
    matched: tuple[str, ...]
    """Ids (`policy/rule`) of the rules that matched, in order of precedence."""
    decided_by: Mapping[str, str]
    """Field → id of the rule that set it. Fields: `status`, `assigned`, `notify`, `deny`, `allow`,
    and values by their names."""
    logs: tuple[str, ...]
    """Lines that the policies want logged."""
    revision: str
    """Content hash of the policies that decided."""
    also: tuple[AlsoSet, ...] = ()
    """Sets that follow, in order; none when denied."""
    shadow: tuple[str, ...] = ()
    """Those of `matched` that decide nothing, because their policy has `mode: shadow`."""


class Outcome(NamedTuple):
    """What came of one request after its decision was carried out."""

    request: FeatureRequest
    decision: Decision
    before: FeatureState
    """The stored state that the decision was made on."""
    after: FeatureState
    """The stored state that holds now."""
    told: FeatureState | None
    """What a NOTIFY says of the feature; None leaves it out. For a refused set it is the state that
    holds, as the policies show it on a get."""
    snapshot: Snapshot | None = None
    """All that was stored when the decision was made; with `at`, what it takes to repeat it."""
    at: datetime | None = None
    """When it was made, in local time."""
    around: Surroundings | None = None
    """What else there was."""

    @property
    def changed(self) -> bool:
        """Whether the stored state is another one than before."""
        return self.before != self.after


Done = Callable[[tuple[Outcome, ...] | StoreError, float], None]
"""Told once what came of a request, and when (`now`, monotonic seconds)."""
