"""The vocabulary of the wire, one row per feature. No other room knows it.

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
"""The media types that are understood, as the value of an Accept header."""

NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
"""Always sent (without it, Polycom phones crash and reboot); on receipt, any or none will do."""

DEVICE = "device"
FORWARDING_TYPE = "forwardingType"


class Element(NamedTuple):
    """How one value is written, as the text of an element."""

    value: Value
    """The value."""
    request: str
    """Element name in requests."""
    event: str
    """Element name in events."""


class Words(NamedTuple):
    """How one feature is written; a request and an event name the same thing differently."""

    feature: Feature
    """The feature described by the row."""
    request_root: str
    """Root element of a request."""
    event_root: str
    """Root element of an event."""
    forwarding_type: str | None
    """Text of `forwardingType`, which distinguishes features with the same root; None: not
    needed."""
    request_status: str
    """Element for the status in requests."""
    event_status: str
    """Element for the status in events."""
    elements: tuple[Element, ...] = ()
    """Each value of the feature, in the order of `VALUES`."""


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
"""The child elements that are read; all others are ignored."""
