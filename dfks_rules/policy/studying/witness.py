"""A limited search for requests that two sets of policies decide differently.

Each way in which a rule can match gives a request that matches it, if one is found; then single
facts, then pairs of facts, are given each of their distinguishing values (`samples`). This is a
search, not a proof: differences it does not find may still exist.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, combinations, islice, product
from typing import Any, NamedTuple

from dfks_rules.model.features import VALUES_OF
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET, Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.given import missing, view_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.language.alternatives import (
    QUESTIONS,
    Alternative,
    Question,
    SignedAtom,
    alternatives,
)
from dfks_rules.policy.language.document import Effects, Rule
from dfks_rules.policy.language.matchers import MATCHERS, Atom, Operand
from dfks_rules.policy.language.values import Clamped
from dfks_rules.policy.studying.samples import joined, possible, samples

MAX_CANDIDATES = 100_000
"""Most requests generated, duplicates included."""

Facts = dict[str, Any]
"""Name of a fact → its value, as in a case's `given`."""


class Witness(NamedTuple):
    """One request to try."""

    given: Facts
    """The facts that describe it; the others have their defaults."""
    view: View
    """The request."""


def witnesses(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Witness]:
    """Distinct requests to decide by two sets of rules, the most promising first.

    The order is deterministic. There may be many: the caller decides when to stop.
    """
    tried: set[View] = set()
    for witness in islice(_candidates(_changed_first(old, new)), MAX_CANDIDATES):
        if witness.view not in tried:
            tried.add(witness.view)
            yield witness


def matching(rule: Rule) -> Iterator[Witness]:
    """Requests that probably match a rule, some for each way in which it can; cheap ones first."""
    for way in alternatives(rule.condition):
        for position in sorted(way.questions):
            usual = _usual(QUESTIONS[position])
            plain = {
                one.atom.facts[0]: _as_value(one.atom)
                for one in way.literals
                if one.positive and one.atom.matcher == "eq"
            }
            found = _changed(usual, plain)
            if found is not None:
                yield found
        for position in sorted(way.questions):
            yield _solved(QUESTIONS[position], way)


def _as_value(atom: Atom) -> Any:
    """The value that an equality asks for."""
    return (atom.operand,) if atom.fact == NUMBERS_OF_TARGET else atom.operand


def witness_of(given: Facts) -> Witness | None:
    """The request these facts describe, without facts that others rule out.

    So a witness has only facts that can be given. None when the rest does not describe a request.
    """
    while missing(given) is None:
        view = view_of(given)
        seen = {
            name: value for name, value in given.items() if known_fact(name).read(view) == value
        }
        if len(seen) == len(given):
            return Witness(given, view)
        given = seen
    return None


def smallest(witness: Witness, tells: Callable[[Witness], bool]) -> Witness:
    """The witness reduced to facts none of which can be left out if `tells` is to stay true."""
    # User and domain say more than an address, and `stored.status` more than the feature's name.
    whole = [name for name in witness.given if known_fact(name).kind is Kind.AOR]
    names = (*whole, *(name for name in reversed(witness.given) if name not in whole))
    before = None
    while before != len(witness.given):
        before = len(witness.given)
        for left_out in names:
            rest = {name: value for name, value in witness.given.items() if name != left_out}
            fewer = witness_of(rest) if len(rest) < len(witness.given) else None
            if fewer is not None and tells(fewer):
                witness = fewer
    return _with_fewer_numbers(witness, tells)


def _with_fewer_numbers(witness: Witness, tells: Callable[[Witness], bool]) -> Witness:
    """The witness with no more numbers of its target than it takes."""
    riskiest = witness.given.get("target.number")
    for number in witness.given.get(NUMBERS_OF_TARGET, ()):
        if number == riskiest:
            continue
        numbers = tuple(one for one in witness.given[NUMBERS_OF_TARGET] if one != number)
        fewer = witness_of({**witness.given, NUMBERS_OF_TARGET: numbers}) if numbers else None
        if fewer is not None and tells(fewer):
            witness = fewer
    return witness


def _changed_first(old: Sequence[Rule], new: Sequence[Rule]) -> list[Rule]:
    """Every rule of both sets, once; those in only one of them come first."""
    before, after = {rule.id: rule for rule in old}, {rule.id: rule for rule in new}
    changed = [rule for rule in new if before.get(rule.id) != rule]
    gone = [rule for rule in old if after.get(rule.id) != rule]
    return [*changed, *gone, *(rule for rule in new if before.get(rule.id) == rule)]


def _candidates(rules: Sequence[Rule]) -> Iterator[Witness]:
    """Requests that match a rule, then the same with one fact changed, then with two."""
    dimensions = _dimensions(rules)
    seeds: list[tuple[Question, Witness]] = []
    for question, witness in _seeds(rules):
        seeds.append((question, witness))
        yield witness
    for count in (1, 2):
        yield from _in_turn(
            [
                _variations(witness, _turned(dimensions[question], number), count)
                for number, (question, witness) in enumerate(seeds)
            ]
        )


def _turned(dimensions: Facts, number: int) -> Facts:
    """The dimensions, rotated by request: else similar requests would all become equal first."""
    names = list(dimensions)
    first = number % len(names)
    return {name: dimensions[name] for name in names[first:] + names[:first]}


def _in_turn(iterators: list[Iterator[Witness]]) -> Iterator[Witness]:
    """Round robin over the iterators, so that none waits for the end of another."""
    while iterators:
        left = []
        for iterator in iterators:
            one = next(iterator, None)
            if one is not None:
                yield one
                left.append(iterator)
        iterators = left


