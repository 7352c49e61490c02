"""What `--complete` proves, within a time."""

from collections.abc import Sequence

import pytest

from dfks_rules.cli.policy.complete import Completing
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying import disproved, redundant
from tests.helpers.policy import source

RULES = """
    - {id: day, when: {op: get, time: {ge: "08:00"}}, then: {status: 1}}
    - {id: night, when: {op: get, time: {lt: "08:00"}}, then: {status: 1}}
    - {id: guests, when: {op: get, role: guest}, then: {status: 1}}
"""


def test_all_rules_are_looked_at_where_there_is_time() -> None:
    """One of them changes nothing."""
    completing = Completing(Horizon(), 60)
    found = completing.completed([], [source(RULES)])
    assert [(one.code, one.line) for one in found] == [("policy_redundant", 7)]
    assert completing.left == []


def test_where_time_is_over_the_warnings_stand_and_the_rules_are_left() -> None:
    """Of every set that comes after, too; nothing is taken back that was not disproved."""
    completing = Completing(Horizon(), -1)
    for name in ("p", "q"):
        files = [source(RULES, name=name)]
        warnings = check_and_lint(files)[1]
        assert completing.completed(warnings, files) == warnings
    assert [(one.file, one.rule.id) for one in completing.left] == [
        (f"{name}.yaml", f"{name}/{rule}")
        for name in ("p", "q")
        for rule in ("day", "night", "guests")
    ]


def test_the_time_is_for_compiling_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of rules that takes seconds: it is interrupted as proofs are."""

    def compile_for_ever(_sources: Sequence[Source]) -> None:
        while True:
            pass

    monkeypatch.setattr(redundant, "compile_policies", compile_for_ever)
    monkeypatch.setattr(disproved, "compile_policies", compile_for_ever)
    completing = Completing(Horizon(), 0.05)
    assert completing.completed([], [source(RULES)]) == []
    assert [one.rule.id for one in completing.left] == ["p/day", "p/night", "p/guests"]
