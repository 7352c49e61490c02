"""Which store a command is about."""

from pathlib import Path

import pytest

from dfks_rules.cli.stores import journal_of, store_of
from dfks_rules.config import load_config
from dfks_rules.errors import ConfigError, StoreError
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.stored import ALICE, DND, ON, press_all


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


def test_a_database_is_no_file(tmp_path: Path) -> None:
    """Its own tools check it and back it up."""
    file = tmp_path / "dfks.yaml"
    file.write_text("store: 'postgresql://dfks@db/dfks'\n")
    with pytest.raises(StoreError) as raised:
        store_of(file)
    assert raised.value.code == "store_shared"


async def test_the_journal_of_a_file_is_read_where_it_is(tmp_path: Path) -> None:
    """No server need run."""
    file = tmp_path / "dfks.yaml"
    file.write_text("store: 'sqlite:dfks.db'\n")
    await press_all(tmp_path / "dfks.db", [(ALICE, DND, ON)])
    async with journal_of(load_config(file, {})) as journal:
        assert await journal.newest() == 1


@needs_postgres
async def test_the_journal_of_nodes_is_asked_of_their_database(
    tmp_path: Path, database: Database
) -> None:
    """One that has no tables is refused."""
    file = tmp_path / "dfks.yaml"
    file.write_text(f"store: '{database.url}'\n")
    async with journal_of(load_config(file, {})) as journal:
        assert await journal.newest() == 0
    database.run("DROP SCHEMA dfks CASCADE")
    with pytest.raises(StoreError) as raised:
        async with journal_of(load_config(file, {})):
            pass
    assert raised.value.code == "store_older_version"
