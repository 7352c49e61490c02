"""The profiles of a running server."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.profiles import ProfilesFile
from dfks_rules.errors import ConfigError


async def _reloaded(profiles: ProfilesFile) -> list[str]:
    """The events of a reload."""
    with capture_logs() as logs:
        profiles.reload_soon()
        profiles.reload_soon()
        assert profiles.reading is not None
        await asyncio.wait_for(profiles.reading, 10)
    return [entry["event"] for entry in logs]


async def test_profiles_are_read_again(tmp_path: Path) -> None:
    """Whoever has them notices at the next message; of a broken file the old ones go on."""
    path = tmp_path / "p.yaml"
    path.write_text("profiles: [{name: a, match: [A]}]\n")
    profiles = ProfilesFile(path)
    held = profiles.profiles
    assert held.of("A").name == "a"
    path.write_text("profiles: [{name: b, match: [A]}]\n")
    assert await _reloaded(profiles) == ["profiles_read"]
    assert held.of("A").name == "b"
    path.write_text("profiles: [{name: c, math: [A]}]\n")
    assert await _reloaded(profiles) == ["profiles_reload_failed"]
    assert held.of("A").name == "b"


async def test_a_bug_of_ours_leaves_the_old_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And shows in the log."""
    path = tmp_path / "p.yaml"
    path.write_text("profiles: [{name: a, match: [A]}]\n")
    profiles = ProfilesFile(path)
    monkeypatch.setattr("dfks_rules.app.profiles.read_profiles", lambda path: 1 / 0)
    assert await _reloaded(profiles) == ["profiles_reload_broken"]
    assert profiles.profiles.of("A").name == "a"


def test_without_a_file_nothing_is_read_again() -> None:
    """What comes with the server does not change."""
    profiles = ProfilesFile(None)
    profiles.reload_soon()
    assert profiles.reading is None
    assert profiles.profiles.of("Yealink SIP-T46S").name == "yealink"


def test_a_broken_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    """Nobody is there who could be told later."""
    with pytest.raises(ConfigError):
        ProfilesFile(tmp_path / "none.yaml")
