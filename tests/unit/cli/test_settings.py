"""Which settings a command goes by."""

from pathlib import Path

import pytest

from dfks_rules.cli.settings import DEFAULT, config_of, settings_file
from dfks_rules.errors import ConfigError


def test_the_file_that_is_named_counts_else_that_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the defaults."""
    monkeypatch.chdir(tmp_path)
    assert settings_file(None) is None
    assert config_of(None).store == Path("var/dfks.db")
    DEFAULT.write_text("store: 'sqlite:a.db'\n")
    assert settings_file(None) == DEFAULT
    assert config_of(None).store == Path("a.db")
    other = tmp_path / "other.yaml"
    other.write_text("store: 'memory:'\n")
    assert settings_file(other) == other
    assert config_of(other).store is None


def test_settings_that_are_gone_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that leads nowhere was meant to name some."""
    monkeypatch.chdir(tmp_path)
    DEFAULT.symlink_to("nowhere")
    with pytest.raises(ConfigError):
        config_of(None)
