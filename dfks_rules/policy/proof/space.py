"""All requests that ask one question about one domain, as points of finitely many variables.

Each fact has a variable, or several: the user and the domain of an address, one for each name of
`groups`. A point is a real value, or that the fact is absent.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import Kind, drop_sole_number
from dfks_rules.policy.facts.facts import WEEKDAYS, known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Question, equal_to
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof import points
from dfks_rules.policy.proof.formulas import Formula, Formulas
from dfks_rules.policy.proof.known_facts import MOMENT, Presence, presence, stored_name
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.shapes import DOMAIN, USER, USER_OR_NONE, with_extremes
from dfks_rules.policy.proof.undecided import Undecided

MAX_PAIRS = 200_000
"""Most pairs of values of two facts that are looked at for one test of both."""

_AORS = {"presentity": ("user", "domain"), "watcher": ("watcher.user", "watcher.domain")}
_OTHER_NAME = "another"
_FEW = {Kind.WORD, Kind.STATUS, Kind.FLAG}
"""Types of facts of which every value is a point."""


class Cell(NamedTuple):
    """The domains that a space is about."""

    domain: str | None
    """One domain; None: all that no rule names."""
    named: frozenset[str] = frozenset()
    """The domains that rules name."""


class Column(NamedTuple):
    """One fact at each point of its variable."""

    variable: int
    """Number of the variable."""
    values: tuple[FactValue, ...]
    """The fact's value at each point; None where it is absent."""


