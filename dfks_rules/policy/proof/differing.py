"""Where two sets of rules decide differently, for all requests of one question and cell of domains.

Each difference that is found is shown to the caller, who has it decided again by the reference
evaluator. Then all requests that the same two rules decide are excluded, and the search goes on
until nothing is left.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from dfks_rules.model.features import VALUES_OF
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import Value
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import QUESTIONS, Question
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.language.expiry import During, DuringOfUser, Expire
from dfks_rules.policy.language.values import PLACEHOLDER
from dfks_rules.policy.proof.aspects import aspects, hours_of
from dfks_rules.policy.proof.axioms import add_needed, axioms
from dfks_rules.policy.proof.decided import Decided
from dfks_rules.policy.proof.doubts import Doubts
from dfks_rules.policy.proof.exact import Numbering
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.meaning import add_conditions
from dfks_rules.policy.proof.members import Members
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.search import Point, solve
from dfks_rules.policy.proof.space import Cell, Space
from dfks_rules.policy.proof.terms import add_beginning, add_compared
from dfks_rules.policy.proof.undecided import Undecided

MAX_UNLIKE = 1_000
"""Most pairs of rules of one question that are told."""

Model = dict[str, FactValue]
"""Fact → its value, None where it is absent."""
Confirms = Callable[[Model], bool]
"""Whether both sets, asked about such a request, do decide differently."""
Solver = Callable[[Space, Formula], Point | None]
"""A point of a space at which a formula holds; None if there is none."""


def by_search(space: Space, goal: Formula) -> Point | None:
    """The solver that needs no library."""
    return solve(space.formulas, goal)


class Case(NamedTuple):
    """What is to be settled."""

    question: Question
    """The operation, and the feature it is about."""
    cell: Cell
    """The domains."""
    old: Sequence[Rule]
    """The rules that may match, in order of precedence."""
    new: Sequence[Rule]
    """Those of the other set."""
    hosts: frozenset[str] = frozenset()
    """Domains that are tried by themselves, though no rule names them."""


class Settled(NamedTuple):
    """What is so of a case."""

    pairs: int
    """How many pairs of rules decide differently; 0: all requests are decided alike."""
    is_timed: bool
    """Whether that depends on the time, so that it is so within the horizon only."""


def settle(case: Case, horizon: Horizon, confirms: Confirms, solver: Solver = by_search) -> Settled:
    """Shows `confirms` a request for each pair of rules that decide differently.

    Raises:
        Undecided: neither proved nor refuted; what was shown before that is so nevertheless.
    """
    space = space_of(case, horizon)
    old, new = Decided(case.old, space), Decided(case.new, space)
    base = axioms(space)
    found = 0
    for aspect in aspects(old, new):
        goal = space.formulas.all_of((base, aspect.goal))
        doubts = Doubts(f"`{aspect.name}`", space, goal)
        while (point := solver(space, goal)) is not None:
            if confirms(space.facts_at(point)):
                found += 1
                excluded = aspect.deciders(point)
                doubts.clear(excluded)
            else:
                excluded = doubts.add(point, aspect.unsure())
            if found > MAX_UNLIKE:
                raise Undecided(
                    phrase(
                        "more than {max_unlike:,} pairs of rules decide differently",
                        max_unlike=MAX_UNLIKE,
                    )
                )
            goal = space.formulas.all_of((goal, space.formulas.negation(excluded)))
        doubts.demand_settled(solver)
    return Settled(found, "now" in space.columns)


def _parts_of(fact: str) -> tuple[str, ...]:
    addresses = {"presentity": ("user", "domain"), "watcher": ("watcher.user", "watcher.domain")}
    return addresses.get(fact, (fact,))


def cases_of(old: ReferencePolicySet, new: ReferencePolicySet) -> list[Case]:
    """What is to be settled to compare two sets; what has the same rules in both is left out."""
    numbering = Numbering()
    numbers = {id(rule): numbering.number(rule) for one in (old, new) for rule in one.rules}
    members = Members([one.compiled.site.directory for one in (old, new)])
    found = []
    for place, question in enumerate(QUESTIONS):
        named = old.domains(place) | new.domains(place)
        for domain in (None, *sorted(named)):
            sides = [one.rules_for(question, domain) for one in (old, new)]
            before, after = ([numbers[id(rule)] for rule in side] for side in sides)
            if before != after:
                cell = Cell(domain, named)
                hosts = members.hosts([rule for side in sides for rule in side], cell)
                was, now = (members.without_empty(side, cell) for side in sides)
                found.append(Case(question, cell, was, now, hosts))
    return found


def space_of(case: Case, horizon: Horizon) -> Space:
    """The requests of a case, with all that tells its two sides apart.

    Raises:
        Undecided: that cannot be told.
    """
    needs = Needs(case.question)
    sides = (case.old, case.new)
    deciding = [[rule for rule in side if not rule.shadow] for side in sides]
    for side in deciding:
        add_conditions(needs, side)
    add_read(needs)
    add_values(needs, deciding)
    add_needed(needs)
    for host in sorted(case.hosts):
        needs.equal("domain", host)
    return Space(needs, case.cell, horizon)


def add_read(needs: Needs) -> None:
    """Adds facts that decisions depend on, whatever rules say."""
    operation, feature = needs.question
    if feature is not None:
        needs.fact("stored.status")
        if operation is Operation.SET:
            needs.fact("request.status")


def add_values(needs: Needs, sides: Sequence[Sequence[Rule]]) -> None:
    """Adds values that may differ between the sides, and facts that their effects read."""
    operation, feature = needs.question
    numbering = Numbering()
    for value in VALUES_OF[feature] if feature else ():
        chains = [
            [numbering.number(rule) for rule in side if _has_say(rule, value.value)]
            for side in sides
        ]
        if any(chain != chains[0] for chain in chains) or len(chains) == 1:
            rules = [rule for side in sides for rule in side]
            terms = [term for rule in rules for term in written(rule, value)]
            add_compared(needs, value, terms)
    _add_logged(needs, sides)
    for rule in (rule for side in sides for rule in side):
        if rule.effects.expire is not None and operation is Operation.SET:
            needs.fact("now")
            _add_hours(needs, rule.effects.expire)
        for fact in _parts(rule.effects.facts):
            needs.fact(fact)
        for also in rule.effects.also:
            for fact in _parts(also.facts):
                needs.fill(fact)
            for _, said in also.values:
                add_beginning(needs, said)


def _add_logged(needs: Needs, sides: Sequence[Sequence[Rule]]) -> None:
    """Adds facts that lines of only one side are filled with: they may come to the same."""
    logs = [{rule.effects.log or "" for rule in side} for side in sides]
    for log in sorted(
        {log for side in logs for log in side if any(log not in one for one in logs)}
    ):
        for fact in _parts(PLACEHOLDER.findall(log)):
            needs.fact(fact)


def _add_hours(needs: Needs, expire: Expire) -> None:
    """Adds the hours at whose end something expires, wherever users are."""
    several = [expire] if isinstance(expire, During) else []
    if isinstance(expire, DuringOfUser):
        several = [expire.usual, *(there for _, there in expire.zones)]
        for zone, _ in expire.zones:
            needs.equal(expire.fact, zone)
    for one in several:
        needs.test(hours_of(one))


def _parts(facts: Iterable[str]) -> list[str]:
    return [part for fact in sorted(facts) for part in _parts_of(fact)]


def _has_say(rule: Rule, field: str) -> bool:
    return rule.effects.final or field in rule.effects.fields


def written(rule: Rule, value: Value) -> list[Hashable]:
    """What a rule says of a value, if it does."""
    return [said for one, said in rule.effects.values if one is value]
