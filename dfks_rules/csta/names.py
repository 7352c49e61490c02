"""The words of the wire: one row per feature. No other room knows them.

Reference: ECMA-323 SetDoNotDisturb, SetForwarding, DoNotDisturbEvent, ForwardingEvent.
"""

from typing import NamedTuple

from dfks_rules.model.features import Feature

CONTENT_TYPE = "application/x-as-feature-event+xml"
"""Media type of one document."""

MULTIPART = "multipart/mixed"
"""Media type of several documents."""

ACCEPT = f"{CONTENT_TYPE}, {MULTIPART}"
"""The bodies that are understood, as the value of an Accept header."""

NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
"""Sent always (Polycom phones without it crash and reboot); received, any or none will do."""

DEVICE = "device"
FORWARDING_TYPE = "forwardingType"


class Words(NamedTuple):
    """How one feature is written; a request and an event name the same thing differently."""

    feature: Feature
    """The feature that the rest of the row is about."""
    request_root: str
    """Root of the document in which a phone asks."""
    event_root: str
    """Root of the document in which a phone is told."""
    forwarding_type: str | None
    """Text of `forwardingType`, which tells features of one root apart; None: not needed."""
    request_status: str
    """Element of the status that is asked for."""
    event_status: str
    """Element of the status that is told."""
    request_target: str | None = None
    """Element of the forward target that is asked for; None: the feature has none."""
    event_target: str | None = None
    """Element of the forward target that is told."""
    ring_count: str | None = None
    """Element of the rings before the call is forwarded; None: the feature has none."""


_FORWARDING = ("SetForwarding", "ForwardingEvent")
_FORWARDED = ("activateForward", "forwardStatus", "forwardDN", "forwardTo")
_DND = ("SetDoNotDisturb", "DoNotDisturbEvent", None, "doNotDisturbOn", "doNotDisturbOn")

TABLE: tuple[Words, ...] = (
    Words(Feature.DO_NOT_DISTURB, *_DND),
    Words(Feature.CALL_FORWARDING_ALWAYS, *_FORWARDING, "forwardImmediate", *_FORWARDED),
    Words(Feature.CALL_FORWARDING_BUSY, *_FORWARDING, "forwardBusy", *_FORWARDED),
    Words(
        Feature.CALL_FORWARDING_NO_ANSWER, *_FORWARDING, "forwardNoAns", *_FORWARDED, "ringCount"
    ),
)
"""Every feature that can be read and written."""

READ = frozenset({DEVICE, FORWARDING_TYPE}).union(
    name
    for words in TABLE
    for name in (words.request_status, words.request_target, words.ring_count)
    if name is not None
)
"""The children that are read; every other one is passed over."""