class Space:
    """The requests that ask one question about a cell of domains."""

    def __init__(self, needs: Needs, cell: Cell, horizon: Horizon) -> None:
        """Cuts every fact into cells.

        Raises:
            Undecided: that is not possible.
        """
        self.question: Question = needs.question
        self.formulas = Formulas()
        self.columns: dict[str, Column] = {}
        """Fact → what it is at each point of its variable."""
        self.names: dict[str, dict[str, int]] = {}
        """Fact that holds names → name → its variable, with the points absent and present."""
        self._needs, self._cell, self._horizon = needs, cell, horizon
        self._literals: dict[Atom, Formula] = {}
        self._add_addresses()
        for fact in ("op", "feature", *needs.facts):
            if fact not in self.columns and fact not in self.names and fact not in _AORS:
                self._add(fact)

    # --- Formulas ---

    def condition(self, condition: Condition) -> Formula:
        """The requests for which a condition is true."""
        formulas = self.formulas
        match condition:
            case AllOf(parts):
                return formulas.all_of(map(self.condition, parts))
            case AnyOf(parts):
                return formulas.any_of(map(self.condition, parts))
            case Not(part):
                return formulas.negation(self.condition(part))
            case _:
                return self.test(condition)

    def test(self, atom: Atom) -> Formula:
        """The requests that pass a test, as it says itself."""
        known = self._literals.get(atom)
        if known is None:
            known = self._literals[atom] = self._tested(self._needs.named(atom))
        return known

    def present(self, fact: str) -> Formula:
        """The requests that have a fact."""
        return self.test(Atom(fact, "exists", None))

    def equals(self, fact: str, *constants: FactValue) -> Formula:
        """The requests in which a fact is one of these; None stands for an absent one."""
        return self.where(fact, lambda value: value in constants)

    def where(self, fact: str, passes: Callable[[FactValue], bool]) -> Formula:
        """The requests in which a fact passes a test of its value, None where it is absent."""
        variable, found = self.columns[stored_name(fact, self.question)]
        mask = 0
        for number, value in enumerate(found):
            if passes(value):
                mask |= 1 << number
        return self.formulas.literal(variable, mask)

    def same(self, one: str, other: str) -> Formula:
        """The requests in which two facts are present and equal."""
        left, right = self.columns[one], self.columns[other]
        if left.variable == right.variable:
            pairs = enumerate(zip(left.values, right.values, strict=True))
            mask = sum(1 << n for n, (a, b) in pairs if a is not None and a == b)
            return self.formulas.literal(left.variable, mask)
        places = {value: 1 << n for n, value in enumerate(right.values) if value is not None}
        return self.formulas.any_of(
            self._both(left.variable, 1 << n, right.variable, places[value])
            for n, value in enumerate(left.values)
            if value in places
        )

    def _ordered(self, atom: Atom, other: str) -> Formula:
        """A test of the order of two numbers, asked of each pair of them."""
        left, right = self.columns[atom.fact], self.columns[other]
        parts = []
        for number, value in enumerate(left.values):
            mask = 0
            for place, there in enumerate(right.values):
                if atom.holds({atom.fact: value, other: there}.get):
                    mask |= 1 << place
            parts.append(self._both(left.variable, 1 << number, right.variable, mask))
        return self.formulas.any_of(parts)

    def _both(self, one: int, mask: int, other: int, mask_of_other: int) -> Formula:
        formulas = self.formulas
        return formulas.all_of(
            (formulas.literal(one, mask), formulas.literal(other, mask_of_other))
        )

    def _tested(self, atom: Atom) -> Formula:
        fact = atom.fact
        if fact in self.names:
            return self._tested_names(atom)
        if atom.matcher == "sameAs":
            return self._tested_same(fact, str(atom.operand))
        if atom.matcher in ("moreThan", "lessThan"):
            return self._ordered(atom, str(atom.operand))
        if fact in _AORS:
            return self._tested_address(atom)
        read = atom.facts[0]
        return self.where(read, lambda value: atom.holds(lambda _name: value))

    def _tested_same(self, fact: str, other: str) -> Formula:
        if other in self.names:
            return self.formulas.false  # names of a fact that such requests do not have
        if fact in _AORS:
            pairs = zip(_AORS[fact], _AORS[other], strict=True)
            return self.formulas.all_of(self.same(*pair) for pair in pairs)
        return self.same(fact, other)

    def _tested_address(self, atom: Atom) -> Formula:
        user, domain = (self.columns[part] for part in _AORS[atom.fact])
        if len(user.values) * len(domain.values) > MAX_PAIRS:
            raise Undecided(phrase("`{fact}` has too many cells", fact=atom.fact))
        by_mask: dict[int, int] = {}
        for place, host in enumerate(domain.values):
            mask = 0
            for number, name in enumerate(user.values):
                uri = None if name is None or host is None else _uri(str(name), str(host))
                if uri is not None and atom.holds(lambda _name, uri=uri: uri):  # type: ignore[misc]
                    mask |= 1 << number
            by_mask[mask] = by_mask.get(mask, 0) | 1 << place
        return self.formulas.any_of(
            self._both(user.variable, mask, domain.variable, hosts)
            for mask, hosts in by_mask.items()
        )

    def _tested_names(self, atom: Atom) -> Formula:
        of = self.names[atom.fact]
        names: Iterable[str]
        if known_fact(atom.fact).kind is Kind.NUMBERS:
            names = [one for one in of if atom.holds(lambda _name, one=one: (one,))]  # type: ignore[misc]
            return self.formulas.any_of(self.formulas.literal(of[name], 0b10) for name in names)
        match atom.matcher, atom.operand:
            case "has", tuple() as texts:
                names = [str(text) for text in texts if text in of]
            case "exists", _:
                names = of
            case "sameAs", other:
                common = of.keys() & self.names.get(str(other), {}).keys()
                return self.formulas.any_of(
                    self._both(of[name], 0b10, self.names[str(other)][name], 0b10)
                    for name in sorted(common)
                )
            case _:
                raise Undecided(
                    phrase(
                        "proofs do not know `{matcher}` of `{fact}`",
                        matcher=atom.matcher,
                        fact=atom.fact,
                    )
                )
        return self.formulas.any_of(self.formulas.literal(of[name], 0b10) for name in names)

    # --- Points ---

    def is_alone(self, fact: str, value: FactValue) -> bool:
        """Whether a value stands for no other one."""
        if fact in MOMENT:
            return False
        if value is None or known_fact(fact).kind in _FEW:
            return True
        if fact == "domain" and value == self._cell.domain:
            return True
        tests = self._needs.tests_of(*self._needs.linked_to(fact))
        return any(value in (equal_to(test) or ()) for test in tests)

    def facts_at(self, point: Sequence[int]) -> dict[str, FactValue]:
        """The value of each fact at a point; None where it is absent."""
        found = {fact: values[point[n]] for fact, (n, values) in self.columns.items()}
        for fact, of in self.names.items():
            found[fact] = tuple(name for name, n in of.items() if point[n]) or None
        drop_sole_number(found)
        return found

    # --- Variables ---

    def _add(self, fact: str) -> None:
        kind = known_fact(fact).kind
        if fact in ("op", "feature"):
            operation, feature = self.question
            of_feature = feature.value if feature else None
            self._column(fact, (operation.value if fact == "op" else of_feature,))
        elif fact in MOMENT:
            self._add_moment()
        elif presence(fact, self.question) is Presence.NEVER:
            self._column(fact, (None,))
        elif kind is Kind.NAMES:
            self._add_names(fact)
        elif kind is Kind.NUMBERS:
            self._add_numbers(fact)
        else:
            found = points.values(fact, self._needs)
            linked = self._needs.linked_to(fact)
            shared = (*self._users(linked), *self._hosts(linked))
            found = tuple(dict.fromkeys((*found, *shared)))
            self._column(fact, self._with_absent(fact, found))

    def _with_absent(self, fact: str, found: tuple[FactValue, ...]) -> tuple[FactValue, ...]:
        if presence(fact, self.question) is Presence.ALWAYS:
            return found
        return (None, *found)

    def _column(self, fact: str, found: tuple[FactValue, ...]) -> None:
        self.columns[fact] = Column(self.formulas.variable(len(found)), found)

    def _add_moment(self) -> None:
        atoms = tuple(self._needs.tests.get("now", ()))
        found = points.moments(atoms, self._horizon)
        variable = self.formulas.variable(len(found))
        for fact, told in _MOMENT.items():
            self.columns[fact] = Column(variable, tuple(map(told, found)))

    def _add_names(self, fact: str) -> None:
        linked = self._needs.linked_to(fact)
        texts = {
            str(text): None
            for atom in self._needs.tests_of(*sorted(linked))
            if atom.matcher == "has" and isinstance(atom.operand, tuple)
            for text in atom.operand
        }
        # A name of its own that no rule names, and one that it shares with each compared fact.
        others = ["-".join(sorted((fact, one))) if one != fact else fact for one in linked]
        names = (*texts, *(f"{_OTHER_NAME}-of-{one}" for one in others))
        self.names[fact] = {name: self.formulas.variable(2) for name in names}

    def _add_numbers(self, fact: str) -> None:
        """Numbers that a target may be read as, each or not: those that `target.number` may be."""
        if "target.number" not in self.columns:
            self._add("target.number")
        numbers = (str(one) for one in self.columns["target.number"].values if one is not None)
        self.names[fact] = {number: self.formulas.variable(2) for number in numbers}

    def _add_addresses(self) -> None:
        users, hosts, every_host = self._presentities
        self._column("user", tuple(filter(None, users)))
        self._column("domain", hosts)
        if not any(fact.partition(".")[0] == "watcher" for fact in self._needs.facts):
            return
        if not self._watcher_is_compared:
            users, every_host = self._reps("watcher", ())
        self._column("watcher.user", (None, *users))
        self._column("watcher.domain", (None, *every_host))

    @cached_property
    def _watcher_is_compared(self) -> bool:
        needs = self._needs
        return "watcher.user" in needs.linked_to("user") or "watcher.domain" in needs.linked_to(
            "domain"
        )

    @cached_property
    def _presentities(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Users; domains of presentities; domains of watchers that are compared with them."""
        needs, (domain, named) = self._needs, self._cell
        compared = len(needs.linked_to("domain")) > 1
        if domain is not None and not compared:
            users, hosts = self._reps("presentity", ())
            return users, (domain,), hosts
        known = (Atom("domain", "in", named),) if named else ()
        if domain is not None:
            known = (Atom("domain", "eq", domain),)
        if domain is None and not compared and not needs.tests_of("domain", "presentity"):
            users, hosts = self._reps("presentity", ())
            return users, (_fresh(named),), hosts
        users, hosts = self._reps("presentity", known)
        if domain is not None:
            return users, (domain,), tuple(dict.fromkeys((domain, *hosts)))
        return users, tuple(host for host in hosts if host not in named), hosts

    def _reps(
        self, address: str, known: tuple[Atom, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Users and domains that stand for all of an address, and of those compared with it."""
        needs = self._needs
        both = list(_AORS) if self._watcher_is_compared else [address]
        of_user = list(dict.fromkeys(f for a in both for f in needs.linked_to(_AORS[a][0])))
        of_host = list(dict.fromkeys(f for a in both for f in needs.linked_to(_AORS[a][1])))
        tests_of_host = needs.tests_of(*of_host)
        user, host = USER_OR_NONE if "watcher" in both else USER, DOMAIN
        if not needs.filled.isdisjoint(of_user):
            user = with_extremes(user)
        if not needs.filled.isdisjoint(of_host):
            host = with_extremes(host)
        renamed = (atom._replace(fact=of_host[0]) for atom in known)
        return points.addresses(
            needs.tests_of(*both),
            needs.tests_of(*of_user),
            tuple(dict.fromkeys((*tests_of_host, *renamed))),
            shapes=(user, host),
            copies=max(len(of_user), len(of_host)) if self._is_compared(both) else 1,
        )

    def _is_compared(self, addresses: Iterable[str]) -> bool:
        parts = [part for address in addresses for part in _AORS[address]]
        return any(len(self._needs.linked_to(part)) > 1 for part in parts)

    def _users(self, linked: Sequence[str]) -> tuple[FactValue, ...]:
        """Users that a fact must be able to equal, as it is compared with one."""
        names = [one for one in ("user", "watcher.user") if one in linked]
        return tuple(v for one in names for v in self.columns[one].values if v is not None)

    def _hosts(self, linked: Sequence[str]) -> tuple[FactValue, ...]:
        names = [one for one in ("domain", "watcher.domain") if one in linked]
        return tuple(v for one in names for v in self.columns[one].values if v is not None)


def _uri(user: str, domain: str) -> str:
    return f"sip:{user}@{domain}" if user else f"sip:{domain}"


def _fresh(named: frozenset[str]) -> str:
    """A domain that nobody names."""
    domain = "other.example"
    while domain in named:
        domain = f"an{domain}"
    return domain


_MOMENT: dict[str, Callable[..., FactValue]] = {
    "time": lambda at: f"{at.hour:02d}:{at.minute:02d}",
    "weekday": lambda at: WEEKDAYS[at.weekday()],
    "date": lambda at: at.date().isoformat(),
    "now": lambda at: at.isoformat(timespec="minutes"),
}
"""Fact → its value at a moment, as the table of facts reads it."""
