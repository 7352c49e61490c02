"""`dfks bridge`, as far as it needs no switch; the rest is in tests/e2e/test_bridge_asterisk.py."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import ConfigError


@pytest.mark.parametrize("kind", ["asterisk", "fusionpbx"])
def test_bridge_without_its_switch_says_what_is_missing(tmp_path: Path, kind: str) -> None:
    """Before anything is opened."""
    (tmp_path / "bridge.yaml").write_text("domain: example.com\n")
    command = ["bridge", kind, "--config", str(tmp_path / "bridge.yaml")]
    with pytest.raises(ConfigError, match=f"{kind}: is not set"):
        CliRunner().invoke(dfks, command, catch_exceptions=False)
    assert [file.name for file in tmp_path.iterdir()] == ["bridge.yaml"]


def test_help_says_what_it_does() -> None:
    """Each kind of switch is a command."""
    told = CliRunner().invoke(dfks, ["bridge", "--help"]).output
    assert "asterisk" in told
    assert "fusionpbx" in told
    assert "SIGUSR1" in told
