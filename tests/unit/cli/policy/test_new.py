"""`dfks policy new`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks

ANSWERS = "deny\nDoNotDisturb\nalice\nnot Mon-Fri 08:00-18:00 Europe/Berlin\nNot at night\n"
OPTIONS = {
    "what": "follow",
    "feature": "DoNotDisturb",
    "whom": "group:sales",
    "when": "always",
    "then": "CallForwardingAlways off",
}


def run(*arguments: object, answers: str = "", command: str = "new") -> Result:
    """Run the command."""
    return CliRunner().invoke(dfks, ["policy", command, *map(str, arguments)], input=answers)


def options(**changes: str) -> list[str]:
    """Options that answer all questions."""
    return [f"--{name}={value}" for name, value in {**OPTIONS, **changes}.items()]


def test_five_answers_make_a_policy_with_cases_that_pass(tmp_path: Path) -> None:
    """Also for whom, and when, it does nothing."""
    folder = tmp_path / "policies"
    result = run(folder, answers=ANSWERS)
    assert result.exit_code == 0, result.output
    assert result.output.count("> ") == 5
    assert f"{folder}/deny-do-not-disturb-cases.yaml: 4 cases written" in result.output
    assert (folder / "deny-do-not-disturb.yaml").read_text(encoding="utf-8") == (
        "apiVersion: dfks/v1\n"
        "kind: Policy\n"
        "metadata: {name: deny-do-not-disturb}\n"
        "schedules:\n"
        "  hours: {tz: Europe/Berlin, weekly: [Mon-Fri 08:00-18:00]}\n"
        "rules:\n"
        "  - id: deny\n"
        "    when: {op: set, feature: DoNotDisturb, request.status: 1, user: alice,"
        " time: {outside: hours}}\n"
        "    then: {deny: {reason: not-allowed, text: Not at night}}\n"
    )
    tested = run(folder, "--coverage-threshold=100", "--conditions", command="test")
    assert (tested.exit_code, tested.output.splitlines()[-1]) == (0, "4 cases: 4 passed, 0 failed")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"what": "answer", "then": "on"},
        {"what": "answer", "feature": "CallForwardingBusy", "then": "on sip:a@b.example"},
        {"what": "expire", "then": "2h"},
        {"what": "expire", "whom": "everybody", "then": "until 18:00"},
        {"what": "deny", "when": "Sat,Sun 00:00-24:00", "then": "No"},
    ],
)
def test_answers_by_options_ask_nothing(tmp_path: Path, changes: dict[str, str]) -> None:
    """For programs; the cases pass."""
    result = run(tmp_path, *options(**changes), "--name", "mine")
    assert (result.exit_code, "> " in result.output) == (0, False), result.output
    tested = run(tmp_path, "--coverage-threshold=100", command="test")
    assert tested.exit_code == 0, tested.output
    assert run(tmp_path, command="check").exit_code == 0


def test_a_wrong_answer_is_asked_for_again_and_a_wrong_option_refused(tmp_path: Path) -> None:
    """Whoever types gets another try."""
    again = run(tmp_path, answers="forbid\n" + ANSWERS)
    assert again.exit_code == 0
    assert "`forbid` is not one of deny, answer, follow, expire" in again.output
    refused = run(tmp_path, *options(whom="a b"))
    assert (refused.exit_code, "--whom: `a b` is none of these" in refused.output) == (2, True)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Not even the cases alone."""
    (tmp_path / "follow-do-not-disturb-cases.yaml").write_text("mine")
    result = run(tmp_path, *options())
    assert (result.exit_code, "choose another name with --name" in result.output) == (2, True)
    assert not (tmp_path / "follow-do-not-disturb.yaml").exists()


@pytest.mark.parametrize("answers", ["deny\n", "deny\nDoNotDistrub\n"])
def test_input_that_ends_too_early_is_told_with_the_question(tmp_path: Path, answers: str) -> None:
    """A script that gives too few answers is mended by that, not by "Aborted!"."""
    result = run(tmp_path / "policies", answers=answers)
    assert result.exit_code == 2
    message = "Error: Which feature? The input ended without an answer; --feature takes one, too\n"
    assert result.stderr.endswith(message)
    assert not (tmp_path / "policies").exists()


@pytest.mark.parametrize("name", ["my policy", "Mine", "../mine", ""])
def test_a_name_that_no_policy_can_have_is_refused_as_an_option(tmp_path: Path, name: str) -> None:
    """Before any question, and not as a fault of a file that was never written."""
    result = run(tmp_path / "policies", f"--name={name}")
    assert result.exit_code == 2
    assert f"Error: --name: `{name}` is not a name of at most 63" in result.output
    assert "What should" not in result.output


def test_questions_are_asked_once(tmp_path: Path) -> None:
    """A wrong answer is followed by its error, and not by the forms again."""
    result = run(tmp_path, answers="forbid\nstop\n" + ANSWERS)
    assert (result.exit_code, result.output.count("What should the policy do?")) == (0, 1)
