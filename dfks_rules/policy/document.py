"""The one syntax tree: policies, rules, conditions, effects. Nothing here decides anything."""

from enum import IntEnum
from typing import Literal, NamedTuple

from dfks_rules.model.decisions import Denial, NotifyScope
from dfks_rules.policy.matchers import Atom


class AllOf(NamedTuple):
    """True when every part is true; so is an empty one."""

    parts: tuple["Condition", ...]
    """Conditions that are ANDed."""


class AnyOf(NamedTuple):
    """True when at least one part is true."""

    parts: tuple["Condition", ...]
    """Conditions that are ORed."""


class Not(NamedTuple):
    """The exact negation; true where the fact of a test is absent."""

    part: "Condition"
    """What must not be true."""


Condition = AllOf | AnyOf | Not | Atom


class Band(IntEnum):
    """The coarse order of policies; within a band, `priority` orders them."""

    MANDATORY = 0
    NORMAL = 1
    DEFAULT = 2


class Effects(NamedTuple):
    """What a rule that matches does; None where it says nothing."""

    status: Literal[0, 1, "request", "stored"] | None = None
    """Off, on, as asked for, or as stored."""
    assigned: bool | None = None
    """False leaves the feature out of the NOTIFY."""
    notify: NotifyScope | None = None
    """Who is told."""
    forward_to: str | None = None
    """Where calls go."""
    ring_count: int | None = None
    """Rings before the call is forwarded."""
    denial: Denial | None = None
    """Refuses the request."""
    allow: bool | None = None
    """True gives a third party leave to subscribe."""
    log: str | None = None
    """A line to log, with `${fact}` in it."""
    final: bool = False
    """Nothing is taken from the rules after this one, save their denials and log lines."""


class Rule(NamedTuple):
    """One rule, with the scope of its policy in its condition."""

    id: str
    """`policy/rule`: name of the policy, id of the rule."""
    condition: Condition
    """When it matches: scope, `when`, and not `unless`."""
    effects: Effects
    """What it does then."""


class Policy(NamedTuple):
    """One policy file."""

    name: str
    """`metadata.name`."""
    enforced: bool
    """False for `mode: off`: it is checked, and takes no part in decisions."""
    band: Band
    """Its coarse place in the order."""
    priority: int
    """0 to 999; the higher number comes first."""
    rules: tuple[Rule, ...]
    """In the order of the file."""
