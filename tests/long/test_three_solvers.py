"""The search, a SAT solver and z3 say the same of policies: whoever is wrong is not alone."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.proof.differing import Solver, by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.sat import is_there, solve_by_sat
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proved import NOT_SHOWN, prove_alike
from tests.helpers.drawing import run_seeded
from tests.helpers.random_policies import changed
from tests.helpers.random_words import SITE
from tests.helpers.second_opinion import solve_by_z3

z3 = pytest.importorskip("z3", reason="z3-solver is missing: `make test-long` installs it")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not is_there(), reason="python-sat is missing: extra `proof`"),
]

SOLVERS: dict[str, Solver] = {
    "search": by_search,
    "sat": lambda space, goal: solve_by_sat(space.formulas, goal),
    "z3": lambda space, goal: solve_by_z3(z3, space.formulas, goal),
}
EDITS = 100
_FOLDER = Path(__file__).parents[1] / "policies/pairs"
_PAIRS = [
    pair
    for file in sorted(_FOLDER.glob("*.yaml"))
    for pair in yaml.safe_load(file.read_text("utf-8"))["pairs"]
]


def _compiled(side: Any) -> CompiledPolicies:
    return compile_policies([_source(one) for one in (side if isinstance(side, list) else [side])])


def _source(policy: dict[str, Any]) -> Source:
    name = policy.get("name", "p")
    top = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": name}}
    rest = {key: value for key, value in policy.items() if key != "name"}
    return Source(f"{name}.yaml", yaml.safe_dump({**top, **rest}))


def _verdicts(old: CompiledPolicies, new: CompiledPolicies) -> dict[str, object]:
    """What each solver finds: the operations that are decided differently."""
    found: dict[str, object] = {}
    for name, solver in SOLVERS.items():
        proof = prove_alike(old, new, Horizon(), solver=solver)
        # That a difference cannot be shown is no doubt that there is one.
        gave_up = [one for one in proof.doubts if one.reason != NOT_SHOWN]
        # Only the search may do so.
        assert name == "search" or gave_up == []
        if not gave_up:
            found[name] = frozenset(proof.different)
    return found


@pytest.mark.parametrize("pair", _PAIRS, ids=lambda pair: str(pair["name"]))
def test_all_say_the_same_of_a_pair_that_somebody_wrote(pair: dict[str, Any]) -> None:
    """And what is so."""
    found = _verdicts(_compiled(pair["old"]), _compiled(pair["new"]))
    assert len(found) == len(SOLVERS)
    assert len(set(found.values())) == 1
    assert bool(found["z3"]) is not pair.get("alike", False)


def test_all_say_the_same_of_random_edits() -> None:
    """Of the whole language."""
    compared = 0

    def compare(random: Random) -> None:
        nonlocal compared
        found = _verdicts(*(compile_policies([*one, *SITE]) for one in changed(random)))
        assert len(set(found.values())) == 1
        compared += len(found) > 1

    run_seeded(EDITS, compare)
    assert compared >= 80
