"""The implication engine against real evaluation, over random literals and values of facts."""

from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import Literals, SignedAtom
from dfks_rules.policy.language.implication import contradicts, implies
from dfks_rules.policy.language.matchers import MATCHERS, Atom, Operand
from tests.helpers.random_conditions import operand as random_operand
from tests.helpers.random_words import CONSTANTS, HOSTILE, NAMED_LIST

PROFILE = settings(max_examples=600)
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=20)
OF_EVERY_KIND = [
    "op", "userAgent", "request.forwardTo", "domain", "watcher", "request.status",
    "request.ringCount", "source.ip", "time", "date", "weekday", "groups", "target.class",
    "target.country", "target.self",
]  # fmt: skip
STRETCHES = ["a", "al", "ali", "lice", "ce", "e", "sip:", "sip:+49", "+49", "+4930"]
"""Texts that are in one another: random ones hardly ever are."""
NAMES = ["sales", "salesforce", "x"]


def values(fact: Fact) -> st.SearchStrategy[FactValue]:
    """What a request may have for a fact; None when it is absent."""
    known: st.SearchStrategy[Any]
    match fact.kind:
        case Kind.WORD:
            known = st.sampled_from(fact.words)
        case Kind.STATUS:
            known = st.sampled_from([0, 1])
        case Kind.COUNT:
            known = st.integers(-1, 5) | st.integers(99, 101)
        case Kind.TIME:
            known = st.sampled_from(["00:00", "00:01", "07:58", "07:59", "08:00", "12:00", "23:59"])
        case Kind.DATE:
            days = st.sampled_from(CONSTANTS[Kind.DATE]).map(date.fromisoformat)
            near = st.sampled_from([-1, 0, 1]).map(timedelta)
            known = st.builds(lambda day, by: (day + by).isoformat(), days, near)
        case Kind.FLAG:
            known = st.booleans()
        case Kind.NAMES:
            known = st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple)
        case Kind.IP:
            hostile = ["::ffff:10.1.1.1", "::ffff:192.0.2.1", "junk"]
            known = st.sampled_from([*CONSTANTS[Kind.IP], *hostile])
        case _:
            parts = st.lists(st.sampled_from(STRETCHES), max_size=3).map("".join)
            known = parts | st.sampled_from(CONSTANTS[fact.kind]) | TEXTS
    return st.none() | known


@st.composite
def literals_of(draw: st.DrawFn, fact: Fact) -> SignedAtom:
    """A test of one fact, or its negation."""
    name = draw(st.sampled_from([m.name for m in MATCHERS.values() if fact.kind in m.kinds]))
    matcher = MATCHERS[name]
    written = random_operand(Random(draw(st.integers(0, 2**32))), fact, name)
    if fact.kind is Kind.NAMES and matcher.operand is Operand.TEXTS:
        written = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2))
    elif matcher.operand is Operand.TEXTS and name not in ("cidr", "regex") and draw(st.booleans()):
        written = draw(st.lists(st.sampled_from(STRETCHES), min_size=1, max_size=2))
    written = NAMED_LIST if isinstance(written, dict) else written
    operand = None if matcher.operand is Operand.FLAG else matcher.prepare(written)
    return SignedAtom(Atom(fact.name, matcher.negates or name, operand), draw(st.booleans()))


@st.composite
def sets_of_literals(draw: st.DrawFn) -> tuple[Fact, Literals, Literals, list[FactValue]]:
    """A fact, two sets of literals about it, and values for it."""
    fact = known_fact(draw(st.sampled_from(OF_EVERY_KIND)))
    some = st.frozensets(literals_of(fact), min_size=1, max_size=4)
    one, other = draw(some), draw(st.frozensets(literals_of(fact), min_size=1, max_size=2))
    return fact, one, other, draw(st.lists(values(fact), min_size=5, max_size=20))


def passes(literals: Literals, fact: Fact, value: FactValue) -> bool:
    """What the table of matchers says; other facts are absent."""
    return all(atom.holds({fact.name: value}.get) == positive for atom, positive in literals)


@PROFILE
@given(sets_of_literals())
def test_nothing_passes_literals_that_contradict_one_another(
    drawn: tuple[Fact, Literals, Literals, list[FactValue]],
) -> None:
    """A rule that could match would be refused."""
    fact, one, other, some = drawn
    for literals in (one, one | other):
        if contradicts(literals):
            assert [value for value in some if passes(literals, fact, value)] == []


@PROFILE
@given(sets_of_literals())
def test_what_is_implied_holds_wherever_the_premise_does(
    drawn: tuple[Fact, Literals, Literals, list[FactValue]],
) -> None:
    """A rule that decides something would be called shadowed."""
    fact, one, other, some = drawn
    if implies(one, other):
        assert [value for value in some if passes(one, fact, value)] == [
            value for value in some if passes(one | other, fact, value)
        ]


@given(sets_of_literals())
def test_a_set_implies_each_part_of_itself(
    drawn: tuple[Fact, Literals, Literals, list[FactValue]],
) -> None:
    """The least that an implication engine must know."""
    _, one, other, _ = drawn
    assert implies(one | other, one)
    assert implies(one | other, other)
