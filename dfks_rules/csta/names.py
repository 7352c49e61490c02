"""The vocabulary of the wire, one row per feature. No other room knows it.

Reference: ECMA-323 SetDoNotDisturb, SetForwarding, SetAgentState, DoNotDisturbEvent,
ForwardingEvent, AgentReadyEvent and its like; docs/reference/bodies.md.
"""

from typing import NamedTuple

from dfks_rules.model.features import Feature
from dfks_rules.model.values import Value, Values

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
    """How one value is written, as the text of an element.

    A name with `/` is that of an element within others: `extensions/privateData/…`.
    """

    value: Value
    """The value."""
    request: str
    """Element name in requests."""
    event: str
    """Element name in events."""
    namespace: str | None = None
    """Namespace of the innermost element, if it is not that of the document."""


class Saying(NamedTuple):
    """One thing that a status may say, and how it is written."""

    status: bool
    """On or off."""
    request: tuple[str, ...]
    """Texts of the status element in requests, in any case; the first is the usual one."""
    event_root: str
    """Root element of an event that says it."""
    event: str | None = None
    """Text of the status element in that event; None where the root says everything."""
    values: Values = ()
    """The values that it says as well."""


class Words(NamedTuple):
    """How one feature is written; a request and an event name the same thing differently."""

    feature: Feature
    """The feature described by the row."""
    request_root: str
    """Root element of a request."""
    request_status: str
    """Element for the status in requests."""
    sayings: tuple[Saying, ...]
    """What its status may say; the first for on, and the first for off, are the usual ones."""
    event_status: str | None = None
    """Element for the status in events; None where their roots say it."""
    forwarding_type: str | None = None
    """Text of `forwardingType`, which distinguishes features with the same root; None: not
    needed."""
    event_device: str = DEVICE
    """Element for the device in events."""
    elements: tuple[Element, ...] = ()
    """Each value that its status does not say, in the order of `VALUES`."""


def markup(name: str, namespace: str | None = None) -> str:
    """An element of this name, with `%s` for its text.

    Phones look for a name of another namespace by its prefix, which must be `pri`: AudioCodes' Web
    SDK takes it literally.
    """
    *outer, inner = name.split("/")
    declared = ""
    if namespace is not None:
        declared, inner = f' xmlns:pri="{namespace}"', f"pri:{inner}"
    text = f"<{inner}>%s</{inner}>"
    for one in reversed(outer):
        text = f"<{one}{declared}>{text}</{one}>"
        declared = ""
    return text


def _switch(event_root: str) -> tuple[Saying, ...]:
    """On or off, and nothing else."""
    return (
        Saying(status=True, request=("true", "1"), event_root=event_root, event="true"),
        Saying(status=False, request=("false", "0"), event_root=event_root, event="false"),
    )


def _agent(word: str, event_root: str, *, status: bool = False) -> Saying:
    """What an agent does; the root of the event says which."""
    return Saying(status, (word,), event_root, values=((Value.STATE, word),))


def _forwarding(feature: Feature, kind: str, *elements: Element) -> Words:
    return Words(
        feature,
        "SetForwarding",
        "activateForward",
        _switch("ForwardingEvent"),
        "forwardStatus",
        kind,
        elements=elements,
    )


_TARGET = Element(Value.FORWARD_TO, "forwardDN", "forwardTo")
_RINGS = Element(Value.RING_COUNT, "ringCount", "ringCount")
_DND = ("SetDoNotDisturb", "doNotDisturbOn", _switch("DoNotDisturbEvent"), "doNotDisturbOn")
_REASON = "extensions/privateData/private/AgentNotReadyReasonValue"
_BROADSOFT = "http://schema.broadsoft.com/CSTAPrivateData"

TABLE: tuple[Words, ...] = (
    Words(Feature.DO_NOT_DISTURB, *_DND),
    _forwarding(Feature.CALL_FORWARDING_ALWAYS, "forwardImmediate", _TARGET),
    _forwarding(Feature.CALL_FORWARDING_BUSY, "forwardBusy", _TARGET),
    _forwarding(Feature.CALL_FORWARDING_NO_ANSWER, "forwardNoAns", _TARGET, _RINGS),
    Words(
        Feature.AGENT_STATE,
        "SetAgentState",
        "requestedAgentState",
        (
            _agent("ready", "AgentReadyEvent", status=True),
            _agent("notReady", "AgentNotReadyEvent"),
            _agent("workingAfterCall", "AgentWorkingAfterCallEvent"),
            _agent("loggedOff", "AgentLoggedOffEvent"),
            _agent("loggedOn", "AgentLoggedOnEvent"),
        ),
        event_device="agentDevice",
        elements=(
            Element(Value.AGENT_ID, "agentID", "agentID"),
            Element(Value.NOT_READY_REASON, _REASON, _REASON, _BROADSOFT),
        ),
    ),
)
"""Every feature that can be read and written."""

READ = frozenset({DEVICE, FORWARDING_TYPE}).union(
    name
    for words in TABLE
    for name in (words.request_status, *(element.request for element in words.elements))
)
"""The elements that are read, as paths from the root; all others are ignored."""
