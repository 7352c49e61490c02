"""The group of all commands."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dfks_rules import __version__
from dfks_rules.cli.main import COMMANDS, _lines, dfks, main
from dfks_rules.mi.errors import CallError

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


@pytest.mark.parametrize("name", [*COMMANDS])
def test_every_command_can_be_imported_and_helps(name: str) -> None:
    """A wrong line in the table would show only when it is used."""
    result = CliRunner().invoke(dfks, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def _commands_of(group: click.Command) -> list[click.Command]:
    if not isinstance(group, click.Group):
        return []
    context = click.Context(group)
    found = [group.get_command(context, name) for name in group.list_commands(context)]
    return [command for command in found if command is not None]


@pytest.mark.parametrize("name", [*COMMANDS])
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    """A command that nobody can find does not exist."""
    page = _PAGE.read_text()
    command = dfks.get_command(click.Context(dfks), name)
    assert command is not None
    inner = _commands_of(command)
    for part in inner:
        assert f"dfks {name} {part.name}" in page
    assert f"dfks {name}" in page
    for option in (param for part in (command, *inner) for param in part.params):
        if isinstance(option, click.Option):
            assert any(f"`{text}" in page or f" {text}" in page for text in option.opts)


def test_version_is_told() -> None:
    """The first thing a bug report needs."""
    assert __version__ in CliRunner().invoke(dfks, ["--version"]).output


def test_unknown_command_is_a_usage_error() -> None:
    """Exit code 2, as shells expect."""
    assert CliRunner().invoke(dfks, ["nonsense"]).exit_code == 2


def test_errors_go_to_stderr_and_set_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One line without a traceback."""
    monkeypatch.setattr("sys.argv", ["dfks", "config", "check", str(tmp_path / "none.yaml")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 3
    assert capsys.readouterr().err == (
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory [config_unreadable]\n"
    )


def test_errors_do_not_reach_the_terminal_as_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They quote what files and servers hold."""

    def fail() -> None:
        raise CallError(500, "no\x1b[31m", {"findings": ["a\x9b31m", "b"], "k\x1b": "v\udcff"})

    monkeypatch.setattr("dfks_rules.cli.main.dfks", fail)
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4
    assert all(map(str.isprintable, told))


def test_details_of_a_failed_call_stand_in_lines() -> None:
    """Findings are read by people, who do not read Python."""
    data = {"findings": ["a:1:1: no", "b"], "more": 2, "rule": "p/r"}
    assert list(_lines(CallError(500, "Invalid policies", data))) == [
        "dfks: 500 Invalid policies",
        "  a:1:1: no",
        "  b",
        "  more: 2",
        "  rule: p/r",
    ]
    assert list(_lines(CallError(404, "Not found", "x"))) == ["dfks: 404 Not found: x"]


def test_code_that_is_not_what_was_compiled_is_told_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clone that was updated, and not built; the command runs all the same."""
    monkeypatch.setattr("dfks_rules.cli.main.advice", lambda: "run `make -B setup`")
    monkeypatch.setattr("sys.argv", ["dfks", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr()
    assert end.value.code == 0
    assert told.err == "dfks: run `make -B setup`\n"
    assert __version__ in told.out
