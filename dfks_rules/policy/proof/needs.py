"""What the formulas of one question are about: tests, facts that are read, facts that are compared.

All of it is gathered before a fact is cut into cells, as cells have to suit every test.
"""

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.alternatives import Question, SignedAtom
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.text import literal_text
from dfks_rules.policy.proof.known_facts import MOMENT, demand_known, stored_name
from dfks_rules.policy.proof.undecided import Undecided

_COMPARING = ("sameAs", "moreThan", "lessThan")
"""Matchers that compare a fact with another one."""
_PARTS = {"presentity": ("user", "domain"), "watcher": ("watcher.user", "watcher.domain")}
"""Address → its user and its domain."""


class Needs:
    """Gathers what a question is about."""

    def __init__(self, question: Question) -> None:
        self.question = question
        """The operation, and the feature it is about."""
        self.tests: dict[str, dict[Atom, None]] = {}
        """Fact → tests of it alone; those of the moment are under `now`."""
        self.facts: dict[str, None] = {}
        """Facts that are read, with those that are tested."""
        self.cuts: dict[str, set[int]] = {}
        """Fact → numbers that something tells from those below."""
        self.filled: set[str] = set()
        """Facts that templates are filled with; see `fill`."""
        self._linked: dict[str, str] = {}

    def condition(self, condition: Condition) -> None:
        """Adds what a condition tests.

        Raises:
            Undecided: proofs do not know a fact or a test in it.
        """
        match condition:
            case AllOf(parts) | AnyOf(parts):
                for part in parts:
                    self.condition(part)
            case Not(part):
                self.condition(part)
            case Atom():
                self.test(condition)
            case _:
                raise Undecided(
                    phrase(
                        "proofs do not know conditions of type {kind}",
                        kind=type(condition).__name__,
                    )
                )

    def test(self, atom: Atom) -> None:
        """Adds a test; see `condition`."""
        atom = self.named(atom)
        names = dict.fromkeys(stored_name(name, self.question) for name in atom.facts)
        for name in (atom.fact, *names):
            self.fact(name)
        if atom.matcher in _COMPARING:
            self.link(atom.fact, str(atom.operand))
        elif len(names) > 1:
            text = literal_text(SignedAtom(atom, positive=True))
            raise Undecided(
                phrase("proofs do not know tests like `{text}`, which compare facts", text=text)
            )
        else:
            about = "now" if atom.fact in MOMENT else atom.fact
            self.tests.setdefault(about, {})[atom] = None

    def named(self, atom: Atom) -> Atom:
        """The test with the one name of each fact; see `stored_name`."""
        fact = stored_name(atom.fact, self.question)
        if atom.matcher in _COMPARING:
            other = stored_name(str(atom.operand), self.question)
            return atom._replace(fact=fact, operand=other)
        return atom if fact == atom.fact else atom._replace(fact=fact)

    def fact(self, name: str) -> None:
        """Adds a fact that is read.

        Raises:
            Undecided: proofs do not know it.
        """
        demand_known(name)
        self.facts[stored_name(name, self.question)] = None

    def equal(self, fact: str, constant: str | int) -> None:
        """Adds a constant with which a value is compared."""
        if isinstance(constant, int):
            self.cuts.setdefault(stored_name(fact, self.question), set()).update(
                (constant, constant + 1)
            )
            self.fact(fact)
        else:
            self.test(Atom(fact, "eq", constant))

    def fill(self, fact: str) -> None:
        """Adds that a template is filled with a fact: what is too long, or not printable, has it
        come to its default.
        """
        self.fact(fact)
        self.filled.add(stored_name(fact, self.question))

    def link(self, one: str, other: str) -> None:
        """Adds that the values of two facts are compared with each other."""
        one, other = stored_name(one, self.question), stored_name(other, self.question)
        self.fact(one)
        self.fact(other)
        if one in _PARTS and other in _PARTS:
            for left, right in zip(_PARTS[one], _PARTS[other], strict=True):
                self._join(left, right)
        else:
            self._join(one, other)

    def linked_to(self, fact: str) -> list[str]:
        """The facts that are compared with one, through others too; itself first."""
        root = self._root(fact)
        return [fact, *(one for one in self._linked if one != fact and self._root(one) == root)]

    def tests_of(self, *facts: str) -> tuple[Atom, ...]:
        """The tests of some facts, as tests of the first."""
        first = facts[0]
        found = {
            atom if atom.fact == first else atom._replace(fact=first): None
            for fact in facts
            for atom in self.tests.get(fact, ())
        }
        return tuple(found)

    def _join(self, one: str, other: str) -> None:
        for fact in (one, other):
            self._linked.setdefault(fact, fact)
        self._linked[self._root(other)] = self._root(one)

    def _root(self, fact: str) -> str:
        while self._linked.get(fact, fact) != fact:
            fact = self._linked[fact]
        return fact
