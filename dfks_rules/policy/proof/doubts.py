"""Requests that look like what is sought and are none, as the reference evaluator says of them.

A formula may say too much where it depends on facts how two things said compare: then one request
is no answer for all that are like it to every test. Others are tried, and if nothing is found, that
is no proof, unless each of the doubted requests stood for itself only.
"""

from collections.abc import Callable

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.proof.formulas import Formula
from dfks_rules.policy.proof.known_facts import stored_name
from dfks_rules.policy.proof.search import Point
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.undecided import Undecided

MAX_DOUBTS = 40
"""Most requests of one part of a decision that look like a difference and are none."""

_ADDRESSES = {"presentity": ("user", "domain"), "watcher": ("watcher.user", "watcher.domain")}


class Doubts:
    """Those of one formula."""

    def __init__(self, what: str, space: Space, sought: Formula) -> None:
        """None yet.

        Args:
            what: the formula is about.
            space: of the formula.
            sought: the formula.
        """
        self._what = what
        self._space = space
        self._sought = sought
        self._count = 0
        self._open: list[Formula] = []
        """Requests of which some may be what is sought nevertheless."""

    def add(self, point: Point, unsure: set[str]) -> Formula:
        """What to leave out from now on.

        Args:
            point: a request that is not what is sought.
            unsure: facts of which the formula may say too much.

        Raises:
            Undecided: there is no reason for it to look like one, or enough was tried.
        """
        space, formulas = self._space, self._space.formulas
        named = [stored_name(fact, space.question) for fact in sorted(unsure)]
        parts = {part for fact in named for part in _ADDRESSES.get(fact, (fact,))}
        columns = {part: space.columns[part] for part in sorted(parts) if part in space.columns}
        if not columns:
            reason = phrase(
                "the reference evaluator does not confirm what was found of {what}", what=self._what
            )
            raise Undecided(reason)
        self._count += 1
        if self._count > MAX_DOUBTS:
            raise self._undecided()
        alike = formulas.all_of(
            formulas.literal(variable, 1 << point[variable]) for variable, _ in columns.values()
        )
        if len(columns) < len(parts) or not all(
            space.is_alone(fact, values[point[variable]])
            for fact, (variable, values) in columns.items()
        ):
            self._open.append(alike)
        return alike

    def clear(self, settled: Formula) -> None:
        """Something was found that settles these requests, whether they were doubted or not."""
        formulas = self._space.formulas
        self._sought = formulas.all_of((self._sought, formulas.negation(settled)))

    def demand_settled(self, solver: Callable[[Space, Formula], Point | None]) -> None:
        """Nothing more is found.

        Raises:
            Undecided: what was doubted stood for requests that were not tried.
        """
        formulas = self._space.formulas
        left = formulas.all_of((self._sought, formulas.any_of(self._open)))
        if self._open and solver(self._space, left) is not None:
            raise self._undecided()

    def _undecided(self) -> Undecided:
        return Undecided(phrase("{what} was found neither alike nor different", what=self._what))
