"""`dfks policy bench`. What it measures is not tested: a test has no business with time."""

import json
from pathlib import Path

from click.testing import CliRunner

from dfks_rules.cli.policy.bench import MOST, command, times
from dfks_rules.policy.facts.given import view_of
from tests.helpers.policy import source
from tests.helpers.published import ROOT

WAYS = ["engine, cached", "engine, not cached", "reference evaluator"]


def test_the_ways_to_decide_stand_side_by_side() -> None:
    """By cases and witnesses of the policies that are named."""
    result = CliRunner().invoke(command, [str(ROOT / "policies/examples/supervisor")])
    head, _, *rows = result.output.splitlines()
    assert "requests, 6 from cases; µs of CPU per decision:" in head
    assert [row[:32].strip() for row in rows] == WAYS


def test_json_has_the_same() -> None:
    """To be kept and compared."""
    arguments = [str(ROOT / "policies/default"), "--json"]
    result = json.loads(CliRunner().invoke(command, arguments).output)
    assert list(result["us"]) == WAYS
    assert all(0 <= one["p50"] <= one["p99"] for one in result["us"].values())
    assert 0 < result["of_cases"] < result["requests"] <= MOST


def test_a_file_without_cases_is_measured_too(tmp_path: Path) -> None:
    """Witnesses will do."""
    path = tmp_path / "p.yaml"
    path.write_text(source("- {id: a, when: {op: get}, then: {status: 1}}").text)
    assert "0 from cases" in CliRunner().invoke(command, [str(path)]).output


def test_what_comes_before_a_decision_is_done_before_each() -> None:
    """Otherwise a remembered decision would be measured as a new one."""
    done: list[str] = []
    view = view_of({"op": "subscribe"})
    times(lambda _: done.append("decided"), [view], before=lambda: done.append("forgot"))
    assert done[0] == "decided"
    assert done[1::2] == ["forgot"] * (len(done) // 2)
