"""Who may authenticate now: the users file, read again on SIGHUP."""

import asyncio
from pathlib import Path

import structlog

from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.config.users import Users, read_users
from dfks_rules.errors import ConfigError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.account import Account

_log = structlog.get_logger()
_TOLD = 5
"""Most findings in a log line."""


class UsersFile:
    """The accounts of a file; what was read last without mistakes holds."""

    def __init__(self, path: Path, auth: AuthSettings) -> None:
        """Read it.

        Raises:
            ConfigError: it cannot be used.
        """
        self._path = path
        self._auth = auth
        self.reading: asyncio.Task[None] | None = None
        """The last time that it was read again; None before."""
        self._again = False
        self._accounts: dict[Aor, Account] = {}
        self._take(read_users(path, auth))

    def find(self, aor: Aor) -> Account | None:
        """The account of a user; None when there is none."""
        return self._accounts.get(aor)

    def _take(self, users: Users) -> None:
        self._accounts = users.accounts
        _log.info("users_read", file=str(self._path), users=len(users.accounts))
        for warning in users.warnings:
            _log.warning("users_warning", file=str(self._path), warning=warning.message)

    def reload_soon(self) -> "asyncio.Task[None]":
        """Read the file again, beside the server's work; what does it."""
        self._again = True
        if self.reading is None or self.reading.done():
            self.reading = asyncio.get_running_loop().create_task(self._reload())
        return self.reading

    async def _reload(self) -> None:
        while self._again:
            self._again = False
            try:
                self._take(await asyncio.to_thread(read_users, self._path, self._auth))
            except ConfigError as error:
                findings = [str(one) for one in error.findings]
                more = max(0, len(findings) - _TOLD)
                _log.error(
                    "users_reload_failed",
                    file=str(self._path),
                    findings=findings[:_TOLD],
                    more=more,
                )
            except Exception:  # noqa: BLE001 - it is our bug; the old users go on
                _log.exception("users_reload_broken", file=str(self._path))


def users_of(auth: AuthSettings) -> UsersFile | None:
    """The users that the settings need; None where phones do not authenticate by passwords.

    Raises:
        ConfigError: the file cannot be used.
    """
    if auth.mode is not AuthMode.DIGEST or auth.users is None:
        return None
    return UsersFile(auth.users, auth)
