"""The words of the wire: one row per feature. No other room knows them.

Reference: ECMA-323 SetDoNotDisturb, SetForwarding, DoNotDisturbEvent, ForwardingEvent.
"""

from typing import NamedTuple

from dfks_rules.model.features import Feature
from dfks_rules.model.values import Value

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


class Element(NamedTuple):
    """How one value is written, as the text of an element."""

    value: Value
    """Which value."""
    request: str
    """Element of what is asked for."""
    event: str
    """Element of what is told."""


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
    elements: tuple[Element, ...] = ()
    """Each value that the feature has, in the order of `VALUES`."""


_FORWARDING = ("SetForwarding", "ForwardingEvent")
_FORWARDED = ("activateForward", "forwardStatus")
_TARGET = Element(Value.FORWARD_TO, "forwardDN", "forwardTo")
_RINGS = Element(Value.RING_COUNT, "ringCount", "ringCount")
_DND = ("SetDoNotDisturb", "DoNotDisturbEvent", None, "doNotDisturbOn", "doNotDisturbOn")

TABLE: tuple[Words, ...] = (
    Words(Feature.DO_NOT_DISTURB, *_DND),
    Words(
        Feature.CALL_FORWARDING_ALWAYS, *_FORWARDING, "forwardImmediate", *_FORWARDED, (_TARGET,)
    ),
    Words(Feature.CALL_FORWARDING_BUSY, *_FORWARDING, "forwardBusy", *_FORWARDED, (_TARGET,)),
    Words(
        Feature.CALL_FORWARDING_NO_ANSWER,
        *_FORWARDING,
        "forwardNoAns",
        *_FORWARDED,
        (_TARGET, _RINGS),
    ),
)
"""Every feature that can be read and written."""

READ = frozenset({DEVICE, FORWARDING_TYPE}).union(
    name
    for words in TABLE
    for name in (words.request_status, *(element.request for element in words.elements))
)
"""The children that are read; every other one is passed over."""
