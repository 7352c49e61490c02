"""`dfks policy next`; tests/e2e asks a running server, by MI."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import source
from tests.helpers.web_thread import served

ALICE = "sip:alice@example.com"
RULES = """
- id: always-tomorrow
  when: {op: get, feature: CallForwardingAlways, weekday: [mon, wed, fri, sun]}
  then: {status: 1, values: {forwardTo: "sip:night@example.com"}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A file of rules that change something at the next midnight, or at the one after."""
    file = tmp_path / "p.yaml"
    file.write_text(source(RULES).text)
    return str(file)


def run(*arguments: str) -> Result:
    """The command, about Alice."""
    return CliRunner().invoke(dfks, ["policy", "next", ALICE, *arguments])


def test_policies_are_asked_about_what_is_given_as_stored(policy: str, tmp_path: Path) -> None:
    """A line for each change, or an object of JSON."""
    lines = run(policy).output.splitlines()
    assert lines[0].split() == ["time", "feature", "change", "why", "rule"]
    assert any("off → on forwardTo=sip:night@example.com  shown by then" in one for one in lines)
    stored = tmp_path / "stored.yaml"
    stored.write_text("CallForwardingAlways.status: 1\n")
    told = [
        json.loads(one)
        for one in run(policy, "--stored", str(stored), "--json").output.splitlines()
    ]
    assert {one["rule"] for one in told} == {"p/always-tomorrow"}
    assert {one["before"]["status"] for one in told} == {"on"}


def test_that_nothing_changes_is_said(tmp_path: Path) -> None:
    """On the other stream, so that whoever reads the first has nothing."""
    file = tmp_path / "p.yaml"
    file.write_text(source("- {id: r, when: {op: get}, then: {status: 1}}").text)
    result = run(str(file), "--hours", "12")
    assert (result.stdout, result.exit_code) == ("", 0)
    assert result.stderr == "nothing changes within 12 hours\n"


def test_a_running_server_is_asked_by_its_api() -> None:
    """About what is stored there."""
    with served(MemoryOperations()) as door:
        result = run("--url", door.url)
        assert "expires  p/two-hours" in result.output
        [line] = run("--url", door.url, "--json").output.splitlines()
        assert json.loads(line)["cause"] == "expire"
        assert run("--url", door.url, "--hours", "1").stdout == ""


def test_whom_it_is_about_must_be_an_address() -> None:
    """Nobody is asked."""
    result = CliRunner().invoke(dfks, ["policy", "next", "alice"])
    assert result.exit_code == 2
    assert "PRESENTITY" in result.output


MANNED = """
- id: follow-the-desk
  when:
    {op: get, feature: CallForwardingAlways, group.desk.DoNotDisturb.off: 0, time: {ge: "12:00"}}
  then: {status: 1, values: {forwardTo: "sip:night@example.com"}}
"""


def test_what_is_shown_by_counts_is_told_of_those_that_are_given(tmp_path: Path) -> None:
    """Without them, it is said that they are not known: no line would be a wrong answer."""
    (tmp_path / "p.yaml").write_text(source(MANNED).text)
    (tmp_path / "users.csv").write_text("user,domain,groups\nbob,example.com,desk\n")
    unknown = run(str(tmp_path))
    assert unknown.stderr == (
        "what is shown depends on `group.desk.DoNotDisturb.off`, not known here: use --stored\n"
        "nothing changes within 48 hours\n"
    )
    stored = tmp_path / "stored.txt"
    for given, is_shown in (("off: 0", True), ("on: 1", True), ("off: 1", False)):
        stored.write_text(f"group.desk.DoNotDisturb.{given}\n")
        result = run(str(tmp_path), "--stored", str(stored))
        assert ("p/follow-the-desk" in result.stdout, "depends" in result.stderr) == (
            is_shown,
            False,
        )


def test_what_only_a_phone_tells_is_named(tmp_path: Path) -> None:
    """Of a phone that says nothing of itself, nobody can tell what it is shown."""
    (tmp_path / "p.yaml").write_text(
        source("- {id: r, when: {op: get, userAgent: {has: Poly}}, then: {status: 1}}").text
    )
    assert run(str(tmp_path)).stderr.startswith(
        "what is shown depends on `userAgent`, which only a request knows\n"
    )
