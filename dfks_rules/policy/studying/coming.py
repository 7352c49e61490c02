"""What time will change for one user: what expires, and what gets show from some moment on.

It is worked out by deciding, one moment after the other, as the server will: what expires is asked
to be switched off, and gets are decided on what is stored then. Nobody touches anything meanwhile.
"""

from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import (
    OFF,
    Deadline,
    Feature,
    FeatureState,
    Snapshot,
    with_deadline,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    EXPIRED,
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.families import group_in

MAX_HOURS = 24 * 31
"""How far one can look ahead."""


_OF_A_PHONE = (
    "device",
    "userAgent",
    "transport",
    "source.ip",
    "auth.method",
    "auth.user",
    "param",
)
"""Facts that only a request has; nobody sends one here."""


class Cause(Enum):
    """Why something changes."""

    EXPIRES = "expire"
    """A deadline has passed: what is stored changes."""
    SHOWS = "time"
    """Rules about gets look at the time: what phones are told changes."""


class Coming(NamedTuple):
    """One feature changes."""

    at: datetime
    feature: Feature
    cause: Cause
    before: FeatureState | None
    """None: the feature is not told."""
    after: FeatureState | None
    rule: str
    """Id of the rule with the `expire`, or of the one that decides what is shown from then on, or
    did before; empty: none does."""


Shown = Mapping[Feature, Decision]
"""What a get of each feature is told."""


def coming(
    policies: PolicySet,
    presentity: Aor,
    snapshot: Snapshot,
    at: datetime,
    until: datetime,
    around: Surroundings,
) -> Iterator[tuple[Coming, ...]]:
    """What changes at each moment at which something may; often nothing.

    Args:
        policies: what decides.
        presentity: whose features they are; gets are those of their own phone.
        snapshot: what is stored for it.
        at: now, in local time.
        until: no later moment is of interest.
        around: what else policies may look at.

    Raises:
        StoreError: what is stored for others cannot be read.
    """
    walk = _Walk(policies, presentity, snapshot, around)
    shown = walk.shown(at)
    while (moment := walk.next_moment(at)) is not None and moment.timestamp() <= until.timestamp():
        at = moment
        expired = tuple(walk.expire(at))
        before, shown = shown, walk.shown(at)
        ended = {one.feature for one in expired}
        yield expired + tuple(
            _change(at, feature, before.get(feature), decision)
            for feature, decision in shown.items()
            if feature not in ended and _told(before.get(feature)) != _told(decision)
        )


def depends_on(policies: PolicySet, given: Container[str]) -> tuple[list[str], list[str]]:
    """Facts on which it depends what is shown, and which are not known before a request.

    Args:
        policies: what decides.
        given: names of counts of members of groups that are known.

    Returns:
        Counts that are not known; facts that a phone tells.
    """
    reads = sorted(policies.reads_on_get or ())
    counts = [name for name in reads if group_in(name) and name not in given]
    return counts, [name for name in reads if name in _OF_A_PHONE]


class _Walk:
    """One user, as time passes."""

    def __init__(
        self, policies: PolicySet, presentity: Aor, snapshot: Snapshot, around: Surroundings
    ) -> None:
        self._policies = policies
        self._presentity = presentity
        self._snapshot = snapshot
        self._around = around
        self._phone = Requester(Origin.WATCHER, watcher=presentity)

    def next_moment(self, after: datetime) -> datetime | None:
        """When something may change next."""
        timing = self._policies.timing
        edge = timing.next_edge(after) if timing.features else None
        ends = [one.at for one in self._snapshot.deadlines]
        moments = [] if edge is None else [edge]
        if ends:
            # What is overdue comes at once.
            end = datetime.fromtimestamp(min(ends), UTC).astimezone(after.tzinfo)
            moments.append(end if end.timestamp() > after.timestamp() else after)
        return min(moments, key=datetime.timestamp, default=None)

    def shown(self, at: datetime) -> Shown:
        """What the presentity's own phone is told at a moment."""
        gets = self._policies.decide_gets(
            self._presentity, self._phone, self._snapshot, at, self._around
        )
        return dict(gets.decided)

    def expire(self, at: datetime) -> Iterator[Coming]:
        """Switch off what has expired by then, as far as the policies let it."""
        for deadline in self._snapshot.deadlines:
            if deadline.at > at.timestamp():
                continue
            feature, snapshot = deadline.feature, self._snapshot
            request = FeatureRequest(Operation.SET, self._presentity, EXPIRED, feature, OFF)
            decision = self._policies.decide(request, snapshot, at, self._around)
            before = snapshot.state(feature)
            after = before if decision.denial is not None else decision.state
            self._snapshot = _timed(snapshot.replace(feature, after), decision.deadline(feature))
            yield Coming(at, feature, Cause.EXPIRES, before, after, deadline.rule)


def _timed(snapshot: Snapshot, deadline: Deadline | None) -> Snapshot:
    """With the deadline that a rule sets anew."""
    if deadline is None:
        return snapshot
    return snapshot._replace(deadlines=with_deadline(snapshot.deadlines, deadline))


def _told(decision: Decision | None) -> FeatureState | None:
    return None if decision is None or not decision.assigned else decision.state


def _change(at: datetime, feature: Feature, before: Decision | None, after: Decision) -> Coming:
    rule = _rule(after) or ("" if before is None else _rule(before))
    return Coming(at, feature, Cause.SHOWS, _told(before), _told(after), rule)


def _rule(decision: Decision) -> str:
    """The rule that decides what is shown; empty: none does."""
    by = decision.decided_by
    return next((by[name] for name in ("deny", "assigned", "status", *by) if name in by), "")
