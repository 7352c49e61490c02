"""Formulas against the reference evaluator: do both say the same of a request?"""

from collections.abc import Iterator, Sequence
from random import Random

from dfks_rules.model.decisions import Decision, Denial, NotifyScope
from dfks_rules.model.features import ROWS, VALUES_OF, Feature
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import MAX_TEXT, Value
from dfks_rules.policy.deciding.combine import also_sets
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.deciding.reference import holds
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import QUESTIONS, Question
from dfks_rules.policy.language.document import Also, Condition, Rule, atoms_of
from dfks_rules.policy.language.values import PLACEHOLDER, line
from dfks_rules.policy.proof.axioms import add_needed, axioms
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.differing import add_read, add_values
from dfks_rules.policy.proof.formulas import ALL, Formula, Formulas
from dfks_rules.policy.proof.meaning import UNSET, add_conditions
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.search import Point
from dfks_rules.policy.proof.space import Cell, Space
from dfks_rules.policy.proof.terms import Spread
from dfks_rules.policy.studying.models import view_at

SET = Operation.SET
_TRIES, _AIMED = 400, 60
"""How often a point is mended, and how often one that is to be near what rules ask for."""


class UnlikeError(AssertionError):
    """Formulas and evaluator disagree."""


def compare_twins(compiled: CompiledPolicies, random: Random, each: int) -> int:
    """Compares both on random requests; gives how many there were.

    Args:
        compiled: the policies.
        random: chooses requests.
        each: how many requests of each question and domain.

    Raises:
        UnlikeError: they disagree.
    """
    oracle = ReferencePolicySet(compiled)
    domains = frozenset(str(domain) for _, domain in compiled.sharding.shares if domain is not None)
    pairs = 0
    for question in QUESTIONS:
        for domain in (None, *sorted(domains)):
            decided = decided_of(oracle, question, Cell(domain, domains))
            rules = [one for one in oracle.rules_for(question, domain) if not one.shadow]
            tests = _tests(decided.space, rules)
            near = [when for _, when in tests[: len(rules)]]
            for point in points_in(decided.space, random, each, near):
                _compare(decided, tests, point, oracle)
                pairs += 1
    return pairs


def decided_of(oracle: ReferencePolicySet, question: Question, cell: Cell) -> Decided:
    """What policies decide for one question, in formulas."""
    rules = oracle.rules_for(question, cell.domain)
    deciding = [rule for rule in rules if not rule.shadow]
    needs = Needs(question)
    add_conditions(needs, deciding)
    add_read(needs)
    add_values(needs, [deciding])
    add_needed(needs)
    return Decided(rules, Space(needs, cell, Horizon()))


_Tests = Sequence[tuple[Condition, Formula]]


def _tests(space: Space, rules: Sequence[Rule]) -> _Tests:
    """What rules ask for, as a whole and one by one, and the formulas of that."""
    conditions = [rule.condition for rule in rules]
    atoms = dict.fromkeys(atom for one in conditions for atom in atoms_of(one))
    return [(one, space.condition(one)) for one in (*conditions, *atoms)]


def points_in(
    space: Space, random: Random, each: int, near: Sequence[Formula] = ()
) -> Iterator[Point]:
    """Random requests of a space, which are such as a server can get.

    Args:
        space: of the requests.
        random: chooses.
        each: how many requests.
        near: some of these hold for most of the requests, if they can.
    """
    axiom = axioms(space)
    clauses = list(axiom.parts) if axiom.kind == ALL else [axiom]
    near = [one for one in near if one.variables]
    for _ in range(each):
        aims = random.sample(near, min(len(near), random.choice((0, 1, 2, 3))))
        point = _walk(space.formulas, clauses, random)
        if point is not None:
            aimed = (
                _walk(space.formulas, [*clauses, *aims], random, point, _AIMED) if aims else None
            )
            yield aimed or point


