"""The syntax tree: policies, rules, conditions, effects. Nothing here decides anything."""

from collections.abc import Iterator
from enum import Enum, IntEnum
from typing import Literal, NamedTuple

from dfks_rules.model.decisions import Denial, NotifyScope
from dfks_rules.model.features import Feature
from dfks_rules.model.values import Value
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.expiry import DuringOfUser, Expire
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import PLACEHOLDER, Clamped, Rewritten, Template


class AllOf(NamedTuple):
    """True when every part is true, or when there are no parts."""

    parts: tuple["Condition", ...]
    """Conditions that are ANDed."""


class AnyOf(NamedTuple):
    """True when at least one part is true."""

    parts: tuple["Condition", ...]
    """Conditions that are ORed."""


class Not(NamedTuple):
    """The exact negation, and so true where the tested fact is absent."""

    part: "Condition"
    """What must not be true."""


Condition = AllOf | AnyOf | Not | Atom


def atoms_of(condition: Condition) -> Iterator[Atom]:
    """Every test in a condition."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from atoms_of(part)
        case Not(part):
            yield from atoms_of(part)
        case _:
            yield condition


class Band(IntEnum):
    """The coarse order of policies; `priority` orders those of one band."""

    MANDATORY = 0
    NORMAL = 1
    DEFAULT = 2


class Mode(Enum):
    """Whether a policy decides, is only counted, or is switched off."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    """Its rules are matched and counted, but decide nothing."""
    OFF = "off"
    """It is checked but not used."""


Computed = Template | Clamped | Rewritten
"""A value that follows from facts."""
Written = tuple[tuple[Value, str | int | Computed], ...]
"""Values as a rule writes them: each once, in the order of `VALUES`."""


class Also(NamedTuple):
    """A set on another feature or user that follows from an allowed one."""

    feature: Feature
    """The feature to set."""
    status: Literal[0, 1, "request"]
    """Off, on, or as the current set asks for."""
    user: Template | None = None
    """User part of the feature's owner; None: the current presentity."""
    domain: Template | None = None
    """Domain of the feature's owner; None: that of the current presentity."""
    values: Written = ()
    """Values to set; the others stay as stored."""
    group: str | None = None
    """A set for each member of this group in the presentity's domain but the presentity; None: for
    `user`."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that it reads."""
        parts = (self.user, self.domain, *dict(self.values).values())
        here = {"user", "domain"} | ({"request.status"} if self.status == "request" else set())
        return frozenset(here).union(*map(_facts_of, parts))


class Effects(NamedTuple):
    """What a matching rule does; None where it says nothing."""

    status: Literal[0, 1, "request", "stored"] | None = None
    """Off, on, as asked for, or as stored."""
    assigned: bool | None = None
    """False leaves the feature out of the NOTIFY."""
    notify: NotifyScope | None = None
    """Who is notified."""
    values: Written = ()
    """Values of the feature to set."""
    denial: Denial | None = None
    """Refuses the request."""
    exceptions: bool = False
    """Whether Exceptions may lift the denial."""
    allow: bool | None = None
    """True lets a third party subscribe."""
    log: str | None = None
    """A line to log, which may contain `${fact}`."""
    also: tuple[Also, ...] = ()
    """Sets that follow from this one."""
    expire: Expire | None = None
    """When what the set switches on is switched off by itself."""
    final: bool = False
    """Whether the rules after this one contribute nothing but denials and log lines."""
    lifts: tuple[str, ...] = ()
    """Ids of rules whose denials do not count: what an Exception does."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts its values, consequences, end and the text of its denial read."""
        parts = (*dict(self.values).values(), *self.also)
        text = "" if self.denial is None else self.denial.text or ""
        zone = {self.expire.fact} if isinstance(self.expire, DuringOfUser) else set()
        return frozenset(PLACEHOLDER.findall(text)).union(zone, *map(_facts_of, parts))

    @property
    def fields(self) -> dict[str, object]:
        """Fields it sets, named as in `Decision.decided_by` → value; without the denial."""
        fields = {
            "status": self.status,
            "assigned": self.assigned,
            "notify": self.notify,
            **{value.value: written for value, written in self.values},
            "allow": self.allow,
            "expire": self.expire,
        }
        return {field: value for field, value in fields.items() if value is not None}


def _facts_of(part: str | int | Computed | Also | None) -> frozenset[str]:
    return part.facts if isinstance(part, Computed | Also) else frozenset()


class Rule(NamedTuple):
    """One rule; its condition includes the scope of its policy."""

    id: str
    """`policy/rule`: name of the policy, id of the rule."""
    condition: Condition
    """When it matches: scope and `when`, but not `unless`."""
    effects: Effects
    """What it does when it matches."""
    shadow: bool = False
    """True when it is matched and counted, but decides nothing."""
    narrowing: Condition = AllOf(())
    """The part of the condition that nobody wrote: to whom a tenant's file applies, and where an
    Exception can lift something."""

    @property
    def is_exception(self) -> bool:
        """Whether it is what an Exception comes to."""
        return bool(self.effects.lifts)

    @property
    def told(self) -> str:
        """What findings in its file call it: rule `no-calls-abroad`, Exception `boss-abroad`."""
        policy, _, name = self.id.partition("/")
        return (
            phrase("Exception `{policy}`", policy=policy)
            if self.is_exception
            else phrase("rule `{name}`", name=name)
        )

    @property
    def title(self) -> str:
        """Its id, for people: that of an Exception says so."""
        return phrase("Exception {id}", id=self.id) if self.is_exception else self.id


class Policy(NamedTuple):
    """One policy file."""

    name: str
    """`metadata.name`."""
    mode: Mode
    """Whether its rules decide."""
    band: Band
    """Its coarse place in the order of precedence."""
    priority: int
    """0 to 999; the higher number comes first."""
    rules: tuple[Rule, ...]
    """In the order of the file."""
