"""The certificates of a running server, and how they are replaced.

A change of files and SIGHUP read them again. New connections are shown what is there then; those
that are open keep what they have. Files that cannot be used change nothing.
"""

import asyncio
import contextlib
import time
from pathlib import Path

import structlog

from dfks_rules.app.desk.watching import at_rest, changes
from dfks_rules.config.settings import ReloadSettings
from dfks_rules.errors import ConfigError
from dfks_rules.transport.certificates import CertificateFiles, Certificates, find_invalid

_Contents = tuple[bytes | None, ...]
"""What is in the files; None for one that cannot be read, or may have no end."""

_log = structlog.get_logger("dfks.tls")


class CertificateReloader:
    """Holds the certificates of a server; does nothing for one without TLS."""

    def __init__(self, files: CertificateFiles | None, settings: ReloadSettings) -> None:
        """Read the files.

        Raises:
            ConfigError: they cannot be used.
        """
        self._settings = settings
        self._paths = files.paths if files is not None else ()
        self._seen = _read(self._paths)
        self.certificates = None if files is None else Certificates(files)
        """What transports show; it stays the same object."""
        self.counts = {"reloads": 0, "reload_failures": 0}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._warn()

    def watch(self) -> None:
        """Reload from now on when files change, if the settings say so."""
        if self._settings.watch and self._paths:
            self._keep(asyncio.create_task(self._watch()))

    def reload_soon(self, trigger: str) -> "asyncio.Task[None]":
        """Reload without waiting for it; the log says what came of it. Gives what does it."""
        task = asyncio.create_task(self.reload(trigger))
        self._keep(task)
        return task

    async def reload(self, trigger: str) -> None:
        """Read the files again, if there is TLS."""
        if self.certificates is None:
            return
        async with self._turn:
            self._seen = await asyncio.to_thread(_read, self._paths)
            try:
                await asyncio.to_thread(self.certificates.read)
            except ConfigError as error:
                self.counts["reload_failures"] += 1
                findings = [str(finding) for finding in error.findings]
                _log.error("tls_reload_failed", trigger=trigger, findings=findings)
                return
            self.counts["reloads"] += 1
            _log.info("tls_reloaded", trigger=trigger)
            self._warn()

    async def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _warn(self) -> None:
        if self.certificates is None:
            return
        # Served all the same: most phones are set up to accept any certificate.
        for finding in find_invalid(self.certificates, time.time()):
            _log.warning("tls_certificate_invalid", file=finding.file, reason=finding.message)

    async def _watch(self) -> None:
        async with contextlib.aclosing(changes(self._paths, poll=self._settings.poll)) as looks:
            async for _ in looks:
                if await self._has_changed():
                    await self.reload("change")

    async def _has_changed(self) -> bool:
        async def read() -> _Contents:
            return await asyncio.to_thread(_read, self._paths)

        if await read() == self._seen:
            return False
        # A key is written after its certificate: in between, the two do not belong together.
        return await at_rest(read, tuple.__eq__) != self._seen

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read(paths: tuple[Path, ...]) -> _Contents:
    return tuple(map(_content, paths))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None
