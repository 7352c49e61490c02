"""What happens, for whoever wants to be told: the same in event streams, webhooks and bridges."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import FEATURES, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.states import denying_rule
from dfks_rules.operations.times import time_told
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.service.ports import JournalEntry

FEATURE_CHANGED = "feature-changed"
FEATURE_REFUSED = "feature-refused"
SUBSCRIPTION_STARTED = "subscription-started"
SUBSCRIPTION_ENDED = "subscription-ended"
POLICIES_CHANGED = "policies-changed"
POLICIES_REFUSED = "policies-refused"
MAX_FINDINGS = 100
"""Findings that an event tells."""
GAP = "gap"
"""Events were lost to this listener: it was too slow, or away for too long. It reads again."""
TYPES = (
    FEATURE_CHANGED,
    FEATURE_REFUSED,
    SUBSCRIPTION_STARTED,
    SUBSCRIPTION_ENDED,
    POLICIES_CHANGED,
    POLICIES_REFUSED,
)


class Event(NamedTuple):
    """Something that happened."""

    type: str
    """One of `TYPES`, or `GAP`."""
    seq: int
    """Number in the journal of the newest change that it tells of, or of a gap: that is lost with
    it; 0 where there is none."""
    presentity: Aor | None
    """Whom it is about; None: all."""
    data: Mapping[str, Any]
    """What it says, as JSON."""


class Listener(Protocol):
    """Somebody who is told of events, in order; the server keeps nothing for him but his place."""

    @property
    def seq(self) -> int:
        """Number of the newest change up to which he was given all: he can go on from there."""
        ...

    async def wait(self) -> None:
        """Wait until there is something to take."""
        ...

    async def take(self, at_most: int) -> Sequence[Event]:
        """The next events.

        Raises:
            StoreError: the journal cannot be read.
        """
        ...

    def close(self) -> None:
        """Listen no longer."""
        ...


class Events(Protocol):
    """The events of a server."""

    async def listen(self, after: int | None) -> Listener:
        """Listen.

        Args:
            after: number of the last change that is known; None: only what happens from now on.

        Raises:
            StoreError: states are only kept in memory (`store_no_journal`), or the journal cannot
                be read.
        """
        ...


def state_told(state: FeatureState) -> dict[str, Any]:
    """A state, with `on` or `off`."""
    return {"status": "on" if state.status else "off", **state.by_name}


def states_told(snapshot: Snapshot) -> dict[str, Any]:
    """Feature → its state, of all features."""
    return {
        feature.value: state_told(state)
        for feature, state in zip(FEATURES, snapshot.states, strict=True)
    }


def whole(entries: list[JournalEntry], at_most: int) -> list[JournalEntry]:
    """Those that are not cut off in the middle of what one request changed for one presentity.

    Args:
        entries: of the journal, in order; one more than `at_most` where there are more.
        at_most: how many were wanted.
    """
    if len(entries) <= at_most:
        return entries
    cut = (entries[-1].presentity, entries[-1].revision)
    return [one for one in entries if (one.presentity, one.revision) != cut] or entries


def change_told(entry: JournalEntry) -> dict[str, Any]:
    """One change of one feature."""
    return {
        "feature": entry.feature.value,
        "before": state_told(entry.before),
        "after": state_told(entry.after),
        "origin": entry.origin.value,
        "actor": entry.actor,
        "rule": entry.rule or None,
        "decision": entry.decision,
    }


def changed(entries: Sequence[JournalEntry], now: Snapshot) -> Event:
    """The event of what one request changed for one presentity.

    Args:
        entries: of one revision, in order; at least one.
        now: all that is stored. It may be newer: then further events follow.
    """
    last = entries[-1]
    data = {
        "presentity": last.presentity.uri,
        "revision": last.revision,
        "at": time_told(last.at),
        "changed": [change_told(entry) for entry in entries],
        "features": states_told(now),
        "origin": last.origin.value,
        "actor": last.actor,
        "decision": last.decision,
    }
    return Event(FEATURE_CHANGED, last.seq, last.presentity, data)


def subscribed(subscription: Subscription, why: Termination | None, at: datetime) -> Event:
    """The event of a subscription that has begun, or ended.

    Args:
        subscription: whose phone watches.
        why: why it has ended; None: it has begun.
        at: when.
    """
    dialog = subscription.dialog
    data: dict[str, Any] = {
        "presentity": subscription.presentity.uri,
        "at": time_told(at),
        "watcher": subscription.watcher.uri,
        "callId": dialog.call_id.decode(errors="replace"),
        "contact": dialog.contact.decode(errors="replace"),
        "transport": dialog.flow.listener.transport,
    }
    if why is None:
        return Event(SUBSCRIPTION_STARTED, 0, subscription.presentity, data)
    data["reason"] = why.value
    return Event(SUBSCRIPTION_ENDED, 0, subscription.presentity, data)


def policies_changed(revision: str, origin: str, at: datetime) -> Event:
    """The event of policies that decide from now on.

    Args:
        revision: their content hash.
        origin: where they came from: `files` or `rollback`.
        at: when.
    """
    data = {"revision": revision, "origin": origin, "at": time_told(at)}
    return Event(POLICIES_CHANGED, 0, None, data)


def policies_refused(trigger: str, findings: Sequence[str], at: datetime) -> Event:
    """The event of policies that cannot be used; those before stay in force.

    Args:
        trigger: what triggered loading: `change`, `signal` or `operator`.
        findings: why, one line each.
        at: when.
    """
    data = {
        "trigger": trigger,
        "findings": [*findings[:MAX_FINDINGS]],
        "at": time_told(at),
    }
    return Event(POLICIES_REFUSED, 0, None, data)


def refused(outcome: Outcome, decision: str, at: datetime) -> Event:
    """The event of a set that a policy refused."""
    request, denial = outcome.request, outcome.decision.denial
    assert denial is not None  # noqa: S101 - the caller checked
    assert request.feature is not None  # noqa: S101 - it is a set
    requester = request.requester
    data = {
        "presentity": request.presentity.uri,
        "at": time_told(at),
        "feature": request.feature.value,
        "asked": None if request.asked is None else state_told(request.asked),
        "stored": state_told(outcome.after),
        "reason": denial.reason,
        "text": denial.text,
        "rule": denying_rule(outcome),
        "origin": requester.origin.value,
        "actor": requester.told_actor,
        "decision": decision,
    }
    return Event(FEATURE_REFUSED, 0, request.presentity, data)
