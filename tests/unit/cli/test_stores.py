"""Which store a command is about."""

from pathlib import Path

import pytest

from dfks_rules.cli.stores import store_of
from dfks_rules.errors import ConfigError, StoreError


def test_the_settings_name_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are named, else those in the folder, else the default."""
    monkeypatch.chdir(tmp_path)
    assert store_of(None) == Path("var/dfks.db")
    file = tmp_path / "dfks.yaml"
    file.write_text("store: 'sqlite:a.db'\n")
    assert store_of(None) == Path("a.db")
    assert store_of(file) == tmp_path / "a.db"
    monkeypatch.setenv("DFKS_STORE", "sqlite:/b.db")
    assert store_of(file) == Path("/b.db")


def test_states_in_memory_have_no_file(tmp_path: Path) -> None:
    """And no history."""
    file = tmp_path / "dfks.yaml"
    file.write_text("store: 'memory:'\n")
    with pytest.raises(StoreError) as raised:
        store_of(file)
    assert raised.value.code == "store_in_memory"


def test_settings_that_are_gone_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not another store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dfks.yaml").symlink_to("nowhere")
    with pytest.raises(ConfigError):
        store_of(None)
