"""Formulas of logic over variables with finitely many points; equal formulas are one object.

A literal says that a variable is at one of some points, which are the bits of a number. Literals
about one variable join to one, so that most of what rules say of one fact needs no search.
"""

from collections.abc import Iterable, Sequence

FALSE_, TRUE_, LITERAL, ALL, ANY = range(5)
"""What a formula is."""
_FLAT = 16
"""Up to so many parts become parts of the whole; more stay a formula of their own."""


class Formula:
    """One formula; made by `Formulas` only, so that the same one is the same object."""

    __slots__ = ("kind", "mask", "number", "opposite", "parts", "variable", "variables")

    def __init__(
        self,
        number: int,
        kind: int,
        variables: int,
        parts: tuple["Formula", ...] = (),
        variable: int = -1,
        mask: int = 0,
    ) -> None:
        self.number = number
        """Its place in the order in which formulas were made."""
        self.kind = kind
        """One of the five kinds."""
        self.variables = variables
        """The variables in it, as bits."""
        self.parts = parts
        """Of `ALL` and `ANY`."""
        self.variable = variable
        """Of a literal."""
        self.mask = mask
        """Of a literal: the points, as bits."""
        self.opposite: Formula | None = None
        """Its negation, once somebody has asked for it."""


class Formulas:
    """All formulas of one question."""

    def __init__(self) -> None:
        self.full: list[int] = []
        """For each variable: all its points."""
        self._known: dict[tuple[int, ...], Formula] = {}
        self._count = 0
        self.false = self._new(FALSE_, 0)
        self.true = self._new(TRUE_, 0)
        self.false.opposite, self.true.opposite = self.true, self.false

    def variable(self, points: int) -> int:
        """A new variable with so many points, at least one."""
        self.full.append((1 << points) - 1)
        return len(self.full) - 1

    def truth(self, *, of: bool) -> Formula:
        """The formula that is always true, or never."""
        return self.true if of else self.false

    def literal(self, variable: int, mask: int) -> Formula:
        """The variable is at one of these points."""
        if mask == 0:
            return self.false
        if mask == self.full[variable]:
            return self.true
        key = (LITERAL, variable, mask)
        known = self._known.get(key)
        if known is None:
            known = self._new(LITERAL, 1 << variable, (), variable, mask)
            self._known[key] = known
        return known

    def all_of(self, parts: Iterable[Formula]) -> Formula:
        """All of these hold."""
        return self._joined(ALL, parts)

    def any_of(self, parts: Iterable[Formula]) -> Formula:
        """At least one of these holds."""
        return self._joined(ANY, parts)

    def none_of(self, parts: Iterable[Formula]) -> Formula:
        """None of these holds."""
        return self._joined(ALL, map(self.negation, parts))

    def negation(self, formula: Formula) -> Formula:
        """It does not hold."""
        if formula.opposite is None:
            if formula.kind == LITERAL:
                rest = self.full[formula.variable] & ~formula.mask
                opposite = self.literal(formula.variable, rest)
            else:
                parts = map(self.negation, formula.parts)
                opposite = self._joined(ANY if formula.kind == ALL else ALL, parts)
            formula.opposite, opposite.opposite = opposite, formula
        return formula.opposite

    def unlike(self, one: Formula, other: Formula) -> Formula:
        """Exactly one of the two holds."""
        if one is other:
            return self.false
        left = self.all_of((one, self.negation(other)))
        return self.any_of((left, self.all_of((other, self.negation(one)))))

    def alike(self, one: Formula, other: Formula) -> Formula:
        """Both hold, or neither does."""
        return self.negation(self.unlike(one, other))

    def holds(self, formula: Formula, point: Sequence[int]) -> bool:
        """Whether it holds where each variable is at one point."""
        match formula.kind:
            case 0:
                return False
            case 1:
                return True
            case 2:
                return bool(formula.mask >> point[formula.variable] & 1)
            case 3:
                return all(self.holds(part, point) for part in formula.parts)
            case _:
                return any(self.holds(part, point) for part in formula.parts)

    def restricted(
        self, formula: Formula, box: Sequence[int], changed: int, memo: dict[int, Formula]
    ) -> Formula:
        """What is left of a formula where variables are confined to some of their points.

        Args:
            formula: it was restricted to the box before `changed`.
            box: for each variable, the points that are left.
            changed: the variables, as bits, that have fewer points than before.
            memo: what was worked out for this box and this change; it is added to.
        """
        if not formula.variables & changed:
            return formula
        known = memo.get(formula.number)
        if known is not None:
            return known
        if formula.kind == LITERAL:
            left = box[formula.variable]
            mask = formula.mask & left
            if not mask:
                found = self.false
            elif mask == left:
                found = self.true
            else:
                found = self.literal(formula.variable, mask)
        else:
            found = self._restricted_parts(formula, box, changed, memo)
        memo[formula.number] = found
        return found

    def _restricted_parts(
        self, formula: Formula, box: Sequence[int], changed: int, memo: dict[int, Formula]
    ) -> Formula:
        kind = formula.kind
        ends = self.false if kind == ALL else self.true
        parts = []
        for part in formula.parts:
            left = self.restricted(part, box, changed, memo)
            if left is ends:
                return ends
            parts.append(left)
        return self._joined(kind, parts)

    def _joined(self, kind: int, parts: Iterable[Formula]) -> Formula:
        """All or any of these; what decides it at once, and what adds nothing, goes."""
        neutral, ends = (self.true, self.false) if kind == ALL else (self.false, self.true)
        gathered = self._gathered(kind, parts)
        if gathered is None:
            return ends
        masks, others = gathered
        found = [self.literal(variable, mask) for variable, mask in masks.items()]
        if ends in found:
            return ends
        for one in others.values():
            if one.opposite is not None and one.opposite.number in others:
                return ends
        found += others.values()
        if len(found) <= 1:
            return found[0] if found else neutral
        return self._interned(kind, found)

    def _gathered(
        self, kind: int, parts: Iterable[Formula]
    ) -> tuple[dict[int, int], dict[int, Formula]] | None:
        """Literals joined, by variable, and the other parts; None where a part decides it."""
        neutral, ends = (self.true, self.false) if kind == ALL else (self.false, self.true)
        masks: dict[int, int] = {}
        others: dict[int, Formula] = {}
        for part in parts:
            if part is ends:
                return None
            if part is neutral:
                continue
            for one in part.parts if part.kind == kind and len(part.parts) <= _FLAT else (part,):
                if one.kind != LITERAL:
                    others[one.number] = one
                elif one.variable not in masks:
                    masks[one.variable] = one.mask
                elif kind == ALL:
                    masks[one.variable] &= one.mask
                else:
                    masks[one.variable] |= one.mask
        return masks, others

    def _interned(self, kind: int, parts: list[Formula]) -> Formula:
        parts.sort(key=_number)
        key = (kind, *[part.number for part in parts])
        known = self._known.get(key)
        if known is None:
            variables = 0
            for part in parts:
                variables |= part.variables
            known = self._known[key] = self._new(kind, variables, tuple(parts))
        return known

    def _new(
        self,
        kind: int,
        variables: int,
        parts: tuple[Formula, ...] = (),
        variable: int = -1,
        mask: int = 0,
    ) -> Formula:
        self._count += 1
        return Formula(self._count, kind, variables, parts, variable, mask)


def _number(formula: Formula) -> int:
    return formula.number
