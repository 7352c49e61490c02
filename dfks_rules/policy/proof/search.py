"""Is there a point at which a formula holds? A search over sets of points, which needs no library.

What must hold narrows the sets; what is left of the formula is split at its shortest alternative.
It is complete: where it finds nothing, there is nothing. On formulas made to be hard it can take
too long, and says so.
"""

from collections.abc import Sequence

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.proof.formulas import ALL, ANY, LITERAL, Formula, Formulas
from dfks_rules.policy.proof.undecided import Undecided

MAX_STEPS = 5_000_000
"""Most parts of formulas that are looked at for one answer; takes about ten seconds."""
_MANY = 24
"""An alternative with more parts is halved first."""
_SMALL = 6
"""Alternatives with up to so many parts are excluded where the next alternatives are tried."""

Point = tuple[int, ...]
"""For each variable, the number of its point."""
_State = tuple[list[Formula], list[int], int]
"""What must hold, the points that are left of each variable, and variables just narrowed."""


def solve(formulas: Formulas, goal: Formula, most: int = MAX_STEPS) -> Point | None:
    """A point at which the goal holds, of each variable the first that is left; None if none.

    Raises:
        Undecided: it takes more than `most` steps.
    """
    steps = 0
    waiting: list[_State] = [([goal], list(formulas.full), 0)]
    while waiting:
        demands, box, changed = waiting.pop()
        left = _narrowed(formulas, demands, box, changed)
        if left is None:
            steps += 1
            continue
        demands, looked_at = left
        steps += 1 + looked_at
        if steps > most:
            raise Undecided(
                phrase("it takes too many steps; `pip install dfks-rules[proof]` has a solver")
            )
        if not demands:
            return tuple((mask & -mask).bit_length() - 1 for mask in box)
        waiting += _branches(formulas, demands, box)
    return None


def _narrowed(
    formulas: Formulas, demands: list[Formula], box: list[int], changed: int
) -> tuple[list[Formula], int] | None:
    """Alternatives that are left once all that must hold has narrowed the box; None: none can.

    Args:
        formulas: of the question.
        demands: all must hold.
        box: is narrowed.
        changed: variables that were narrowed since the demands were last restricted.
    """
    looked_at = 0
    while True:
        rest: dict[int, Formula] = {}
        memo: dict[int, Formula] = {}
        now = 0
        stack = demands
        demands = []
        while stack:
            one = stack.pop()
            one = formulas.restricted(one, box, changed, memo)
            if one.kind == LITERAL:
                mask = box[one.variable] & one.mask
                if not mask:
                    return None
                if mask != box[one.variable]:
                    box[one.variable] = mask
                    now |= 1 << one.variable
            elif one.kind == ALL:
                stack += one.parts
            elif one.kind == ANY:
                rest[one.number] = one
            elif one is formulas.false:
                return None
        looked_at += len(memo)
        demands = list(rest.values())
        if not now:
            return demands, looked_at
        changed = now


def _branches(formulas: Formulas, demands: list[Formula], box: Sequence[int]) -> list[_State]:
    """One state for each part of the shortest alternative, the first one last."""
    shortest = min(demands, key=_length)
    others = [one for one in demands if one is not shortest]
    parts = sorted(shortest.parts, key=_length)
    if len(parts) > _MANY:
        middle = len(parts) // 2
        halves = (formulas.any_of(parts[middle:]), formulas.any_of(parts[:middle]))
        return [([*others, half], list(box), 0) for half in halves]
    states: list[_State] = []
    excluded: list[Formula] = []
    for part in parts:
        states.append(([*others, *excluded, part], list(box), 0))
        if len(part.parts) <= _SMALL:
            excluded.append(formulas.negation(part))
    return states[::-1]


def _length(formula: Formula) -> int:
    return len(formula.parts)
