"""The page about proofs: its example comes out as it says."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.policy.prove import command
from dfks_rules.policy.studying.usual import usual
from tests.helpers.published import ROOT

_PAGE = (ROOT / "docs/reference/proofs.md").read_text(encoding="utf-8")


def test_the_example_comes_out_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers copy it; it is about the example `toll-fraud`."""
    (block,) = re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)
    (shown,) = re.findall(r"```\n\$ dfks policy prove policies\n(.*?)```", _PAGE, re.DOTALL)
    folder = tmp_path / "policies"
    folder.mkdir()
    for file in (ROOT / "policies/examples/toll-fraud").iterdir():
        (folder / file.name).write_text(file.read_text("utf-8"))
    (folder / "proofs.yaml").write_text(block)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["policies", "--zone", "UTC"], catch_exceptions=False)
    assert result.output == shown
    assert result.exit_code == 5


def test_the_page_names_all_ready_made_properties() -> None:
    """In their order."""
    below = _PAGE[_PAGE.index("## Ready-made properties") : _PAGE.index("## What a proof is about")]
    rows = re.findall(r"^\| ([^|]+) \|", below, re.MULTILINE)
    assert rows[1:] == [one.name for one in usual()]
