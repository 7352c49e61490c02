"""The same question as in `search`, asked of a SAT solver: extra `proof` (python-sat).

A variable becomes one proposition for each class of points that the formula tells apart; exactly
one of them holds. A formula becomes clauses by Tseitin's transformation, of which one direction is
enough, as formulas have no negations but in literals.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count, pairwise

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.proof.formulas import ALL, ANY, LITERAL, TRUE_, Formula, Formulas
from dfks_rules.policy.proof.search import Point, solve
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.undecided import Undecided

MAX_CONFLICTS = 1_000_000
"""Most conflicts within which the solver must answer; takes some tens of seconds."""
FIRST_STEPS = 300_000
"""Steps that the search is given first: for most questions it is faster."""

_Clause = list[int]


def is_there() -> bool:
    """Whether the extra `proof` is installed."""
    return find_spec("pysat") is not None


def by_search_or_sat(space: Space, goal: Formula) -> Point | None:
    """A point at which the goal holds: by the search and, if that gives up, by the solver.

    Raises:
        Undecided: both take too long.
    """
    try:
        return solve(space.formulas, goal, FIRST_STEPS)
    except Undecided:
        return solve_by_sat(space.formulas, goal)


def solve_by_sat(formulas: Formulas, goal: Formula) -> Point | None:
    """A point at which the goal holds; None if there is none.

    Raises:
        Undecided: the solver takes more than `MAX_CONFLICTS`.
    """
    from pysat.solvers import Glucose4  # an extra, which nothing else needs

    encoding = _Encoding(formulas)
    top = encoding.name(goal)
    with Glucose4(bootstrap_with=[*encoding.clauses(), [top]]) as solver:
        solver.conf_budget(MAX_CONFLICTS)
        answer = solver.solve_limited()
        if answer is None:
            raise Undecided(phrase("the solver takes too long"))
        return encoding.point(set(solver.get_model())) if answer else None


class _Encoding:
    """A formula as clauses."""

    def __init__(self, formulas: Formulas) -> None:
        self._formulas = formulas
        self._numbers = count(1)
        self._names: dict[int, int] = {}
        self._formed: list[_Clause] = []
        self._masks: dict[int, dict[int, int]] = {}
        """Variable → mask of a literal → its proposition."""
        self._classes: dict[int, list[tuple[int, int]]] = {}
        """Variable → (points that no literal tells apart, their proposition)."""

    def name(self, formula: Formula) -> int:
        """The proposition that implies a formula; it is made with its parts, once."""
        known = self._names.get(formula.number)
        if known is not None:
            return known
        if formula.kind == LITERAL:
            masks = self._masks.setdefault(formula.variable, {})
            number = masks.setdefault(formula.mask, next(self._numbers))
        else:
            number = next(self._numbers)
            if formula.kind == ALL:
                self._formed += [[-number, self.name(part)] for part in formula.parts]
            elif formula.kind == ANY:
                self._formed.append([-number, *map(self.name, formula.parts)])
            elif formula.kind != TRUE_:
                self._formed.append([-number])
        self._names[formula.number] = number
        return number

    def clauses(self) -> Iterator[_Clause]:
        """All clauses, once every formula has its name."""
        yield from self._formed
        for variable, masks in self._masks.items():
            classes = self._classes_of(variable, list(masks))
            yield from self._exactly_one([number for _, number in classes])
            for mask, number in masks.items():
                yield [-number, *(one for points, one in classes if points & mask)]

    def point(self, model: set[int]) -> Point:
        """The point that a model stands for: of each variable the first of its class."""
        found = []
        for variable, mask in enumerate(self._formulas.full):
            for points, number in self._classes.get(variable, ()):
                if number in model:
                    mask = points
            found.append((mask & -mask).bit_length() - 1)
        return tuple(found)

    def _classes_of(self, variable: int, masks: list[int]) -> list[tuple[int, int]]:
        classes = [self._formulas.full[variable]]
        for mask in masks:
            cut = [part for points in classes for part in (points & mask, points & ~mask)]
            classes = [part for part in cut if part]
        found = [(points, next(self._numbers)) for points in classes]
        self._classes[variable] = found
        return found

    def _exactly_one(self, numbers: list[int]) -> Iterator[_Clause]:
        """One of these, by a ladder: each step says that one so far was it."""
        yield numbers
        steps = [next(self._numbers) for _ in numbers]
        for number, step in zip(numbers, steps, strict=True):
            yield [-number, step]
        for (_, before), (number, step) in pairwise(zip(numbers, steps, strict=True)):
            yield [-before, step]
            yield [-before, -number]
