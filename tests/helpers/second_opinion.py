"""The question of `proof.search`, asked of z3: a second opinion in long tests."""

from typing import Any

from dfks_rules.policy.proof.formulas import ALL, ANY, LITERAL, TRUE_, Formula, Formulas
from dfks_rules.policy.proof.search import Point


def solve_by_z3(z3: Any, formulas: Formulas, goal: Formula) -> Point | None:
    """A point at which the goal holds; None if there is none.

    Args:
        z3: the module, which not everybody has.
        formulas: of the question.
        goal: what is to hold.
    """
    widths = [full.bit_length().bit_length() for full in formulas.full]
    variables = [z3.BitVec(f"v{number}", width) for number, width in enumerate(widths)]
    solver = z3.Solver()
    for variable, full in zip(variables, formulas.full, strict=True):
        solver.add(z3.ULT(variable, full.bit_length()))
    solver.add(_written(z3, variables, goal, {}))
    if solver.check() != z3.sat:
        assert solver.check() == z3.unsat
        return None
    model = solver.model()
    return tuple(model.eval(variable, model_completion=True).as_long() for variable in variables)


def _written(z3: Any, variables: list[Any], formula: Formula, known: dict[int, Any]) -> Any:
    """A formula in z3's terms; what is the same formula is written once."""
    if formula.number not in known:
        if formula.kind == LITERAL:
            written = z3.Or([_run(z3, variables[formula.variable], *one) for one in _runs(formula)])
        elif formula.kind in (ALL, ANY):
            parts = [_written(z3, variables, part, known) for part in formula.parts]
            written = z3.And(parts) if formula.kind == ALL else z3.Or(parts)
        else:
            written = z3.BoolVal(formula.kind == TRUE_)
        known[formula.number] = written
    return known[formula.number]


def _runs(literal: Formula) -> list[tuple[int, int]]:
    """The points of a literal, as the first and the last of each run of them."""
    runs: list[tuple[int, int]] = []
    for point in range(literal.mask.bit_length()):
        if literal.mask >> point & 1:
            if runs and runs[-1][1] == point - 1:
                runs[-1] = (runs[-1][0], point)
            else:
                runs.append((point, point))
    return runs


def _run(z3: Any, variable: Any, first: int, last: int) -> Any:
    return z3.And(z3.UGE(variable, first), z3.ULE(variable, last))
