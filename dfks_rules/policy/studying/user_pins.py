"""Users of whom a directory says something else: who they are, and what is said of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dfks_rules.policy.facts.families import group_in
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Rule, atoms_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.proof.pins import ALWAYS, Pin, facts_read
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.site.site_changes import Said, user_changes
from dfks_rules.policy.studying.site_pins import (
    FORWARDS,
    Change,
    Pins,
    facts_in,
    is_of_target,
    person_in,
)

MAX_KINDS = 200
"""Most kinds of changes of users that are compared; those of most users first."""


class _Kind(NamedTuple):
    """Users of a domain of whom the same has changed."""

    domain: str
    users: frozenset[str]
    before: Said
    after: Said


class _Users:
    """Users of whom a directory says something else."""

    def __init__(self, rules: Sequence[Rule], old: Directory, new: Directory) -> None:
        read = facts_in(rules)
        people = {fact: of for fact in read if (of := person_in(fact)) is not None}
        keys = sorted({key for _, key in people.values()})
        kinds = _kinds(old, new, keys, _groups_asked(rules))
        self._kinds, left = kinds[:MAX_KINDS], kinds[MAX_KINDS:]
        self._people = people
        self._changed = {(kind.domain, user) for kind in self._kinds for user in kind.users}
        self.undecided: list[str] = []
        if left:
            count = sum(len(kind.users) for kind in left)
            self.undecided.append(
                f"{count:,} users have changed in more than {MAX_KINDS} ways, and are not compared"
            )
        self._groups = _changed_groups(rules, old, new)
        self.domains = frozenset(kind.domain for kind in self._kinds).union(*self._groups.values())
        self.is_any = bool(self._kinds or self._groups)

    def pins(self, question: Question, domain: str | None) -> Pins:
        before, after = [], []
        for kind, who, where in self._pinned(domain):
            names = {fact: key for fact, (of, key) in self._people.items() if of == who}
            before.append(Pin(where, {fact: kind.before[key] for fact, key in names.items()}))
            after.append(Pin(where, {fact: kind.after[key] for fact, key in names.items()}))
        return before, after

    def marks(self, question: Question, domain: str | None) -> Mapping[str, Condition]:
        found: dict[str, list[Condition]] = {}
        for kind, who, where in self._pinned(domain):
            for fact, (of, key) in self._people.items():
                if of == who and kind.before[key] != kind.after[key]:
                    found.setdefault(fact, []).append(where)
        for name, domains in self._groups.items():
            if domain in domains:
                found[name] = [ALWAYS]
        return {name: AnyOf(tuple(where)) for name, where in found.items()}

    def left_open(
        self, question: Question, domain: str | None, rules: Iterable[Rule]
    ) -> str | None:
        return None

    def free(self, model: Model) -> Model:
        people = {
            "presentity": (model.get("domain"), model.get("user")),
            "watcher": (model.get("watcher.domain"), model.get("watcher.user")),
        }
        target = (model.get("target.domain"), model.get("target.user"))
        if model.get("target.kind") == "internal" and target in self._changed:
            # Whose facts the sites are to say has to be what the target is to them.
            field = next((name for name in FORWARDS.values() if model.get(name)), None)
            model = {name: value for name, value in model.items() if not is_of_target(name)}
            if field is not None:
                model[field] = f"sip:{target[1]}@{target[0]}"
        gone = {who for who, one in people.items() if one in self._changed}
        return {
            name: value
            for name, value in model.items()
            if name not in self._people or self._people[name][0] not in gone
        }

    def _pinned(self, domain: str | None) -> Iterator[tuple[_Kind, str, Condition]]:
        """Each kind, as whom its users take part, and in which requests they do."""
        wanted = sorted({who for who, _ in self._people.values()})
        for kind in self._kinds:
            for who in wanted:
                # A target that is one of our users is one of the presentity's domain.
                if who == "watcher" or kind.domain == domain:
                    yield kind, who, _is_one_of(who, kind)


def _is_one_of(who: str, kind: _Kind) -> Condition:
    head = "" if who == "presentity" else f"{who}."
    tests: list[Condition] = [
        Atom(f"{head}domain", "eq", kind.domain),
        Atom(f"{head}user", "in", kind.users),
    ]
    if who == "target":
        tests.append(Atom("target.kind", "eq", "internal"))
    return AllOf(tuple(tests))


def _kinds(
    old: Directory, new: Directory, keys: Sequence[str], groups: frozenset[str] | None
) -> list[_Kind]:
    """The changes that rules may see, those of most users first."""
    found: dict[tuple[object, ...], list[str]] = {}
    said: dict[tuple[object, ...], tuple[Said, Said]] = {}
    for user, before, after in user_changes(old, new, keys) if keys else ():
        if groups is not None:
            before, after = _asked_for(before, groups), _asked_for(after, groups)
        if before != after:
            key = (user.domain, *before.values(), *after.values())
            said[key] = before, after
            found.setdefault(key, []).append(user.user)
    kinds = [_Kind(str(key[0]), frozenset(users), *said[key]) for key, users in found.items()]
    return sorted(kinds, key=lambda kind: -len(kind.users))


def _asked_for(said: Said, groups: frozenset[str]) -> Said:
    """What is said of a user, with the groups that rules ask for."""
    listed = said.get("groups")
    if not isinstance(listed, tuple):
        return said
    return {**said, "groups": tuple(one for one in listed if one in groups) or None}


def _groups_asked(rules: Iterable[Rule]) -> frozenset[str] | None:
    """The groups that rules ask for by name; None: they ask for more than names."""
    found: set[str] = set()
    for rule in rules:
        if any((of := person_in(fact)) and of[1] == "groups" for fact in facts_read(rule)):
            return None
        for atom in atoms_of(rule.condition):
            if any((of := person_in(fact)) and of[1] == "groups" for fact in atom.facts):
                if atom.matcher != "has" or not isinstance(atom.operand, tuple):
                    return None
                found.update(map(str, atom.operand))
    return frozenset(found)


def _changed_groups(
    rules: Sequence[Rule], old: Directory, new: Directory
) -> dict[str, frozenset[str]]:
    """`group NAME`, and counts of members → the domains in which it has other members."""
    asked: dict[str, str] = {}
    for rule in rules:
        asked |= {f"group {one.group}": one.group for one in rule.effects.also if one.group}
    for fact in facts_in(rules):
        name = group_in(fact)
        if name is not None:
            asked[fact] = name
    found = {}
    for key, group in asked.items():
        domains = frozenset(
            domain
            for domain in old.domains | new.domains
            if old.members_of(domain, group) != new.members_of(domain, group)
        )
        if domains:
            found[key] = domains
    return found


def user_change(rules: Sequence[Rule], old: Site, new: Site) -> Change:
    """What directories say differently of users."""
    return _Users(rules, old.directory, new.directory)
