"""All that is stored, read beside a running server."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Verdict
from dfks_rules.store import states
from dfks_rules.store.migrations import APPLICATION_ID
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.store.states import stored_states
from tests.helpers.wanted import commit, outcome, wanted

ON = FeatureState(status=True)
STORED = NOTHING_STORED.replace(FEATURES[0], ON)


async def _put(store: SqliteStore, presentity: Aor) -> None:
    assert await outcome(commit(store, wanted(presentity, NOTHING_STORED, STORED))) is (
        Verdict.STORED
    )


async def test_everything_is_read_while_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several pages, and commits in between: neither side waits for the other."""
    monkeypatch.setattr(states, "PAGE", 2)
    path = tmp_path / "features.db"
    store = SqliteStore(path, asyncio.get_running_loop())
    try:
        everyone = [Aor(f"u{number}", f"d{number % 2}.example") for number in range(5)]
        for presentity in everyone:
            await _put(store, presentity)
        reader = stored_states(path)
        first = next(reader)
        await _put(store, Aor("later", "z.example"))
        found = dict([first, *reader])
        assert list(found) == sorted(found, key=lambda aor: (aor.domain, aor.user))
        assert set(found) == {*everyone, Aor("later", "z.example")}
        assert set(found.values()) == {STORED}
    finally:
        store.close()


async def test_a_store_at_rest_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    """A copy or a backup may be swept too."""
    path = tmp_path / "features.db"
    store = SqliteStore(path, asyncio.get_running_loop())
    await _put(store, Aor("alice", "example.com"))
    store.close()
    content = path.read_bytes()
    assert dict(stored_states(path)) == {Aor("alice", "example.com"): STORED}
    assert path.read_bytes() == content


def test_no_file_is_made(tmp_path: Path) -> None:
    """A typing error must not leave an empty store behind."""
    with pytest.raises(StoreError) as raised:
        list(stored_states(tmp_path / "none.db"))
    assert raised.value.code == "store_unavailable"
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    """Its tables would be read as nonsense."""
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE presentity (x)")
    connection.close()
    with pytest.raises(StoreError) as raised:
        list(stored_states(path))
    assert raised.value.code == "store_not_a_database"


@pytest.mark.parametrize(
    ("version", "code"), [(1, "store_older_version"), (99, "store_newer_version")]
)
def test_a_file_of_another_version_is_refused(tmp_path: Path, version: int, code: str) -> None:
    """A reader does not migrate."""
    path = tmp_path / "features.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(StoreError) as raised:
        list(stored_states(path))
    assert raised.value.code == code


@pytest.mark.parametrize("change", ["feature = 'Nonsense'", "feature_values = '{\"Nonsense\": 1}'"])
async def test_a_feature_or_value_that_nobody_knows_is_told(tmp_path: Path, change: str) -> None:
    """Somebody edited the file by hand."""
    path = tmp_path / "features.db"
    store = SqliteStore(path, asyncio.get_running_loop())
    await _put(store, Aor("alice", "example.com"))
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE feature_state SET {change}")  # noqa: S608
    connection.commit()
    connection.close()
    with pytest.raises(StoreError) as raised:
        list(stored_states(path))
    assert "Nonsense" in raised.value.message


async def test_a_name_that_is_no_text_hides_no_deadline_of_others(tmp_path: Path) -> None:
    """Another program wrote it; nobody is called so, and whoever comes after it is told."""
    path = tmp_path / "features.db"
    store = SqliteStore(path, asyncio.get_running_loop())
    await _put(store, Aor("alice", "example.com"))
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE feature_state SET expires = 2, expires_by = 'p/r'")
    connection.execute(
        "INSERT INTO feature_state (user, domain, feature, status, feature_values, changed_at,"
        " expires, expires_by) SELECT CAST(x'ff41' AS TEXT), domain, feature, status,"
        " feature_values, changed_at, 1, expires_by FROM feature_state"
    )
    assert states.due(connection, 2, 10) == [
        Aor("\N{REPLACEMENT CHARACTER}A", "example.com"),
        Aor("alice", "example.com"),
    ]
    connection.close()
