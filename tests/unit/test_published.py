"""What other repositories and editors take from us."""

from pathlib import Path

import click
import pytest
import yaml

from dfks_rules.cli.main import dfks
from tests.helpers.published import ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
SHIPPED = sorted(
    path
    for path in (
        *ROOT.glob("*.yaml"),
        *(ROOT / "policies").rglob("*.y*ml"),
        *(ROOT / "dfks_rules").rglob("*.y*ml"),
    )
    if not path.name.startswith(".")
)


def command_of(words: list[str]) -> click.Command | None:
    """The command that a shell would run."""
    command: click.Command | None = dfks
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
        if command is None:
            break
    return command


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_run_commands_that_exist(hook: dict[str, str]) -> None:
    """A hook that fails by itself is taken out, with all the others."""
    name, *words = hook["entry"].split()
    assert name == "dfks"
    assert command_of(words) is not None
    assert hook["language"] == "python"
    assert "files" in hook


def test_all_hooks_are_there() -> None:
    """The how-to names them."""
    page = (ROOT / "docs/howto/policy-repository.md").read_text("utf-8")
    for hook in HOOKS:
        assert f"id: {hook['id']}" in page


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_shipped_yaml_file_names_a_published_schema(path: Path) -> None:
    """So that an editor completes and explains it from the first moment."""
    first = path.read_text("utf-8").splitlines()[0]
    mark = "# yaml-language-server: $schema="
    assert first.startswith(mark)
    schema = (path.parent / first.removeprefix(mark)).resolve()
    assert schema.parent == ROOT / "schemas"
    assert schema.is_file()
