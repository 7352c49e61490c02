"""The one syntax tree: policies, rules, conditions, effects. Nothing here decides anything."""

from enum import Enum, IntEnum
from typing import Literal, NamedTuple

from dfks_rules.model.decisions import Denial, NotifyScope
from dfks_rules.model.features import Feature
from dfks_rules.model.values import Value
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import Clamped, Template


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


class Mode(Enum):
    """What a policy takes part in."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    """Its rules are matched and counted, and decide nothing."""
    OFF = "off"
    """It is checked, and takes no part in anything."""


Written = tuple[tuple[Value, str | int | Template | Clamped], ...]
"""Values as a rule has them: each once, in the order of `VALUES`."""


class Also(NamedTuple):
    """A set on another feature or another user, as a consequence of one that is allowed."""

    feature: Feature
    """Which feature."""
    status: Literal[0, 1, "request"]
    """Off, on, or as asked for in the set at hand."""
    user: Template | None = None
    """User part of whose feature it is; None: the presentity at hand."""
    domain: Template | None = None
    """Its domain; None: that of the presentity at hand."""
    values: Written = ()
    """Its values; those that are not here stay as they are stored."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that it reads."""
        parts = (self.user, self.domain, *dict(self.values).values())
        here = {"user", "domain"} | ({"request.status"} if self.status == "request" else set())
        return frozenset(here).union(*map(_facts_of, parts))


class Effects(NamedTuple):
    """What a rule that matches does; None where it says nothing."""

    status: Literal[0, 1, "request", "stored"] | None = None
    """Off, on, as asked for, or as stored."""
    assigned: bool | None = None
    """False leaves the feature out of the NOTIFY."""
    notify: NotifyScope | None = None
    """Who is told."""
    values: Written = ()
    """Values of the feature."""
    denial: Denial | None = None
    """Refuses the request."""
    allow: bool | None = None
    """True gives a third party leave to subscribe."""
    log: str | None = None
    """A line to log, with `${fact}` in it."""
    also: tuple[Also, ...] = ()
    """Sets that follow from this one."""
    final: bool = False
    """Nothing is taken from the rules after this one, save their denials and log lines."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that its values and consequences read."""
        parts = (*dict(self.values).values(), *self.also)
        return frozenset().union(*map(_facts_of, parts))

    @property
    def fields(self) -> dict[str, object]:
        """What it sets: field, as `Decision.decided_by` names it → value; not the denial."""
        fields = {
            "status": self.status,
            "assigned": self.assigned,
            "notify": self.notify,
            **{value.value: written for value, written in self.values},
            "allow": self.allow,
        }
        return {field: value for field, value in fields.items() if value is not None}


def _facts_of(part: str | int | Template | Clamped | Also | None) -> frozenset[str]:
    return part.facts if isinstance(part, Template | Clamped | Also) else frozenset()


class Rule(NamedTuple):
    """One rule, with the scope of its policy in its condition."""

    id: str
    """`policy/rule`: name of the policy, id of the rule."""
    condition: Condition
    """When it matches: scope, `when`, and not `unless`."""
    effects: Effects
    """What it does then."""
    shadow: bool = False
    """True when it is matched and counted, and decides nothing."""


class Policy(NamedTuple):
    """One policy file."""

    name: str
    """`metadata.name`."""
    mode: Mode
    """What it takes part in."""
    band: Band
    """Its coarse place in the order."""
    priority: int
    """0 to 999; the higher number comes first."""
    rules: tuple[Rule, ...]
    """In the order of the file."""
