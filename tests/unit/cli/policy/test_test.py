"""`dfks policy test`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.errors import PolicyError
from tests.helpers.published import ROOT

POLICY = """apiVersion: dfks/v1
kind: Policy
metadata: {name: p}
rules:
  - id: on
    when: {op: get}
    then: {status: 1}
  - id: never
    when: {op: set}
    then: {status: 0}
"""
CASES = """apiVersion: dfks/v1
kind: PolicyTest
policies: [.]
defaults: {feature: DoNotDisturb}
tests:
  - name: a get is on
    given: {op: get}
    expect: {status: 1, by: {status: p/on}}
"""
FAILING = '  - name: "<off> & out"\n    given: {op: get}\n    expect: {status: 0}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy and its cases, which name the directory."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(dfks, ["policy", "test", *map(str, arguments)])


def test_cases_that_pass_are_counted(folder: Path) -> None:
    """Several files for one directory of policies."""
    (folder / "more-cases.yaml").write_text(CASES)
    result = run(folder)
    assert (result.exit_code, result.output) == (0, "2 cases: 2 passed, 0 failed\n")


def test_a_failed_case_says_where_what_and_why(folder: Path) -> None:
    """Exit code 5."""
    (folder / "cases.yaml").write_text(CASES + FAILING)
    result = run(folder)
    assert result.exit_code == 5
    assert result.output == (
        f"{folder}/cases.yaml:9: failed: <off> & out\n"
        "    status: expected 0, got 1\n"
        "    matched: p/on\n"
        "    decided: status by p/on\n"
        "2 cases: 1 passed, 1 failed\n"
    )


def test_cases_are_chosen_by_name_and_none_is_a_failure(folder: Path) -> None:
    """A pattern with a typing error must not pass."""
    (folder / "cases.yaml").write_text(CASES + FAILING)
    assert run(folder, "--run", "a *").exit_code == 0
    result = run(folder, "--run", "nothing")
    assert (result.exit_code, result.output.splitlines()[0]) == (5, "no cases to run")


def test_the_first_failure_can_be_the_last(folder: Path) -> None:
    """For a quick answer."""
    (folder / "cases.yaml").write_text(CASES + FAILING + FAILING)
    assert run(folder, "--fail-fast").output.endswith("2 cases: 1 passed, 1 failed\n")


def test_a_skipped_case_is_told_and_counted_apart(folder: Path) -> None:
    """It is not run, and neither passes nor fails."""
    skipped = FAILING + "    skip: until the phones are replaced\n"
    (folder / "cases.yaml").write_text(CASES + skipped)
    result = run(folder, "--junit", folder / "junit.xml")
    assert (result.exit_code, result.output) == (
        0,
        f"{folder}/cases.yaml:9: skipped: <off> & out: until the phones are replaced\n"
        "1 case: 1 passed, 0 failed, 1 skipped\n",
    )
    assert '<skipped message="until the phones are replaced" />' in (
        folder / "junit.xml"
    ).read_text(encoding="utf-8")


def test_cases_are_chosen_by_facts_and_files(folder: Path) -> None:
    """All conditions have to hold."""
    more = FAILING.replace("op: get", "op: get, user: bob")
    (folder / "cases.yaml").write_text(CASES + more)
    assert run(folder, "--filter", "user=alice").output == "1 case: 1 passed, 0 failed\n"
    assert "1 failed" in run(folder, "--filter", "user=b*", "--filter", "op=get").output
    assert "no cases to run" in run(folder, "--filter", "file=*/other-cases.yaml").output
    assert "unknown fact `usr`" in run(folder, "--filter", "usr=b").output


def test_the_time_of_decisions_is_told_when_wanted(folder: Path) -> None:
    """Of the cases that are run."""
    told = run(folder, "--bench").output.splitlines()[0]
    assert re.fullmatch(r"decisions: p50 [0-9.]+ µs, p99 [0-9.]+ µs of CPU", told)
    assert json.loads(run(folder, "--bench", "--format", "json").output)["us"].keys() == {
        "p50",
        "p99",
    }


def test_coverage_is_told_and_demanded(folder: Path) -> None:
    """A rule without a case is a guess."""
    result = run(folder, "--coverage", "--coverage-threshold", "80")
    assert result.exit_code == 5
    assert result.output == (
        f"{folder}/policy.yaml:8: p/never: never matched\n"
        "coverage: 50.0 %\n"
        "coverage is 50.0 %; 80 % is required\n"
        "1 case: 1 passed, 0 failed\n"
    )


def test_tests_that_had_one_outcome_only_are_told(folder: Path) -> None:
    """A rule that is never asked about anybody else may be about everybody."""
    policy = POLICY.replace("when: {op: get}", "when: {op: get, user: alice}")
    (folder / "policy.yaml").write_text(policy)
    assert run(folder, "--conditions").output == (
        f"{folder}/policy.yaml:5: p/on: {{user: alice}} was never false\n"
        "1 case: 1 passed, 0 failed\n"
    )
    (folder / "cases.yaml").write_text(
        CASES + "  - {name: b, given: {op: get, user: bob}, expect: {status: 0}}\n"
    )
    assert run(folder, "--conditions").output == "2 cases: 2 passed, 0 failed\n"


def test_cases_are_written_for_what_no_case_shows(folder: Path) -> None:
    """They pass, and then nothing is lacking."""
    new = folder / "new-cases.yaml"
    result = run(folder, "--generate", new)
    assert (result.exit_code, result.output.splitlines()[0]) == (
        0,
        f"{new}: 1 case written; coverage was 50.0 %, is 100.0 %",
    )
    assert "2 passed" in run(folder, "--coverage-threshold", "100").output
    again = run(folder, "--generate", new)
    assert (again.exit_code, f"{new} exists" in again.output) == (2, True)
    assert "no case to add" in run(folder, "--generate", folder / "more-cases.yaml").output


def test_no_cases_are_written_while_one_fails(folder: Path) -> None:
    """What is wrong comes first."""
    (folder / "cases.yaml").write_text(CASES + FAILING)
    assert run(folder, "--generate", folder / "new-cases.yaml").exit_code == 5
    assert not (folder / "new-cases.yaml").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from-log", "policy.yaml"], "--from-log needs --generate"),
        (["--generate", "n-cases.yaml", "--watch"], "use one of --watch and --generate"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    folder: Path, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is run."""
    monkeypatch.chdir(folder)
    result = run(folder, *options)
    assert (result.exit_code, message in result.output) == (2, True)


