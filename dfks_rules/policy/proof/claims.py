"""A claim about policies: all requests of some kind are decided as expected, or some request is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dfks_rules.model.decisions import Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import ROWS, VALUES_OF
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import VALUES, Value
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.alternatives import QUESTIONS, Question, equal_to
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not, Rule
from dfks_rules.policy.proof.aspects import aspects, whole
from dfks_rules.policy.proof.axioms import add_needed, axioms
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.differing import (
    Confirms,
    Solver,
    add_read,
    add_values,
    written,
)
from dfks_rules.policy.proof.doubts import Doubts
from dfks_rules.policy.proof.exact import Numbering
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.meaning import UNSET, Chain, add_conditions, first_of
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.space import Cell, Space
from dfks_rules.policy.proof.terms import add_compared

_SCOPES = {
    True: NotifyScope.ALL,
    False: NotifyScope.NONE,
    "requester": NotifyScope.REQUESTER,
    "others": NotifyScope.OTHERS,
}
_KEPT = {Operation.GET: ("notify", "assigned"), Operation.SET: ("notify",)}
"""Fields that rules decide for a request that is refused, too."""
_VALUES = {value.value: value for value in VALUES}
_ANYTHING = ("status", "assigned", "notify", "values", "by")
"""Expectations that more than denials decide."""


class Claim(NamedTuple):
    """What is to be proved."""

    when: Condition
    """Which requests it is about."""
    expect: Mapping[str, Any]
    """What is decided, with the keys of `expect` in a case; `reason` may be a list."""
    other: ReferencePolicySet | None = None
    """Policies that are expected to decide alike; None: none are."""
    is_some: bool = False
    """Whether one such request is enough."""


class Region(NamedTuple):
    """Requests that are looked at together."""

    question: Question
    """The operation, and the feature it is about."""
    cell: Cell
    """The domains."""
    rules: Sequence[Rule]
    """Rules that may matter."""
    others: Sequence[Rule] | None
    """Those of the policies that are expected to decide alike."""


class Sought(NamedTuple):
    """What was found in a region."""

    is_possible: bool
    """Whether the claim is about any request in it."""
    found: bool
    """Whether a request was found: one that refutes the claim, or the one that it says there is."""
    is_timed: bool
    """Whether that depends on the time."""


def regions(claim: Claim, policies: ReferencePolicySet) -> Iterator[Region]:
    """All that a claim is about, but for what its conditions rule out at once."""
    numbering = Numbering()
    for place, question in enumerate(QUESTIONS):
        if can_hold(claim.when, question, None) is False:
            continue
        sides = [policies] if claim.other is None else [policies, claim.other]
        every = _domains_in(claim.when).union(*(side.domains(place) for side in sides))
        usual = [_relevant(claim, side.rules_for(question, None)) for side in sides]
        found = {
            domain: [_relevant(claim, side.rules_for(question, domain)) for side in sides]
            for domain in sorted(every)
        }
        numbers = [[numbering.number(rule) for rule in rules] for rules in usual]
        named = frozenset(
            domain
            for domain, rules in found.items()
            if domain in _domains_in(claim.when)
            or [[numbering.number(rule) for rule in side] for side in rules] != numbers
        )
        for domain in (None, *sorted(named)):
            if domain is None or can_hold(claim.when, question, domain) is not False:
                rules, *others = usual if domain is None else found[domain]
                cell = Cell(domain, named)
                yield Region(question, cell, rules, others[0] if others else None)


def seek(
    claim: Claim, region: Region, horizon: Horizon, confirms: Confirms, solver: Solver
) -> Sought:
    """Looks in a region for a request that refutes a claim, or that it says there is.

    Raises:
        Undecided: neither proved nor refuted.
    """
    needs = _needs_of(claim, region)
    space = Space(needs, region.cell, horizon)
    about = space.formulas.all_of((axioms(space), space.condition(claim.when)))
    expected = _Expected(claim, region, space)
    met = expected.met()
    goal = met if claim.is_some else space.formulas.negation(met)
    goal = space.formulas.all_of((about, goal))
    is_timed = "now" in space.columns
    doubts = Doubts(phrase("what is expected"), space, goal)
    while (point := solver(space, goal)) is not None:
        if confirms(space.facts_at(point)):
            return Sought(is_possible=True, found=True, is_timed=is_timed)
        excluded = doubts.add(point, expected.unsure())
        goal = space.formulas.all_of((goal, space.formulas.negation(excluded)))
    doubts.demand_settled(solver)
    possible = solver(space, about) is not None
    return Sought(is_possible=possible, found=False, is_timed=is_timed)


def _needs_of(claim: Claim, region: Region) -> Needs:
    needs = Needs(region.question)
    needs.condition(claim.when)
    sides = [side for side in (region.rules, region.others) if side is not None]
    deciding = [[rule for rule in side if not rule.shadow] for side in sides]
    for side in deciding:
        add_conditions(needs, side)
    add_read(needs)
    if region.others is not None:
        add_values(needs, deciding)
    for name, constant in claim.expect.get("values", {}).items():
        value = _VALUES[name]
        feature = region.question[1]
        if feature is not None and value in VALUES_OF[feature]:
            terms = [term for rule in deciding[0] for term in written(rule, value)]
            add_compared(needs, value, [*terms, constant])
    add_needed(needs)
    return needs


def _relevant(claim: Claim, rules: Sequence[Rule]) -> list[Rule]:
    """Rules that can matter to what is expected."""
    if claim.other is not None or any(name in claim.expect for name in _ANYTHING):
        return list(rules)
    return [
        rule for rule in rules if rule.effects.denial or rule.effects.allow or rule.effects.lifts
    ]


class _Expected:
    """What is expected, as a formula."""

    def __init__(self, claim: Claim, region: Region, space: Space) -> None:
        self._claim, self._space, self._question = claim, space, region.question
        self._decided = Decided(region.rules, space)
        self._other = None if region.others is None else Decided(region.others, space)
        self._unsure: set[str] = set()

    def met(self) -> Formula:
        """When all of it is so."""
        parts = [_EXPECTED[key](self, value) for key, value in self._claim.expect.items()]
        if self._other is not None:
            for aspect in aspects(self._decided, self._other):
                parts.append(self._space.formulas.negation(aspect.goal))
                self._unsure |= aspect.unsure()
        return self._space.formulas.all_of(parts)

    def unsure(self) -> set[str]:
        """Facts of which it depends whether it is so more often than the formula says."""
        found = set(self._unsure)
        return found.union(*(terms.unsure for terms in self._decided.terms.values()))

    def decision(self, wanted: str) -> Formula:
        """`allow` or `deny`."""
        return self._decided.denied if wanted == "deny" else self._decided.allowed

    def reason(self, wanted: str | list[str]) -> Formula:
        """Refused for one of these reasons."""
        reasons = [wanted] if isinstance(wanted, str) else wanted
        return self._decided.denial.where(
            lambda said: isinstance(said, Denial) and said.reason in reasons
        )

    def status(self, wanted: int) -> Formula:
        """On or off."""
        on = self._decided.told_on if self._question[1] else self._space.formulas.false
        return on if wanted else self._space.formulas.negation(on)

    def assigned(self, wanted: bool) -> Formula:  # noqa: FBT001 - what a case says
        """Told of or not."""
        if self._question[1] is None:
            return self._space.formulas.truth(of=wanted)
        return (
            self._decided.assigned
            if wanted
            else self._space.formulas.negation(self._decided.assigned)
        )

    def notify(self, wanted: bool | str) -> Formula:  # noqa: FBT001 - what a case says
        """Who is told."""
        if self._question[1] is None:
            return self._space.formulas.truth(of=wanted is True)
        return self._decided.notified(_SCOPES[wanted])

    def values(self, wanted: Mapping[str, str | int]) -> Formula:
        """What the values are."""
        feature = self._question[1]
        having = VALUES_OF[feature] if feature else ()
        return self._space.formulas.all_of(
            self._value(_VALUES[name], constant)
            if _VALUES[name] in having
            else self._space.formulas.false
            for name, constant in wanted.items()
        )

    def by(self, wanted: Mapping[str, str]) -> Formula:
        """Which rule decides each field."""
        return self._space.formulas.all_of(
            self._decides(field, rule) for field, rule in wanted.items()
        )

    def _value(self, value: Value, constant: str | int) -> Formula:
        decided, formulas = self._decided, self._space.formulas
        feature = self._question[1]
        spelling = ROWS[feature].spelling if feature else None
        terms = decided.value_terms(value)
        if spelling is not None and value is spelling.value:
            told = decided.word.get(constant, formulas.false)
        else:
            chain = decided.meaning.fields[value.value]
            told = formulas.any_of(
                formulas.all_of((when, terms.gives(said, constant)))
                for said, when in whole(chain, UNSET, formulas).values()
            )
            if spelling is not None and value is spelling.excuse:
                told = formulas.all_of((told, decided.excused))
        stored = formulas.all_of(
            (decided.denied, self._space.equals(f"stored.{value.value}", constant))
        )
        if spelling is not None and self._question[0] is Operation.GET:
            # What is then told instead is left out: it says less than is so, never more.
            off = decided.answered(DenialAnswer.OFF)
            stored = formulas.all_of((stored, formulas.negation(off)))
        return formulas.any_of((formulas.all_of((decided.allowed, told)), stored))

    def _decides(self, field: str, rule: str) -> Formula:
        decided, formulas = self._decided, self._space.formulas
        if field == "deny":
            return _by_rule(decided.meaning.denials, rule, decided)
        chain = decided.meaning.fields.get(field, ())
        here = _by_rule(chain, rule, decided)
        if field in _KEPT.get(self._question[0], ()):
            return here
        return formulas.all_of((decided.allowed, here))


def _by_rule(chain: Chain, rule: str, decided: Decided) -> Formula:
    """When it is a rule that decides."""
    named = tuple(
        entry if entry.said is UNSET else entry._replace(said=entry.rule) for entry in chain
    )
    return first_of(named, decided.space.formulas).where(lambda said: said == rule)


_EXPECTED: dict[str, Callable[[_Expected, Any], Formula]] = {
    "decision": _Expected.decision,
    "reason": _Expected.reason,
    "status": _Expected.status,
    "assigned": _Expected.assigned,
    "notify": _Expected.notify,
    "values": _Expected.values,
    "by": _Expected.by,
}
"""Key of `expect` → its formula."""


def can_hold(condition: Condition, question: Question, domain: str | None) -> bool | None:
    """Whether a condition holds for a question, and a domain if one is given; None: it depends."""
    match condition:
        case AllOf(parts):
            return _all(can_hold(part, question, domain) for part in parts)
        case AnyOf(parts):
            some = _all(_not(can_hold(part, question, domain)) for part in parts)
            return _not(some)
        case Not(part):
            return _not(can_hold(part, question, domain))
        case _:
            known = {"op": question[0].value, "feature": question[1] and question[1].value}
            if domain is not None:
                known["domain"] = domain
            if not set(condition.facts) <= known.keys():
                return None
            return condition.holds(known.get)


def _all(several: Iterator[bool | None]) -> bool | None:
    found = list(several)
    if False in found:
        return False
    return None if None in found else True


def _not(one: bool | None) -> bool | None:  # noqa: FBT001 - logic of three values
    return None if one is None else not one


def _domains_in(condition: Condition) -> frozenset[str]:
    """Domains that a condition names."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return frozenset[str]().union(*map(_domains_in, parts))
        case Not(part):
            return _domains_in(part)
        case _:
            named = equal_to(condition) if condition.fact == "domain" else None
            return frozenset(str(one) for one in named or ())
