"""`dfks policy check`; what it finds is in tests/policies/must_fail."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.model.features import FEATURES
from tests.helpers.policy import source
from tests.helpers.published import ROOT

GOOD = source("- {id: r, when: {op: set}, then: {status: request}}").text
DEAD = source(
    "- {id: a, when: {op: set}, then: {status: 0}}\n"
    "- {id: b, when: {op: set, user: bob}, then: {status: 1}}"
).text
CASES = """apiVersion: dfks/v1
kind: PolicyTest
policies: [p.yaml]
tests: [{name: a, given: {op: get}, expect: {status: 0}}]
"""


def run(*arguments: str | Path) -> Result:
    """The command."""
    return CliRunner().invoke(dfks, ["policy", "check", *map(str, arguments)])


def test_good_files_are_counted(tmp_path: Path) -> None:
    """That nothing was checked must not look like that all is well."""
    (tmp_path / "p.yaml").write_text(GOOD)
    other = GOOD.replace("name: p", "name: q").replace("op: set", "op: get")
    (tmp_path / "q.yml").write_text(other)
    (tmp_path / "notes.txt").write_text("not ours")
    told = run(tmp_path)
    assert (told.exit_code, told.output) == (0, "2 files OK\n")


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*")), ids=lambda path: path.name)
def test_shipped_policies_have_no_findings(path: Path) -> None:
    """They are what authors start from."""
    for each in sorted(path.glob("*")) if path.name == "examples" else [path]:
        told = run("--strict", each)
        assert re.fullmatch(r"\d files OK\n", told.output)
        assert told.exit_code == 0


def test_cases_beside_policies_are_checked_too(tmp_path: Path) -> None:
    """And alone, when they are named."""
    (tmp_path / "p.yaml").write_text(GOOD)
    (tmp_path / "cases.yaml").write_text(CASES)
    for path in (tmp_path, tmp_path / "cases.yaml"):
        told = run(path)
        assert told.exit_code == 3
        assert "cases.yaml:4:9: error: case has no `feature` [policy_case]" in told.output
    assert told.output.endswith("1 error in 1 file\n")


def test_warnings_fail_only_when_strict(tmp_path: Path) -> None:
    """A warning must not stop a mend in the night."""
    path = tmp_path / "p.yaml"
    path.write_text(DEAD)
    assert run(path).exit_code == 0
    assert run("--strict", path).exit_code == 3


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    """All findings at once."""
    (tmp_path / "p.yaml").write_text(DEAD)
    told = run(tmp_path / "none.yaml", tmp_path / "p.yaml")
    assert told.exit_code == 3
    assert "none.yaml: error: cannot read the policy file: No such file" in told.output
    assert told.output.endswith("1 error, 1 warning in 2 files\n")


def test_a_directory_without_policies_is_wrong_usage(tmp_path: Path) -> None:
    """A wrong path in a pipeline would pass forever."""
    told = run(tmp_path)
    assert told.exit_code == 2
    assert "no policy files in" in told.output
    assert run().exit_code == 2


def test_gaps_are_told_to_people_and_programs(tmp_path: Path) -> None:
    """A code host has no place for a table."""
    (tmp_path / "p.yaml").write_text(GOOD)
    told = run("--gaps", tmp_path)
    assert told.exit_code == 0
    assert "get        CallForwardingBusy      0" in told.output
    rows = json.loads(run("--gaps", "--format", "json", tmp_path).output)["gaps"]
    assert [row["otherwise"] for row in rows if row["op"] == "set"] == [
        "always decided by a rule"
    ] * len(FEATURES)
    assert run("--gaps", "--format", "sarif", tmp_path).exit_code == 2


def test_folders_below_are_checked_each_by_itself(tmp_path: Path) -> None:
    """As `dfks policy test` finds the cases below; two candidates may have one name."""
    for name in ("new", "old", "deep/er", ".git", "new/tenants/acme.example"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("new", "old"):
        (tmp_path / name / "p.yaml").write_text(GOOD)
    (tmp_path / "new/tenants/acme.example/t.yaml").write_text(
        GOOD.replace("name: p", "name: t").replace("op: set", "op: get")
    )
    (tmp_path / ".git/x.yaml").write_text("[")
    (tmp_path / "deep/er/p.yaml").write_text(DEAD)
    told = run(tmp_path)
    assert told.exit_code == 0
    assert "deep/er/p.yaml:6:6: warning: rule `b` decides nothing" in told.output
    assert told.output.endswith("1 warning in 4 files\n")
    (tmp_path / "old/cases.yaml").write_text(CASES)
    assert run(tmp_path).exit_code == 3
    # What is named is one set.
    told = run(tmp_path / "new", tmp_path / "old")
    assert "the name `p` is already used by `" in told.output
    assert "the name `p` is already used by `" not in run(tmp_path, tmp_path / "new").output


def test_five_hundred_findings_are_told_and_the_others_counted(tmp_path: Path) -> None:
    """A wrong column would fill a disk of logs."""
    rules = "\n".join(f"- {{id: R{n}, when: {{op: set}}, then: {{x: 1}}}}" for n in range(400))
    (tmp_path / "p.yaml").write_text(source(rules).text)
    told = run(tmp_path).output
    assert told.count(": error: ") == 500
    assert told.endswith("\nand 300 more\n800 errors in 1 file\n")
    report = json.loads(run("--format", "json", tmp_path).output)
    assert (len(report["findings"]), report["more"]) == (500, 300)
    log = json.loads(run("--format", "sarif", tmp_path).output)
    assert len(log["runs"][0]["results"]) == 500
    assert log["runs"][0]["properties"] == {"more": 300}
    assert run("--format", "github", tmp_path).output.count("::error ") == 500


def test_complete_finds_rules_that_change_nothing(tmp_path: Path) -> None:
    """By proof, and only where it is asked for."""
    rules = """
        - {id: day, when: {op: get, time: {ge: "08:00"}}, then: {status: 1}}
        - {id: night, when: {op: get, time: {lt: "08:00"}}, then: {status: 1}}
        - {id: guests, when: {op: get, role: guest}, then: {status: 1}}
    """
    file = tmp_path / "p.yaml"
    file.write_text(source(rules).text)
    usual = CliRunner().invoke(dfks, ["policy", "check", str(file)])
    complete = CliRunner().invoke(
        dfks, ["policy", "check", str(file), "--complete", "--zone", "UTC"]
    )
    assert "policy_redundant" not in usual.output
    assert "rule `guests` changes nothing" in complete.output
    assert complete.output.count("policy_redundant") == 1


def test_complete_tells_nothing_that_a_comment_allows(tmp_path: Path) -> None:
    """Who keeps a rule for tomorrow says so."""
    rules = """
        - {id: day, when: {op: get, time: {ge: "08:00"}}, then: {status: 1}}
        - {id: night, when: {op: get, time: {lt: "08:00"}}, then: {status: 1}}
        - {id: r, when: {op: get, role: a}, then: {status: 1}}  # dfks: allow policy_redundant
    """
    file = tmp_path / "p.yaml"
    file.write_text(source(rules).text)
    for options in ([], ["--complete", "--zone", "UTC"]):
        told = CliRunner().invoke(dfks, ["policy", "check", str(file), *options])
        assert "policy_" not in told.output


def test_complete_tells_of_a_dead_rule_where_something_else_is_told(tmp_path: Path) -> None:
    """Two warnings for one place."""
    rules = """
        - id: r
          when: {op: set, target.kind: foreign, target.reach: international}
          then: {deny: abroad}
    """
    file = tmp_path / "p.yaml"
    file.write_text(source(rules).text)
    told = CliRunner().invoke(dfks, ["policy", "check", str(file), "--complete", "--zone", "UTC"])
    assert "policy_no_country" in told.output
    assert "policy_redundant" in told.output


# What earlier tests have left may be finalized just when the alarm rings, which then rings again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_not_proved_in_time_is_told_and_counted(tmp_path: Path) -> None:
    """A pipeline ends, and its exit code says that not all was looked at."""
    rules = "\n".join(
        f"- {{id: r{n}, when: {{op: set, user: {{glob: '*{n}?[a-z]*'}}}}, then: {{deny: no}}}}"
        for n in range(200)
    )
    file = tmp_path / "p.yaml"
    file.write_text(source(rules).text)
    command = ["policy", "check", str(file), "--complete", "--within", "1", "--zone", "UTC"]
    told = CliRunner().invoke(dfks, command)
    assert told.exit_code == 6, told.output
    left = told.output.count(": not decided in time whether it changes anything\n")
    assert left > 0
    assert f", {left} rules not decided in 1 file\n" in told.output
    report = json.loads(CliRunner().invoke(dfks, [*command, "--format=json"]).output)
    assert report["notDecided"][-1] == {"file": str(file), "line": 204, "rule": "p/r199"}
