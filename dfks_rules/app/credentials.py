"""The passwords with which this server's NOTIFYs authenticate: read once, at the start."""

from collections.abc import Mapping
from pathlib import Path

import structlog

from dfks_rules.config.credentials import read_credentials
from dfks_rules.sip.digest_client import Secret

_log = structlog.get_logger()


def secrets_of(path: Path | None) -> Mapping[bytes, Secret]:
    """The secrets in a file, by realm; none where there is no file.

    Raises:
        ConfigError: the file cannot be used.
    """
    if path is None:
        return {}
    secrets, warnings = read_credentials(path)
    _log.info("credentials_read", file=str(path), realms=len(secrets))
    for warning in warnings:
        _log.warning("credentials_warning", file=str(path), warning=warning.message)
    return secrets
