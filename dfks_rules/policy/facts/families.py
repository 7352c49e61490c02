"""Families of facts: what authors name themselves, and the table therefore cannot list."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dfks_rules.model.features import FEATURES, Feature
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.derived_facts import (
    DERIVED_FACTS,
    derived,
    of_target_user,
    of_watcher,
)
from dfks_rules.policy.facts.fact import ABOUT_A_FEATURE, EVERY_OPERATION, Fact, FactReader, Kind
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.words.wording import did_you_mean

PEOPLE = ("user", "watcher", "target")
"""Those whom a directory may say something about; so the facts of their attributes begin."""
RESERVED = frozenset(
    {
        *("user", "domain", "groups", "role", "numbers"),
        *(fact.name.partition(".")[2] for fact in DERIVED_FACTS if "." in fact.name),
    }
)
"""Names that attributes cannot have: directories and facts use them for something else."""
ATTRIBUTE = "[a-z][A-Za-z0-9-]{0,30}"
"""Names of attributes, unless they are `RESERVED`."""


def _nothing(_view: View) -> FactValue:
    return None


class Family(NamedTuple):
    """Facts that differ in a name of the author's choice."""

    written: str
    """As the documentation writes them."""
    pattern: str
    """What their names match, as a regular expression for JSON Schema too."""
    kind: Kind
    """Their type."""
    operations: frozenset[Operation]
    """The operations that can have them."""
    description: str
    """One line for authors."""
    reader: Callable[[str], FactReader]
    """The reader of the fact with this name."""

    @property
    def example(self) -> Fact:
        """The one that the documentation writes."""
        return self.fact(self.written)

    def fact(self, name: str) -> Fact:
        """The fact with this name, which matches the pattern."""
        read = _nothing if name == self.written else self.reader(name)
        return derived(name, self.kind, self.description, read, operations=self.operations)


def _attribute(name: str) -> Callable[[View, Aor], FactValue]:
    attribute = name.partition(".")[2]

    def read(view: View, user: Aor) -> FactValue:
        return view.site.directory.attribute_of(user, attribute)

    return read


def _of_presentity(name: str) -> FactReader:
    read = _attribute(name)
    return lambda view: read(view, view.request.presentity)


def _people(
    who: str, described: str, operations: frozenset[Operation], reader: Callable[[str], FactReader]
) -> Family:
    # In Python, `$` also matches before a final line feed; in an editor it does not: `(?!\n)`.
    pattern = rf"^{who}\.(?!(?:{'|'.join(sorted(RESERVED))})(?!\n)$){ATTRIBUTE}(?!\n)$"
    description = (
        f"What the column `NAME` of the directory says about {described}; absent if nothing."
    )
    return Family(f"{who}.NAME", pattern, Kind.TEXT, operations, description, reader)


_COUNT = "group."
"""How names of counts begin."""
_GROUP = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_FEATURES = "|".join(feature.value for feature in FEATURES)


def group_in(fact: str) -> str | None:
    """The group that a fact counts members of; None for other facts."""
    found = re.fullmatch(rf"group\.({_GROUP})\.(?:{_FEATURES})\.(?:off|on)", fact)
    return found and found[1]


def count_meant(name: str) -> str | None:
    """The count that is meant by a name with a misspelt feature; None: it is none."""
    found = re.fullmatch(rf"(group\.{_GROUP})\.(\w+)\.(off|on)", name)
    meant = found and re.search(r"`(\w+)`", did_you_mean(found[2], [one.value for one in FEATURES]))
    return f"{found[1]}.{meant[1]}.{found[3]}" if found and meant else None


def reads_counts(facts: Iterable[str]) -> bool:
    """Whether one of these facts counts members of a group."""
    return any(fact.startswith(_COUNT) for fact in facts)


def _count(name: str) -> FactReader:
    group, feature, which = name.removeprefix(_COUNT).rsplit(".", 2)
    position = ("off", "on").index(which)

    def read(view: View) -> FactValue:
        groups = view.around.groups
        if groups is None:
            return None
        found = groups.of(view.request.presentity.domain, group, Feature(feature))
        return None if found is None else found[position]

    return read


def _members(which: str) -> Family:
    return Family(
        f"group.NAME.FEATURE.{which}",
        rf"^group\.{_GROUP}\.(?:{_FEATURES})\.{which}(?!\n)$",
        Kind.COUNT,
        EVERY_OPERATION,
        f"How many members of the group `NAME` in the presentity's domain have `FEATURE` stored as "
        f"{which}; absent if the group has none.",
        _count,
    )


FAMILIES: tuple[Family, ...] = (
    _people("user", "the presentity", EVERY_OPERATION, _of_presentity),
    _people("watcher", "the watcher", EVERY_OPERATION, lambda name: of_watcher(_attribute(name))),
    _people(
        "target",
        "the target, if it is one of our users",
        ABOUT_A_FEATURE,
        lambda name: of_target_user(_attribute(name)),
    ),
    _members("off"),
    _members("on"),
)
"""In the order of the documentation."""

_PATTERNS = tuple((re.compile(family.pattern), family) for family in FAMILIES)


def fact_of_a_family(name: str) -> Fact | None:
    """The fact with this name, if it belongs to a family."""
    for pattern, family in _PATTERNS:
        if pattern.search(name):
            return family.fact(name)
    return None


def attribute_in(fact: str) -> str | None:
    """The attribute that a fact reads; None for other facts."""
    who, _, name = fact.partition(".")
    is_one = who in PEOPLE and name not in RESERVED and re.fullmatch(ATTRIBUTE, name)
    return name if is_one else None


def attributes_in(text: str) -> frozenset[str]:
    """The attributes that the text of a policy may read, and perhaps some others."""
    return frozenset(re.findall(rf"\b(?:{'|'.join(PEOPLE)})\.({ATTRIBUTE})", text))


def counts_seen(view: View) -> dict[str, FactValue]:
    """Every count of members that was looked at, as facts."""
    groups = view.around.groups
    domain = view.request.presentity.domain
    return {
        f"group.{group}.{feature.value}.{which}": count
        for (where, group, feature), counts in (() if groups is None else groups.seen.items())
        if where == domain
        for which, count in zip(("off", "on"), counts, strict=True)
    }


def facts_of_people(view: View) -> dict[str, FactValue]:
    """Every attribute of those whom a request is about, as facts."""
    target = view.target
    people = zip(
        PEOPLE,
        (view.request.presentity, view.request.requester.watcher, target and target.aor),
        strict=True,
    )
    directory = view.site.directory
    if not directory.attributes:
        return {}
    return {
        f"{who}.{name}": value
        for who, user in people
        if user is not None
        for name, value in directory.attributes_of(user).items()
    }
