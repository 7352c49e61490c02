"""Numbers, and names that are dialled, which are something else to another site."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from dfks_rules.model.identity import Aor
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.language.document import AnyOf, Condition, Rule, atoms_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.proof.pins import Pin, facts_read
from dfks_rules.policy.site.dialled import read_dialled
from dfks_rules.policy.site.examples import example_targets, number_with
from dfks_rules.policy.site.extension_changes import are_not_told
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

MAX_NUMBERS = 400
"""Most numbers that are asked for in one domain."""
MAX_DOMAINS = 50
"""Most domains in which numbers are asked for."""
_MAX_DIALLED, _MAX_WRITTEN = 100, 2
"""Most names, and most beginnings of one kind of change, that are asked for in many spellings."""
_OF_TARGET = ("kind", "class", "reach", "number", "numbers", "country", "user", "domain")
_TOLD = {"target.class", "target.reach", "target.kind"}
"""Facts that a change of users may change in a few ways only."""
_OF_NUMBER = {"target.number", "target.numbers", "target.country"}
"""Facts that it changes only where digits become an extension."""
_NOBODYS = "no-such-domain.invalid"
_Facts = Mapping[str, FactValue]


class _Numbers:
    """Targets that are something else."""

    def __init__(self, rules: Sequence[Rule], old: Site, new: Site) -> None:
        self._old, self._new = old, new
        self._read = {fact for fact in facts_in(rules) if fact.startswith("target.")}
        atoms = dict.fromkeys(atom for rule in rules for atom in atoms_of(rule.condition))
        self._tests = [one for one in atoms if len(one.facts) == 1 and one.facts[0] in self._read]
        alone = {one.facts[0] for one in self._tests}
        several = {fact for one in atoms if len(one.facts) > 1 for fact in one.facts}
        written = {fact for rule in rules for fact in facts_read(rule)}
        self._written = sorted(self._read & (several | written) | self._read - alone)
        self._dialled = sorted(set(dialled_changes(old.directory, new.directory)))
        one, other = old.targets.plan, new.targets.plan
        self._prefixes = prefix_changes(one, other)
        domains = domain_changes(one, other)
        is_of_plan = bool(self._prefixes or domains)
        self.undecided: list[str] = []
        self.is_any = bool(self._dialled or is_of_plan) and bool(self._read)
        if self.is_any and not (self._dialled and is_of_plan) and not domains:
            self.is_any = not (
                self._are_users_of_no_matter(old, new)
                if self._dialled
                else self._is_class_of_no_matter(rules, old, new)
            )
        self._known: dict[str, list[tuple[str, _Facts, _Facts]]] = {}
        every = {*domains, *(domain for domain, _ in self._dialled)} - {""}
        self.domains = frozenset(sorted(every)[:MAX_DOMAINS])
        self._is_everywhere = (
            is_of_plan
            or self.domains < every
            or any(_may_be_elsewhere(name) for _, name in self._dialled)
        )

    def left_open(
        self, question: Question, domain: str | None, rules: Iterable[Rule]
    ) -> str | None:
        affected = self._is_everywhere or domain in self.domains
        if question[0] not in FORWARDS or not (self.is_any and affected):
            return None
        if not any(fact.startswith("target.") for fact in facts_in(rules)):
            return None
        return (
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

    def _are_users_of_no_matter(self, old: Site, new: Site) -> bool:
        """Whether no rule can tell whom phones can dial."""
        told = self._read - _OF_NUMBER
        if not told <= _TOLD or told & set(self._written):
            return False
        tests = [partial(_passes_one, test) for test in self._tests if test.fact in _TOLD]
        reads_numbers = bool(self._read & _OF_NUMBER)
        return are_not_told(old, new, self._dialled, tests, reads_numbers=reads_numbers)

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
            told: dict[Hashable, tuple[str, _Facts, _Facts]] = {}
            for one in sides:
                if one[1] != one[2]:
                    told.setdefault((self._told(one[1]), self._told(one[2])), one)
            self._known[domain] = list(told.values())
        return self._known[domain]

    def _told(self, facts: _Facts) -> Hashable:
        """What rules can tell of a target."""
        return (
            tuple(test.holds(facts.get) for test in self._tests),
            tuple(facts.get(fact) for fact in self._written),
        )

    def _texts(self, domain: str) -> Iterator[str]:
        """Targets that may be something else, those about what has changed first."""
        examples = self._examples(domain)
        dialled = [text for where, text in self._dialled if where == domain]
        yield from dialled[:_MAX_DIALLED]
        seen: dict[tuple[str | None, str | None], int] = {}
        begins = []
        for prefix, before, after in self._prefixes:
            kind = (before, after)
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] <= MAX_NUMBERS // 8:
                yield number_with(prefix)
            if seen[kind] <= _MAX_WRITTEN:
                begins.append(prefix)
        for prefix in begins:
            for number in dict.fromkeys((number_with(prefix), f"{prefix}11")):
                yield from _written(number, self._old.targets.plan.dialling(domain).outside)
                yield from (f"{number},{example}" for example in examples.values())
        for name in dialled[:_MAX_WRITTEN]:
            yield from (f"{name},{example}" for example in examples.values())
            yield f"tel:{name};phone-context=+1900"
        for site in (self._old, self._new):
            plan = site.targets.plan
            dialling = plan.dialling(domain)
            yield from example_targets(plan, domain)
            for length in range(1, 9):
                yield from (f"{start}{'1' * length}"[:length] for start in ("", *dialling.prefixes))
            yield from ("030123456", "0900123456", "0030123456", f"{dialling.outside}0301234567")

    def _examples(self, domain: str) -> dict[str, str]:
        """Class → a number of it, as the new plan says."""
        presentity, found = Aor("nobody", domain), dict[str, str]()
        for text in example_targets(self._new.targets.plan, domain):
            found.setdefault(self._new.targets.analyse(text, presentity).class_, text)
        return found

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


def _written(number: str, outside: str) -> Iterator[str]:
    """A number as phones may write it, in our domain and in another one."""
    digits = number[1:]
    yield from (digits, f"00{digits}", f"{outside}00{digits}")
    yield from (f"sip:{one}@elsewhere.example" for one in (digits, number))


def _may_be_elsewhere(name: str) -> bool:
    """Whether phones of other domains may dial it: of what is dialled, what has letters."""
    dialled = read_dialled(name)
    return dialled is None or dialled.lettered


def _passes(test: Atom, class_: str) -> bool:
    return test.holds(lambda _name: class_)


def _passes_one(test: Atom, class_: str, reach: str | None, kind: str) -> bool:
    said = {"target.class": class_, "target.reach": reach, "target.kind": kind}
    return test.holds(said.get)


def _of_target(site: Site, target: Target, name: str) -> FactValue:
    if name in _OF_TARGET:
        value: FactValue = getattr(target, "class_" if name == "class" else name)
        return None if value == () else value
    if target.aor is None:
        return None
    if name == "groups":
        return site.directory.groups_of(target.aor) or None
    if name == "role":
        return site.directory.role_of(target.aor)
    return site.directory.attribute_of(target.aor, name)
