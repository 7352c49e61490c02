"""The users of a running server."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.users import UsersFile, users_of
from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.errors import ConfigError
from dfks_rules.model.identity import Aor
from dfks_rules.sip.digest import Algorithm

ALICE, BOB = Aor("alice", "d"), Aor("bob", "d")
_HEAD = "user,domain,password\n"


def _settings(path: Path | None, mode: AuthMode = AuthMode.DIGEST) -> AuthSettings:
    return AuthSettings(mode, "d", (Algorithm.MD5,), path, ())


async def _reloaded(users: UsersFile) -> list[str]:
    """The events of a reload."""
    with capture_logs() as logs:
        users.reload_soon()
        users.reload_soon()
        reading = users.reading
        assert reading is not None
        await reading
    return [entry["event"] for entry in logs]


async def test_users_are_read_again(tmp_path: Path) -> None:
    """Nobody else notices."""
    path = tmp_path / "u.csv"
    path.write_text(_HEAD + "alice,d,x\n")
    path.chmod(0o600)
    users = users_of(_settings(path))
    assert users is not None
    assert users.find(ALICE)
    path.write_text(_HEAD + "bob,d,y\n")
    assert await _reloaded(users) == ["users_read", "users_warning"]
    assert users.find(BOB)
    assert users.find(ALICE) is None


async def test_of_a_broken_file_the_old_users_go_on(tmp_path: Path) -> None:
    """And the log says what is wrong, without secrets."""
    path = tmp_path / "u.csv"
    path.write_text(_HEAD + "alice,d,x\n")
    users = UsersFile(path, _settings(path))
    path.write_text("\n".join([_HEAD, *["hunter2"] * 9]))
    with capture_logs() as logs:
        users.reload_soon()
        assert users.reading is not None
        await asyncio.wait_for(users.reading, 10)
    (entry,) = logs
    assert (entry["event"], entry["log_level"]) == ("users_reload_failed", "error")
    assert (len(entry["findings"]), entry["more"]) == (5, 4)
    assert "hunter2" not in str(entry)
    assert users.find(ALICE)
    path.unlink()
    assert await _reloaded(users) == ["users_reload_failed"]
    assert users.find(ALICE)


def test_a_start_needs_a_file_that_can_be_read(tmp_path: Path) -> None:
    """Only where phones authenticate by passwords."""
    with pytest.raises(ConfigError):
        users_of(_settings(tmp_path / "no.csv"))
    assert users_of(_settings(tmp_path / "no.csv", AuthMode.NONE)) is None
    assert users_of(_settings(None, AuthMode.TRUSTED)) is None
