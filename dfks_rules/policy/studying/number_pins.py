"""Numbers, and names that are dialled, which are something else to another site."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from dfks_rules.model.identity import Aor
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.language.document import AnyOf, Condition, Rule, atoms_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.proof.pins import Pin, facts_read
from dfks_rules.policy.site.examples import example_targets, number_with
from dfks_rules.policy.site.number_changes import makes_no_difference
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.site.site_changes import dialled_changes, domain_changes, prefix_changes
from dfks_rules.policy.site.targets import Target
from dfks_rules.policy.studying.site_pins import (
    FORWARDS,
    Change,
    Pins,
    facts_in,
    is_of_target,
)

MAX_NUMBERS = 200
"""Most numbers that are asked for in one domain."""
MAX_DOMAINS = 50
"""Most domains in which numbers are asked for."""
_OF_TARGET = ("kind", "class", "reach", "number", "country", "user", "domain")
_NOBODYS = "no-such-domain.invalid"
_Facts = Mapping[str, FactValue]


class _Numbers:
    """Targets that are something else."""

    def __init__(self, rules: Sequence[Rule], old: Site, new: Site) -> None:
        self._old, self._new = old, new
        self._read = {fact for fact in facts_in(rules) if fact.startswith("target.")}
        self._dialled = sorted(set(dialled_changes(old.directory, new.directory)))
        one, other = old.targets.plan, new.targets.plan
        self._prefixes = prefix_changes(one, other)
        domains = domain_changes(one, other)
        self.undecided: list[str] = []
        changed = bool(self._dialled or self._prefixes or domains)
        self.is_any = changed and bool(self._read)
        if self.is_any and not self._dialled and not domains:
            self.is_any = not self._is_class_of_no_matter(rules, old, new)
        self._known: dict[str, list[tuple[str, _Facts, _Facts]]] = {}
        every = {*domains, *(domain for domain, _ in self._dialled)} - {""}
        self.domains = frozenset(sorted(every)[:MAX_DOMAINS])
        if self.is_any:
            self.undecided.append(
                "whether some other number is now decided otherwise; numbers that begin so, and "
                "examples of all classes, were asked for"
            )

    def pins(self, question: Question, domain: str | None) -> Pins:
        before: list[Pin] = []
        after: list[Pin] = []
        field = FORWARDS.get(question[0])
        if field is not None:
            for text, one, other in self._changed(domain or _NOBODYS):
                where = Atom(field, "eq", text)
                before.append(Pin(where, one))
                after.append(Pin(where, other))
        return before, after

    def marks(self, question: Question, domain: str | None) -> Mapping[str, Condition]:
        before, after = self.pins(question, domain)
        found: dict[str, list[Condition]] = {}
        for one, other in zip(before, after, strict=True):
            for fact, value in one.facts.items():
                if other.facts[fact] != value:
                    found.setdefault(fact, []).append(one.where)
        return {name: AnyOf(tuple(where)) for name, where in found.items()}

    def free(self, model: Model) -> Model:
        return {name: value for name, value in model.items() if not is_of_target(name)}

    def _is_class_of_no_matter(self, rules: Sequence[Rule], old: Site, new: Site) -> bool:
        """Whether no rule can tell the classes that have changed."""
        atoms = [atom for rule in rules for atom in atoms_of(rule.condition)]
        tests = [atom for atom in atoms if "target.class" in atom.facts]
        if any("target.class" in facts_read(rule) for rule in rules):
            return False
        if any(atom.facts != ("target.class",) for atom in tests):
            return False
        return makes_no_difference(
            old.targets.plan,
            new.targets.plan,
            old.classes | new.classes,
            [partial(_passes, atom) for atom in tests],
            is_all_that_is_read=self._read == {"target.class"},
        )

    def _changed(self, domain: str) -> list[tuple[str, _Facts, _Facts]]:
        """Targets that are something else, of those that are asked for in a domain."""
        if domain not in self._known:
            if len(self._known) > MAX_DOMAINS:
                return []
            presentity = Aor("nobody", domain)
            texts = islice(dict.fromkeys(self._texts(domain)), MAX_NUMBERS)
            sides = (
                (
                    text,
                    self._facts(self._old, text, presentity),
                    self._facts(self._new, text, presentity),
                )
                for text in texts
            )
            self._known[domain] = [one for one in sides if one[1] != one[2]]
        return self._known[domain]

    def _texts(self, domain: str) -> Iterator[str]:
        yield from (text for where, text in self._dialled if where == domain)
        seen: dict[tuple[str | None, str | None], int] = {}
        for prefix, before, after in self._prefixes:
            kind = (before, after)
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] <= MAX_NUMBERS // 8:
                yield number_with(prefix)
        for site in (self._old, self._new):
            plan = site.targets.plan
            dialling = plan.dialling(domain)
            yield from example_targets(plan, domain)
            for length in range(1, 9):
                yield from (f"{start}{'1' * length}"[:length] for start in ("", *dialling.prefixes))
            yield from ("030123456", "0900123456", "0030123456", f"{dialling.outside}0301234567")

    def _facts(self, site: Site, text: str, presentity: Aor) -> _Facts:
        target = site.targets.analyse(text, presentity)
        return {
            fact: _of_target(site, target, fact.partition(".")[2])
            for fact in sorted(self._read)
            if fact not in ("target.self", "target.loop")
        }


def number_change(rules: Sequence[Rule], old: Site, new: Site) -> Change:
    """What numbers, and names that are dialled, are to one site and not to the other."""
    return _Numbers(rules, old, new)


def _passes(test: Atom, class_: str) -> bool:
    return test.holds(lambda _name: class_)


def _of_target(site: Site, target: Target, name: str) -> FactValue:
    if name in _OF_TARGET:
        value: FactValue = getattr(target, "class_" if name == "class" else name)
        return value
    if target.aor is None:
        return None
    if name == "groups":
        return site.directory.groups_of(target.aor) or None
    if name == "role":
        return site.directory.role_of(target.aor)
    return site.directory.attribute_of(target.aor, name)
