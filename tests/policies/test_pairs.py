"""Pairs of policies, of which somebody knows whether they mean the same."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.compare import what_differs
from dfks_rules.policy.studying.proved import prove_alike

_FILES = sorted((Path(__file__).parent / "pairs").glob("*.yaml"))
_PAIRS = [pair for file in _FILES for pair in yaml.safe_load(file.read_text("utf-8"))["pairs"]]


def _sources(side: Any) -> list[Source]:
    return [_source(dict(one)) for one in (side if isinstance(side, list) else [side])]


def _source(policy: dict[str, Any]) -> Source:
    name = policy.pop("name", "p")
    top = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": name}}
    return Source(f"{name}.yaml", yaml.safe_dump({**top, **policy}))


def _compiled(side: Any) -> CompiledPolicies:
    return compile_policies(_sources(side))


@pytest.mark.parametrize("pair", _PAIRS, ids=lambda pair: str(pair["name"]))
def test_a_pair_is_proved_alike_or_shown_to_differ(pair: dict[str, Any]) -> None:
    """None missed, no false alarm, none undecided."""
    proof = prove_alike(_compiled(pair["old"]), _compiled(pair["new"]), Horizon())
    assert proof.doubts == []
    assert bool(proof.differences.groups) is not pair.get("alike", False)


@pytest.mark.parametrize(
    "pair", [pair for pair in _PAIRS if not pair.get("alike")], ids=lambda pair: str(pair["name"])
)
def test_the_facts_that_are_shown_make_a_case_that_differs(pair: dict[str, Any]) -> None:
    """As somebody would who pastes them, and asks the engine."""
    proof = prove_alike(_compiled(pair["old"]), _compiled(pair["new"]), Horizon())
    old, new = (load(_sources(pair[side])) for side in ("old", "new"))
    try:
        for group in proof.differences.groups:
            view = view_of(group.given)
            assert what_differs(old.decide_view(view), new.decide_view(view))
    finally:
        old.close()
        new.close()


def test_there_are_as_many_pairs_as_were_planted() -> None:
    """60 that differ and 17 that do not."""
    alike = [pair for pair in _PAIRS if pair.get("alike")]
    assert (len(_PAIRS) - len(alike), len(alike)) == (60, 17)
