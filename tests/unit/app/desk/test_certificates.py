"""The certificates of a running server."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.desk.certificates import CertificateReloader
from dfks_rules.config.settings import ReloadSettings
from dfks_rules.errors import ConfigError
from dfks_rules.transport.certificates import CertificateFiles
from tests.helpers.certificates import authority

WITHIN = 8.0
"""Seconds; less than the time after which files are looked at anyway."""


def _settings(*, watch: bool) -> ReloadSettings:
    return ReloadSettings(watch=watch, poll=False, keep=0, last_good=Path("unused"))


@contextlib.asynccontextmanager
async def _reloader(
    files: CertificateFiles | None, *, watch: bool = False
) -> AsyncIterator[CertificateReloader]:
    one = CertificateReloader(files, _settings(watch=watch))
    try:
        one.watch()
        yield one
    finally:
        await one.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not holds():  # noqa: ASYNC110 - what is waited for is a file that is read
            await asyncio.sleep(0.01)


def _names(one: CertificateReloader) -> list[set[str]]:
    assert one.certificates is not None
    return [set(shown.names) for shown in one.certificates.shown]


async def test_change_of_the_files_is_enough(tmp_path: Path) -> None:
    """A renewal need not know of the server."""
    chain = authority().files(tmp_path, "old.example")
    async with _reloader(CertificateFiles((chain,), None), watch=True) as one:
        shown = one.certificates
        authority().files(tmp_path, "new.example")
        await _until(lambda: _names(one) == [{"new.example"}])
        assert one.certificates is shown, "transports hold it"
        assert one.counts["reloads"] >= 1


async def test_broken_files_are_told_and_the_old_ones_go_on(tmp_path: Path) -> None:
    """And are taken once they are mended."""
    chain = authority().files(tmp_path, "old.example")
    async with _reloader(CertificateFiles((chain,), None), watch=True) as one:
        with capture_logs() as lines:
            chain[1].write_text("nothing")
            await _until(lambda: one.counts["reload_failures"] > 0)
        assert _names(one) == [{"old.example"}]
        (failed,) = [line for line in lines if line["event"] == "tls_reload_failed"][:1]
        assert (failed["log_level"], failed["trigger"]) == ("error", "change")
        assert failed["findings"] == [
            f"{chain[1]}: contains no PEM private key [config_bad_certificate]"
        ]
        authority().files(tmp_path, "new.example")
        await _until(lambda: _names(one) == [{"new.example"}])


async def test_file_that_goes_while_it_is_read_is_told_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal may delete and write; the next look must find us still looking."""
    chain = authority().files(tmp_path, "old.example")
    async with _reloader(CertificateFiles((chain,), None)) as one:
        with monkeypatch.context() as patch:
            patch.setattr("dfks_rules.transport.certificates._check_readable", lambda _: None)
            chain[1].unlink()
            await one.reload("signal")
            chain[0].unlink()
            await one.reload("signal")
        assert one.counts == {"reloads": 0, "reload_failures": 2}
        assert _names(one) == [{"old.example"}]
        authority().files(tmp_path, "new.example")
        await one.reload("signal")
        assert _names(one) == [{"new.example"}]


async def test_signal_reloads_where_files_are_not_watched(tmp_path: Path) -> None:
    """SIGHUP, as for policies."""
    chain = authority().files(tmp_path, "old.example")
    async with _reloader(CertificateFiles((chain,), None)) as one:
        authority().files(tmp_path, "new.example")
        with capture_logs() as lines:
            one.reload_soon("signal")
            await _until(lambda: one.counts["reloads"] == 1)
        assert _names(one) == [{"new.example"}]
        assert lines[0] == {"event": "tls_reloaded", "log_level": "info", "trigger": "signal"}


async def test_server_without_tls_has_nothing_to_reload() -> None:
    """SIGHUP is for the policies, then."""
    async with _reloader(None, watch=True) as one:
        await one.reload("signal")
        assert one.certificates is None
        assert set(one.counts.values()) == {0}


async def test_start_with_files_that_cannot_be_used_fails(tmp_path: Path) -> None:
    """Before anything listens."""
    missing = ((tmp_path / "a.pem", tmp_path / "a.key"),)
    with pytest.raises(ConfigError, match="cannot be read"):
        CertificateReloader(CertificateFiles(missing, None), _settings(watch=False))


async def test_start_with_a_pipe_does_not_wait_for_who_writes_into_it(tmp_path: Path) -> None:
    """Nobody does."""
    pipe = tmp_path / "a.pem"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="not a regular file"):
        CertificateReloader(CertificateFiles(((pipe, pipe),), None), _settings(watch=False))


@pytest.mark.parametrize("days", [-1, 13, 15])
async def test_certificate_that_ends_soon_is_a_warning(tmp_path: Path, days: int) -> None:
    """Also one that has expired: it is served, since most phones do not look."""
    now = datetime.now(UTC)  # noqa: TID251 - it is about today
    ends = now + timedelta(days=days)
    chain = authority().files(tmp_path, "localhost", expires=ends)
    with capture_logs() as lines:
        async with _reloader(CertificateFiles((chain,), None)):
            pass
    told: list[dict[str, Any]] = [
        {
            "event": "tls_certificate_invalid",
            "log_level": "warning",
            "file": str(chain[0]),
            "reason": f"{'expired' if days < 0 else 'expires'} on {ends:%Y-%m-%d %H:%M} UTC",
        }
    ]
    assert lines == (told if days < 14 else [])