def _walk(
    formulas: Formulas,
    clauses: Sequence[Formula],
    random: Random,
    start: Sequence[int] = (),
    tries: int = _TRIES,
) -> Point | None:
    """A random point, or one that is given, mended until all clauses hold."""
    point = list(start) or [random.randrange(mask.bit_length()) for mask in formulas.full]
    for _ in range(tries):
        broken = [clause for clause in clauses if not formulas.holds(clause, point)]
        if not broken:
            return tuple(point)
        variables = random.choice(broken).variables
        places = [place for place in range(len(point)) if variables >> place & 1]
        place = random.choice(places)
        point[place] = random.randrange(formulas.full[place].bit_length())
    return None


def _compare(decided: Decided, tests: _Tests, point: Point, oracle: ReferencePolicySet) -> None:
    space, formulas = decided.space, decided.space.formulas
    model = space.facts_at(point)
    view = view_at(model)
    decision = oracle.decide_by_all(view)
    lookup = facts_of(view._replace(site=oracle.compiled.site))

    def demand(what: str, seen: object, wanted: object) -> None:
        if seen != wanted:
            raise UnlikeError(f"{what}: formulas {seen!r}, evaluator {wanted!r} of {model}")

    demand("what can match", oracle.decide_view(view), decision)
    for name, seen in model.items():
        demand(name, seen, lookup(name))
    for condition, when in tests:
        demand(str(condition), formulas.holds(when, point), holds(condition, lookup))
    demand("denied", formulas.holds(decided.denied, point), decision.denial is not None)
    denials = [
        _filled(said, lookup)
        for said, when in decided.denial.said.values()
        if formulas.holds(when, point)
    ]
    demand("denial", denials, [decision.denial] if decision.denial else [])
    entries = [entry for entry in decided.meaning.logs if formulas.holds(entry.when, point)]
    demand("log", tuple(line(str(one.said), lookup) for one in entries), decision.logs)
    feature = space.question[1]
    if feature is not None:
        scopes = [one for one in NotifyScope if formulas.holds(decided.notified(one), point)]
        demand("notify", scopes, [decision.notify])
        demand("status", formulas.holds(decided.told_on, point), decision.state.status)
        demand("assigned", formulas.holds(decided.assigned, point), decision.assigned)
        if decision.denial is None and decision.state.status and space.question[0] is SET:
            chain = decided.meaning.fields["expire"]
            first = next((one.said for one in chain if formulas.holds(one.when, point)), UNSET)
            ends = None if first is UNSET else first.ends(view.at)  # type: ignore[attr-defined]
            demand("expires", ends, decision.expires)
        else:
            demand("expires", None, decision.expires)
        if decision.denial is None:
            members_of = oracle.compiled.site.directory.members_of
            also = [one for one in decided.meaning.also if formulas.holds(one.when, point)]
            sets = [
                one
                for entry in also
                if isinstance(entry.said, Also)
                for one in also_sets(entry.said, entry.rule, lookup, members_of)
            ]
            demand("also", tuple(sets), decision.also)
            for value in VALUES_OF[feature]:
                told = _told(decided, feature, value, point, decision)
                demand(value.value, told, decision.state.value(value))


def _filled(said: object, lookup: FactLookup) -> object:
    """A denial with facts filled into its text."""
    if isinstance(said, Denial) and said.text is not None and PLACEHOLDER.search(said.text):
        return said._replace(text=line(said.text, lookup)[:MAX_TEXT])
    return said


def _told(
    decided: Decided, feature: Feature, value: Value, point: Point, decision: Decision
) -> FactValue:
    """A value by formulas; by the evaluator where formulas do not tell values one by one."""
    formulas, spelling = decided.space.formulas, ROWS[feature].spelling
    spread: Spread
    told: FactValue
    if spelling is not None and value is spelling.value:
        spread = decided.word
    elif (
        spelling is not None
        and value is spelling.excuse
        and not formulas.holds(decided.excused, point)
    ):
        return None
    else:
        chain = decided.meaning.fields[value.value]
        first = next((one.said for one in chain if formulas.holds(one.when, point)), UNSET)
        terms = decided.value_terms(value)
        found = terms.spread(first)
        if found is None:
            told = decision.state.value(value)
            if formulas.holds(terms.gives(first, "sip:vm-alice@example.com"), point):
                return "sip:vm-alice@example.com"
            return told
        spread = found
    (told,) = [one for one, when in spread.items() if formulas.holds(when, point)]
    return told