def test_a_policy_without_a_case_is_told_when_wanted(folder: Path) -> None:
    """For a build server."""
    (folder / "other").mkdir()
    (folder / "other" / "o.yaml").write_text(POLICY)
    result = run(folder, "--require-tests")
    assert result.exit_code == 5
    assert f"{folder}/other/o.yaml: policy has no case" in result.output


def test_programs_get_json(folder: Path) -> None:
    """The same in another form."""
    value = json.loads(run(folder, "--format", "json").output)
    assert (value["passed"], value["cases"][0]["name"]) == (True, "a get is on")


def test_watching_runs_again_when_a_file_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid file is told and waited out; a turn without a change is none."""

    def changes(*folders: Path, **_: object) -> Iterator[set[object]]:
        assert folders == (folder,)
        yield set()
        (folder / "cases.yaml").write_text("kind: x\n")
        yield {"a change"}
        yield set()
        (folder / "cases.yaml").write_text(CASES + FAILING)
        yield {"a change"}
        raise KeyboardInterrupt

    monkeypatch.setattr("watchfiles.watch", changes)
    result = run(folder, "--watch")
    assert result.exit_code == 0
    assert result.output.count("watching; press Ctrl-C to stop") == 3
    assert "1 case: 1 passed" in result.output
    assert "policy_missing" in result.output
    assert "2 cases: 1 passed, 1 failed" in result.output


def test_invalid_files_are_findings(folder: Path) -> None:
    """`main` makes exit code 3 of it; every file is looked at."""
    (folder / "a-cases.yaml").write_text("kind: x\n")
    (folder / "cases.yaml").write_text("kind: y\n")
    result = run(folder)
    assert isinstance(result.exception, PolicyError)
    assert {Path(finding.file).name for finding in result.exception.findings} == {
        "a-cases.yaml",
        "cases.yaml",
    }


@pytest.mark.parametrize(
    "folder", sorted((ROOT / "policies/examples").iterdir()), ids=lambda folder: folder.name
)
def test_every_example_passes_its_cases_with_coverage(folder: Path) -> None:
    """With number plans, directories and CSV beside the policies, as their README says."""
    told = run(folder, "--coverage", "--require-tests")
    assert told.exit_code == 0, told.output
    assert re.search(r"coverage: [0-9.]+ %\n[0-9]+ cases: [0-9]+ passed, 0 failed\n$", told.output)
