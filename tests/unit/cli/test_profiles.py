"""`dfks profiles`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import ConfigError


def _match(user_agent: str, *more: str) -> list[str]:
    result = CliRunner().invoke(dfks, ["profiles", "match", user_agent, *more])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_who_writes_a_profile_sees_why_a_phone_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name, the pattern, where it stands, and what holds."""
    monkeypatch.chdir(tmp_path)
    assert _match("Yealink SIP-T46S 66.85.0.5") == [
        "yealink: it matches `Yealink *`  # comes with the server",
        "  echoes: ignored",
    ]
    assert _match("Acme") == ["default: no other profile matches  # comes with the server"]
    (tmp_path / "my.yaml").write_text(
        "profiles:\n  - {name: acme, match: [acme*], max_body: 900}\n"
    )
    (tmp_path / "dfks.yaml").write_text("profiles: my.yaml\n")
    assert _match("Acme") == ["acme: it matches `acme*`  # my.yaml:2", "  max_body: 900"]
    (tmp_path / "other.yaml").write_text("{}\n")
    assert _match("Acme", "--config", "other.yaml")[0].startswith("default")


def test_config_check_finds_mistakes_in_profiles(tmp_path: Path) -> None:
    """Exit code 3, as for the settings themselves."""
    path = tmp_path / "dfks.yaml"
    path.write_text("profiles: my.yaml\n")
    (tmp_path / "my.yaml").write_text("profiles: [{name: acme, extends: none}]\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert isinstance(result.exception, ConfigError)
    assert "my.yaml:1:34: unknown profile `none`" in str(result.exception)
