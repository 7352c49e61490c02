"""The values that features have besides their status.

To add one, add a member to `Value`; policies, MI, logs and the store follow.
"""

from enum import Enum
from typing import NamedTuple

MAX_TEXT = 512
"""Longest forward target, device, parameter or user agent accepted from a peer, in characters."""


class Text(NamedTuple):
    """A printable text of 1 to `MAX_TEXT` characters."""

    examples: tuple[str, ...]
    """Examples, as phones and operators write it."""


class Integer(NamedTuple):
    """A whole number within inclusive bounds."""

    least: int
    """0 or more."""
    most: int
    """At most 1000, the largest count in policies."""


class Choice(NamedTuple):
    """One of these words."""

    words: tuple[str, ...]
    """The words, in display order."""


class Value(Enum):
    """A value that a feature may have besides its status.

    A member's value is its name in policies, facts, MI and the store; the member's own name, in
    lower case, is the key in log lines.
    """

    FORWARD_TO = (
        "forwardTo",
        Text(("sip:bob@example.com", "+4930123456")),
        "target",
        "Where calls go",
    )
    RING_COUNT = (
        "ringCount",
        Integer(1, 100),  # ECMA-323
        "number of rings",
        "Rings before the call is forwarded",
    )
    STATE = (
        "state",
        Choice(("ready", "notReady", "workingAfterCall", "loggedOff", "loggedOn")),
        "agent state",
        "What a call-centre agent is doing; only `ready` goes with status 1",
    )
    AGENT_ID = (
        "agentId",
        Text(("4711", "sip:alice@example.com")),
        "agent id",
        "The name by which the call centre knows the agent",
    )
    NOT_READY_REASON = (
        "reason",
        Text(("10", "lunch")),
        "reason for not being ready",
        "Why the agent is not ready; kept only while the state is `notReady`",
    )

    __hash__ = object.__hash__

    def __new__(cls, name: str, *_row: object) -> "Value":
        """The member with that name."""
        value = object.__new__(cls)
        value._value_ = name
        return value

    def __init__(
        self,
        _name: str,
        kind: Text | Integer | Choice,
        noun: str,
        description: str,
    ) -> None:
        self.kind = kind
        """The type of the value."""
        self.noun = noun
        """Its name in a sentence."""
        self.description = description
        """A description, without a full stop."""


VALUES: tuple[Value, ...] = tuple(Value)
"""Every value, in the order they are shown and sent."""

Values = tuple[tuple[Value, str | int], ...]
"""The values that were given, each once and in the order of `VALUES`."""
