"""What `dfks policy diff` says of a proof."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.policy.diff import command
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.policy import source

_STORED = "- {id: stored, when: {op: set}, then: {status: request}}"


def _diff(folder: Path, old: str, new: str, *arguments: str) -> Result:
    paths = [folder / "old.yaml", folder / "new.yaml"]
    for path, rules in zip(paths, (old, new), strict=True):
        path.write_text(source(rules).text)
    return CliRunner().invoke(command, [*map(str, paths), *arguments, "--zone", "UTC"])


def test_sets_that_mean_the_same_are_proved_equivalent(tmp_path: Path) -> None:
    """Exit code 0 says so."""
    result = _diff(tmp_path, _STORED, _STORED.replace("op: set", "not: {op: [get, subscribe]}"))
    assert result.exit_code == 0
    assert result.output.startswith("proved equivalent: every request is decided alike (")


def test_what_depends_on_the_time_tells_its_horizon(tmp_path: Path) -> None:
    """A proof is about some years, and about one zone."""
    halves = """
        - {id: am, when: {op: set, time: {lt: "12:00"}}, then: {status: request}}
        - {id: pm, when: {op: set, time: {ge: "12:00"}}, then: {status: request}}
    """
    result = _diff(tmp_path, _STORED, halves)
    assert result.exit_code == 0
    assert "server in UTC; " in result.output


def test_json_has_the_same(tmp_path: Path) -> None:
    """For programs."""
    other = _STORED.replace("status: request", "notify: false")
    result = _diff(tmp_path, _STORED, other, "--format", "json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["proved"], told["undecided"], told["horizon"]) == (False, [], None)
    assert told["different"] == len(told["groups"]) == 5
    assert told["groups"][0]["changed"] == ["notify"]


def test_features_that_differ_alike_are_told_once(tmp_path: Path) -> None:
    """Programs are told of each."""
    result = _diff(tmp_path, _STORED, _STORED.replace("status: request", "notify: false"))
    first, given = result.output.splitlines()[:2]
    assert first.startswith(
        "set DoNotDisturb, CallForwardingAlways, CallForwardingBusy, CallForwardingNoAnswer, "
    )
    assert given.startswith("  given: {op: set, feature: DoNotDisturb, ")
    assert result.output.count("given:") == 1


def test_denials_that_differ_in_their_text_show_it(tmp_path: Path) -> None:
    """Else both sides would look the same."""
    rule = "- {{id: no, when: {{op: set}}, then: {{deny: {{reason: closed{}}}}}}}"
    result = _diff(tmp_path, rule.format(""), rule.format(', text: "We are moving"'))
    assert result.exit_code == 1
    assert (
        "was deny closed without text (p/no), "
        'becomes deny closed text="We are moving" (p/no)' in result.output
    )
    answer = rule.format(", answer: reject-403")
    assert "becomes deny closed answer=reject-403 (p/no)" in (
        _diff(tmp_path, rule.format(""), answer).output
    )


def test_what_is_not_decided_has_an_exit_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither equal nor different."""

    def opaque(_needs: Needs, _condition: object) -> None:
        raise Undecided("nobody can read this")

    monkeypatch.setattr(Needs, "condition", opaque)
    other = _STORED.replace("op: set", "op: set, feature: DoNotDisturb")
    result = _diff(tmp_path, _STORED, other)
    assert result.exit_code == 6
    assert "not decided for set CallForwardingBusy: nobody can read this" in result.output
    assert "proved: all gets, permission to subscribe are decided as before" in result.output


def test_what_changed_files_change_is_told_below_them(tmp_path: Path) -> None:
    """With a request, or that it is nothing."""
    rules = "- {id: no, when: {op: set, feature: DoNotDisturb, role: guest}, then: {deny: closed}}"
    texts = {"old": "bob,a.example,\n", "new": "bob,a.example,guest\n"}
    for side, text in texts.items():
        (tmp_path / side).mkdir()
        (tmp_path / side / "p.yaml").write_text(source(rules).text)
        (tmp_path / side / "users.csv").write_text(f"user,domain,role\n{text}")
        (tmp_path / side / "some.csv").write_text(f"entry\n{side}\n")
    arguments = [str(tmp_path / side) for side in texts]
    result = CliRunner().invoke(command, [*arguments, "--zone", "UTC"])
    assert result.exit_code == 1
    assert result.output.splitlines()[:7] == [
        "changed: `users.csv`",
        "  `bob@a.example`: role `guest`, was none",
        "  set DoNotDisturb: was allow status=0, becomes deny closed (p/no)",
        "    given: {op: set, feature: DoNotDisturb, user: bob, domain: a.example, "
        "request.status: 0}",
        "changed: `some.csv`",
        "  1 entry came: `new`",
        "  1 entry went: `old`",
    ]
    assert "  proved: the change changes no decision\nproved: all gets" in result.output
    assert "all other sets" in result.output


def test_only_one_way_of_comparing_can_be_asked_for(tmp_path: Path) -> None:
    """They answer different questions."""
    arguments = ("--search", "--sweep", f"sqlite:{tmp_path / 'x'}")
    assert _diff(tmp_path, _STORED, _STORED, *arguments).exit_code == 2
