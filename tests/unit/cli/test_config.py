"""`dfks config`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import ConfigError


def test_good_settings_are_said_to_be_good(tmp_path: Path) -> None:
    """A script reads the exit code, a person the word."""
    path = tmp_path / "dfks.yaml"
    path.write_text("store: 'memory:'\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert (result.exit_code, result.output) == (0, f"{path}: OK\n")


def test_bad_settings_are_an_error(tmp_path: Path) -> None:
    """`main` makes exit code 3 of it."""
    path = tmp_path / "dfks.yaml"
    path.write_text("stroe: x\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert isinstance(result.exception, ConfigError)


def test_show_tells_values_and_origins_but_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its output is pasted into tickets."""
    monkeypatch.setenv("DFKS_LOG__LEVEL", "debug")
    path = tmp_path / "dfks.yaml"
    path.write_text("mi: {http: {listen: 'localhost:1', secret: correct-horse}}\n")
    lines = CliRunner().invoke(dfks, ["config", "show", str(path)]).output.splitlines()
    assert "reload.watch = true  # default" in lines
    assert "log.level = debug  # DFKS_LOG__LEVEL" in lines
    assert "sip.listen = udp:127.0.0.1:5060, tcp:127.0.0.1:5060  # default" in lines
    assert f"mi.http.secret = ********  # {path}:1:44" in lines
