"""The values that features have beside their status: what each is, and what was said of them.

To add one is a member of `Value`; policies, MI, logs and the store follow.
"""

from enum import Enum
from typing import NamedTuple

MAX_TEXT = 512
"""Longest forward target, device, parameter or user agent taken from a peer, in characters."""


class Text(NamedTuple):
    """A printable text of 1 to `MAX_TEXT` characters."""

    examples: tuple[str, ...]
    """As phones and operators write it."""


class Integer(NamedTuple):
    """A whole number within bounds, which are included."""

    least: int
    """0 or more."""
    most: int
    """At most 1000: so far do policies count."""


class Choice(NamedTuple):
    """One of these words."""

    words: tuple[str, ...]
    """In the order in which they are shown."""


class Value(Enum):
    """A value that a feature may have beside its status.

    The members' own value is the name in policies, facts, MI and the store; the name of the member,
    in lower case, is the key in log lines.
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
        """What it can be."""
        self.noun = noun
        """What it is called in a sentence."""
        self.description = description
        """What it is, without a full stop."""


VALUES: tuple[Value, ...] = tuple(Value)
"""Every value, in the order in which they are shown and sent."""

Values = tuple[tuple[Value, str | int], ...]
"""What was said of values, each once and in the order of `VALUES`; nothing of the others."""