def _variations(seed: Witness, dimensions: dict[str, list[Any]], count: int) -> Iterator[Witness]:
    """The request with `count` facts changed."""
    others = {
        name: [value for value in values if value != known_fact(name).read(seed.view)]
        for name, values in dimensions.items()
    }
    for names in combinations(others, count):
        for values in _products([others[name] for name in names]):
            witness = _changed(seed, dict(zip(names, values, strict=True)))
            if witness is not None:
                yield witness


def _products(columns: list[list[Any]]) -> list[tuple[Any, ...]]:
    """All combinations of values, those of the first values first."""
    places = sorted(product(*(range(len(column)) for column in columns)), key=sum)
    return [tuple(column[i] for column, i in zip(columns, place, strict=True)) for place in places]


def _changed(seed: Witness, changes: Facts) -> Witness | None:
    """The request with changed facts (None removes one); None unless it has the facts asked for."""
    given = {name: value for name, value in {**seed.given, **changes}.items() if value is not None}
    witness = witness_of(given)
    if witness is None:
        return None
    kept = all(known_fact(name).read(witness.view) == value for name, value in changes.items())
    return witness if kept else None


def _seeds(rules: Sequence[Rule]) -> Iterator[tuple[Question, Witness]]:
    """For each question, the default request and one for each way in which a rule can match."""
    for question in QUESTIONS:
        yield question, _usual(question)
    known: set[Alternative] = set()
    for rule in rules:
        for way in alternatives(rule.condition):
            if way not in known:
                known.add(way)
                for position in sorted(way.questions):
                    yield QUESTIONS[position], _solved(QUESTIONS[position], way)


def _usual(question: Question) -> Witness:
    operation, feature = question
    given: Facts = {"op": operation.value}
    if feature is not None:
        given["feature"] = feature.value
    if operation is Operation.SET:
        given["request.status"] = 1
    return Witness(given, view_of(given))


def _solved(question: Question, way: Alternative) -> Witness:
    """A request that satisfies as many literals of an alternative as a few passes can manage."""
    literals = list(way.literals)
    if way.domains is not None:
        literals.append(SignedAtom(Atom("domain", "in", way.domains), positive=True))
    literals.sort(key=_order)
    tests = _tests_by_fact(literals)
    best = _usual(question)
    for _ in range(2):
        for name in tests:
            tries = (_changed(best, {name: value}) for value in _to_try(name, tests[name], best))
            best = max(
                (best, *(one for one in tries if one is not None)),
                key=lambda one: _met(literals, one.view),
            )
    return best


def _order(literal: SignedAtom) -> tuple[str, ...]:
    """A sort key that is the same in every process, unlike the order of a set."""
    (fact, matcher, operand), positive = literal
    words = sorted(map(repr, operand)) if isinstance(operand, frozenset) else [repr(operand)]
    return (fact, matcher, str(positive), *words)


def _tests_by_fact(literals: Iterable[SignedAtom]) -> dict[str, list[SignedAtom]]:
    tests: dict[str, list[SignedAtom]] = {}
    for literal in literals:
        for name in literal.atom.facts:
            tests.setdefault(name, []).append(literal)
    return tests


def _to_try(name: str, tests: Iterable[SignedAtom], witness: Witness) -> Iterator[Any]:
    """Values of a fact that may pass these tests."""
    own = [one for one in tests if MATCHERS[one.atom.matcher].operand is not Operand.FACT]
    yield from joined([one.atom for one in own if one.positive])
    values = samples(name, (one.atom for one in own))
    yield from values
    day = witness.given.get("date")
    if name == "now" and day is not None:
        # Other tests want that day, of which a moment of another one is not.
        yield from (f"{day}{moment[10:]}" for moment in values if moment is not None)
    for other in dict.fromkeys(fact for one in tests for fact in one.atom.facts):
        value = known_fact(other).read(witness.view)
        if other != name and possible(name, value):
            yield value


def _met(literals: Iterable[SignedAtom], view: View) -> int:
    return sum(
        atom.holds(lambda name: known_fact(name).read(view)) == positive
        for atom, positive in literals
    )


def _dimensions(rules: Sequence[Rule]) -> dict[Question, dict[str, list[Any]]]:
    """For each question: fact → its distinguishing values."""
    atoms: dict[Question, dict[str, dict[Atom, None]]] = {one: {} for one in QUESTIONS}
    for rule in rules:
        for way in alternatives(rule.condition):
            tests = [literal.atom for literal in sorted(way.literals, key=_order)]
            if way.domains is not None:
                tests.append(Atom("domain", "in", way.domains))
            for position in way.questions:
                here = atoms[QUESTIONS[position]]
                for atom in (*tests, *_bounds(rule.effects)):
                    for name in atom.facts:
                        here.setdefault(name, {})[atom] = None
                for name in rule.effects.facts:
                    here.setdefault(name, {})
    return {
        question: {
            name: samples(name, (atom for atom in read.get(name, ()) if atom.facts[0] == name))
            for name in sorted({*read, *_always(question)} - {"op", "feature"})
        }
        for question, read in atoms.items()
    }


def _bounds(effects: Effects) -> Iterator[Atom]:
    """Tests that probe the bounds of a clamped number."""
    for _, value in chain(effects.values, *(also.values for also in effects.also)):
        if isinstance(value, Clamped):
            yield Atom(value.fact, "lt", value.minimum)
            yield Atom(value.fact, "gt", value.maximum)


def _always(question: Question) -> list[str]:
    """Facts that a decision depends on although no rule reads them."""
    operation, feature = question
    if operation is Operation.SUBSCRIBE or feature is None:
        return ["watcher"]
    prefixes = ["stored", "request"] if operation is Operation.SET else ["stored"]
    values = ["status", *(value.value for value in VALUES_OF[feature])]
    return [f"{prefix}.{value}" for prefix in prefixes for value in values]
