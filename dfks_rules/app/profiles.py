"""How phones are treated now: the profiles file, read again on SIGHUP."""

import asyncio
from pathlib import Path

import structlog

from dfks_rules.config.profiles import ReadProfiles, read_profiles
from dfks_rules.errors import ConfigError
from dfks_rules.presence.profile import Profiles

_log = structlog.get_logger()
_TOLD = 5
"""Most findings in a log line."""


class ProfilesFile:
    """The profiles of a file; what was read last without mistakes holds."""

    def __init__(self, path: Path | None) -> None:
        """Read it.

        Args:
            path: the operator's file; None for the profiles that come with the server.

        Raises:
            ConfigError: it cannot be used.
        """
        self._path = path
        self.profiles = Profiles()
        """The profiles that hold; the same object after each reload."""
        self.reading: asyncio.Task[None] | None = None
        """The last time that it was read again; None before."""
        self._again = False
        self._take(read_profiles(path))

    def _take(self, read: ReadProfiles) -> None:
        self.profiles.use(read.rows, read.default)
        if self._path is not None:
            _log.info("profiles_read", file=str(self._path), profiles=len(read.rows))

    def reload_soon(self) -> "asyncio.Task[None] | None":
        """Read the file again, beside the server's work; what does it, if there is a file."""
        if self._path is None:
            return None
        self._again = True
        if self.reading is None or self.reading.done():
            self.reading = asyncio.get_running_loop().create_task(self._reload(self._path))
        return self.reading

    async def _reload(self, path: Path) -> None:
        while self._again:
            self._again = False
            try:
                self._take(await asyncio.to_thread(read_profiles, path))
            except ConfigError as error:
                findings = [str(one) for one in error.findings]
                more = max(0, len(findings) - _TOLD)
                _log.error(
                    "profiles_reload_failed", file=str(path), findings=findings[:_TOLD], more=more
                )
            except Exception:  # noqa: BLE001 - it is our bug; the old profiles go on
                _log.exception("profiles_reload_broken", file=str(path))
