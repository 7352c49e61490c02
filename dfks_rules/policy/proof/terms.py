"""Values that rules set, compared: when do two rules give a value the same text or number?

A constant, what was asked or is stored, one fact, and a number within bounds are compared exactly.
A template of several facts equals a constant where one of the ways to split the constant fits.
Anything else is taken to differ wherever it is not the same text: that proves nothing wrong, and
what looks like a difference is decided again before anybody is told.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import product

from dfks_rules.model.requests import Operation
from dfks_rules.model.values import Choice, Integer, Text, Value
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import PLACEHOLDER, Clamped, Rewritten, Template
from dfks_rules.policy.proof.exact import exact
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.known_facts import stored_name
from dfks_rules.policy.proof.meaning import UNSET
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.space import Space

MAX_SPLITS = 2_000
"""Most ways to split a constant that are tried."""
Spread = dict[FactValue, Formula]
"""Value → when it is that; None stands for no value. Never two at once."""

_SPLIT = {Kind.TEXT, Kind.DOMAIN}
"""Types of facts of which a constant can be a part."""


def is_constant(said: Hashable) -> bool:
    """Whether a rule gives a value that depends on nothing."""
    return isinstance(said, str | int)


def add_compared(needs: Needs, value: Value, terms: Iterable[Hashable]) -> None:
    """Adds what has to be known to compare these, with each other and with what there was.

    Raises:
        Undecided: proofs do not know a fact in them.
    """
    terms = list(terms)
    facts = _base_facts(needs, value)
    for term in terms:
        for name in sorted(getattr(term, "facts", ())):
            for part in _ADDRESSES.get(name, (name,)):
                if isinstance(value.kind, Text):
                    needs.fill(part)
                else:
                    needs.fact(part)
        add_beginning(needs, term)
    if isinstance(value.kind, Text):
        _add_texts(needs, facts, terms)
    elif isinstance(value.kind, Integer):
        _add_numbers(needs, facts, terms)


def add_beginning(needs: Needs, term: object) -> None:
    """Adds that a text has the beginning which is taken away, as others come out otherwise."""
    if isinstance(term, Rewritten) and term.strip:
        fact = "target.number" if term.is_number else term.fact
        needs.test(Atom(fact, "prefix", (term.strip,)))


def _base_facts(needs: Needs, value: Value) -> list[str]:
    asked = [f"request.{value.value}"] if needs.question[0] is Operation.SET else []
    facts = [*asked, f"stored.{value.value}"]
    for name in facts:
        needs.fact(name)
    return facts


def _add_texts(needs: Needs, facts: list[str], terms: Sequence[Hashable]) -> None:
    templates = [term for term in terms if isinstance(term, Template)]
    constants = {str(term) for term in terms if is_constant(term)}
    constants |= {term.default for term in templates if term.default is not None}
    plain = [fact for fact in map(_plain, templates) if fact is not None]
    for name in (*facts, *plain):
        for constant in ("", *sorted(constants)):
            needs.equal(name, constant)
        if plain:
            needs.link(facts[-1], name)
    for term in templates:
        if _plain(term) is None:
            for constant in sorted(constants):
                for split in _splits(term, constant):
                    for fact, piece in split:
                        if known_fact(fact).kind in _SPLIT:
                            needs.equal(fact, piece)


def _add_numbers(needs: Needs, facts: list[str], terms: Sequence[Hashable]) -> None:
    clamps = [term for term in terms if isinstance(term, Clamped)]
    numbers = {term for term in terms if isinstance(term, int)}
    for one in clamps:
        numbers |= {one.minimum, one.maximum, *(() if one.default is None else (one.default,))}
    for name in (*facts, *(one.fact for one in clamps)):
        for number in sorted(numbers):
            needs.equal(name, number)
        if clamps:
            needs.link(facts[-1], name)


def _plain(template: Template) -> str | None:
    """The fact that is the whole of a template; None if there is more to it."""
    whole = PLACEHOLDER.fullmatch(template.text)
    return whole[1] if whole and known_fact(whole[1]).kind is Kind.TEXT else None


_ADDRESSES = {"presentity": ("user", "domain"), "watcher": ("watcher.user", "watcher.domain")}
_ADDRESS = re.compile(r"\$\{(presentity|watcher)\}")


def _pieces(template: Template) -> list[str]:
    """Text, fact, text, fact, … text; an address is its user and domain."""

    def parts(match: re.Match[str]) -> str:
        user, domain = _ADDRESSES[match[1]]
        return f"sip:${{{user}}}@${{{domain}}}"

    return PLACEHOLDER.split(_ADDRESS.sub(parts, template.text))


def _splits(template: Template, constant: str) -> list[list[tuple[str, str]]]:
    """The ways in which facts could make a template a constant; none where they are too many."""
    found: list[list[tuple[str, str]]] = []
    pieces = _pieces(template)
    if not constant.startswith(pieces[0]):
        return []
    for one in _from(pieces, 1, constant[len(pieces[0]) :]):
        found.append(one)
        if len(found) > MAX_SPLITS:
            return []
    return found


def _from(pieces: list[str], place: int, rest: str) -> Iterator[list[tuple[str, str]]]:
    if place == len(pieces):
        if not rest:
            yield []
        return
    fact, after = pieces[place], pieces[place + 1]
    last = place + 2 == len(pieces)
    for end in [len(rest) - len(after)] if last else range(len(rest) + 1):
        if end >= 0 and rest.startswith(after, end):
            for others in _from(pieces, place + 2, rest[end + len(after) :]):
                yield [(fact, rest[:end]), *others]


class Terms:
    """What rules may give one value of a feature."""

    def __init__(self, space: Space, base: Callable[[], Spread]) -> None:
        """See `base_of`, which is asked once it is needed."""
        self._space = space
        self._base = base
        self.unsure: set[str] = set()
        """Facts on which it depends whether two things that were taken to differ do."""
        self._known: dict[Hashable, Spread | None] = {}

    @cached_property
    def base(self) -> Spread:
        """What the value is where no rule sets it."""
        return self._base()

    def spread(self, said: Hashable) -> Spread | None:
        """The values that come of what a rule says; None where they cannot be told one by one."""
        key = exact(said)
        if key not in self._known:
            self._known[key] = self._spread(said)
        return self._known[key]

    def alike(self, one: Hashable, other: Hashable) -> Formula:
        """When two things said give the same value; less often, where that cannot be told."""
        formulas = self._space.formulas
        if exact(one) == exact(other):
            return formulas.true
        if is_constant(one) and is_constant(other):
            return formulas.false
        left, right = self.spread(one), self.spread(other)
        if left is None and right is not None and is_constant(other):
            return self.gives(one, other)  # type: ignore[arg-type] # it is text or a number
        if right is None and left is not None and is_constant(one):
            return self.gives(other, one)  # type: ignore[arg-type] # likewise
        if left is None or right is None:
            for said in (one, other):
                self.unsure |= getattr(said, "facts", frozenset())
            return formulas.false
        return formulas.any_of(
            formulas.all_of((when, right[value])) for value, when in left.items() if value in right
        )

    def gives(self, said: Hashable, constant: FactValue) -> Formula:
        """When what a rule says gives a constant; less often, where that cannot be told."""
        spread = self.spread(said)
        if spread is not None:
            return spread.get(constant, self._space.formulas.false)
        if not isinstance(said, Template):
            self.unsure |= getattr(said, "facts", frozenset())
            return self._space.formulas.false
        return self._built(said, str(constant))

    def _built(self, template: Template, constant: str) -> Formula:
        """When a template of several facts comes to a constant."""
        space, formulas = self._space, self._space.formulas
        self.unsure |= template.facts
        fallback = self.base if template.default is None else {template.default: formulas.true}
        absent = formulas.negation(formulas.all_of(map(space.present, sorted(template.facts))))
        ways = [formulas.all_of((absent, fallback.get(constant, formulas.false)))]
        ways += [
            formulas.all_of(self._is_piece(fact, piece) for fact, piece in split)
            for split in _splits(template, constant)
            if all(stored_name(fact, space.question) in space.columns for fact, _ in split)
        ]
        return formulas.any_of(ways)

    def _is_piece(self, fact: str, piece: str) -> Formula:
        if fact in ("user", "watcher.user") and not piece:
            return self._space.formulas.false  # an address without a user is written otherwise
        if (
            known_fact(fact).kind in _SPLIT
            or known_fact(fact).words
            or known_fact(fact).kind is Kind.STATUS
        ):
            return self._space.where(fact, lambda value: value is not None and str(value) == piece)
        return self._space.formulas.false

    def _spread(self, said: Hashable) -> Spread | None:
        formulas = self._space.formulas
        match said:
            case Template():
                fact = _plain(said)
                if fact is None:
                    return None
                return over(self._space, self._computed(said, fact), self.base)
            case Clamped():
                return over(self._space, self._computed(said, said.fact), self.base)
            case str() | int():
                return {said: formulas.true}
            case _:
                return self.base if said is UNSET else None

    def _computed(self, said: Template | Clamped, fact: str) -> Spread:
        column = self._space.columns[stored_name(fact, self._space.question)]
        masks: dict[FactValue, int] = {}
        for number, value in enumerate(column.values):
            result = said.value(lambda _name, value=value: value)  # type: ignore[misc]
            masks[result] = masks.get(result, 0) | 1 << number
        literal = self._space.formulas.literal
        return {result: literal(column.variable, mask) for result, mask in masks.items()}


def over(space: Space, upper: Spread, lower: Spread) -> Spread:
    """The upper value, unless there is none; an empty text gives way, see `values_over`."""
    formulas = space.formulas
    found: dict[FactValue, list[Formula]] = {}
    for value, when in upper.items():
        if value is not None and value != "":
            found.setdefault(value, []).append(when)
    for (value, when), (below, when_below) in product(upper.items(), lower.items()):
        if value is None or value == "":
            left = value if below is None else below
            found.setdefault(left, []).append(formulas.all_of((when, when_below)))
    return {value: formulas.any_of(whens) for value, whens in found.items()}


def spread_of(space: Space, fact: str) -> Spread:
    """The values of a fact."""
    variable, found = space.columns[fact]
    masks: dict[FactValue, int] = {}
    for number, value in enumerate(found):
        masks[value] = masks.get(value, 0) | 1 << number
    return {value: space.formulas.literal(variable, mask) for value, mask in masks.items()}


def base_of(space: Space, value: Value) -> Spread:
    """What a value is where no rule sets it: what was asked for, else what is stored."""
    stored = spread_of(space, f"stored.{value.value}")
    if space.question[0] is not Operation.SET:
        return stored
    return over(space, spread_of(space, f"request.{value.value}"), stored)


def is_choice(value: Value) -> bool:
    """Whether a value is one of a few words."""
    return isinstance(value.kind, Choice)
