"""`dfks config`: check the settings, and show the effective ones."""

import os
import time
from pathlib import Path

import click

from dfks_rules.config import Config, load_config
from dfks_rules.config.auth import AuthMode
from dfks_rules.config.cluster import without_password
from dfks_rules.config.credentials import read_credentials
from dfks_rules.config.profiles import read_profiles
from dfks_rules.config.users import read_users
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.store.sharing import group_problem
from dfks_rules.transport.certificates import Certificates, find_invalid
from dfks_rules.web.tokens import read_tokens

_DEFAULT = Path("dfks.yaml")


@click.group()
def command() -> None:
    """Check the settings, and show the effective ones."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path), default=_DEFAULT)
def check(file: Path) -> None:
    """Check the settings in FILE (dfks.yaml) and the environment.

    The certificates, users, credentials, tokens and profiles that they name are checked, too. Exit
    code 3 if there is an error.
    """
    config = load_config(file)
    warnings = [_unreadable(path) for path in config.policies if not os.access(path, os.R_OK)]
    read_profiles(config.profiles)
    if config.sip.tls is not None:
        findings = find_invalid(Certificates(config.sip.tls), time.time())
        if invalid := [one for one in findings if one.severity == "error"]:
            raise ConfigError(invalid)
        warnings += findings
        if all(address.transport != "tls" for address in config.sip.listen):
            message = "`sip.tls` has no effect: `sip.listen` has no address like `tls:0.0.0.0:5061`"
            warnings.append(Finding(str(file), 0, 0, "config_bad_value", message, "warning"))
    warnings += _check_secrets(config)
    if config.store_group is not None and (problem := group_problem(config.store_group)):
        warnings.append(Finding(str(file), 0, 0, "config_bad_value", problem, "warning"))
    for warning in warnings:
        click.echo(str(warning), err=True)
    click.echo(f"{file}: OK")


@command.command()
@click.argument("file", type=click.Path(path_type=Path), default=_DEFAULT)
def show(file: Path) -> None:
    """Show the effective value of each setting, and where it came from."""
    for key, value, origin in load_config(file).settings:
        shown = "********" if key.endswith(".secret") or key == "trace.key" else value
        if key == "store":
            shown = without_password(str(value))
        text = ", ".join(map(_written, shown)) if isinstance(shown, list) else _written(shown)
        click.echo(f"{key} = {text}  # {origin}")


def _check_secrets(config: Config) -> list[Finding]:
    """Warnings about the files of who may what.

    Raises:
        ConfigError: one cannot be used
    """
    warnings: list[Finding] = []
    auth = config.auth
    if auth.mode is AuthMode.DIGEST and auth.users is not None:
        warnings += read_users(auth.users, auth).warnings
    if config.sip.credentials is not None:
        warnings += read_credentials(config.sip.credentials).warnings
    if config.http is not None and config.http.tokens is not None:
        read_tokens(config.http.tokens)
    return warnings


def _unreadable(path: Path) -> Finding:
    """That policies are missing: a warning, since the server may have last good ones."""
    message = "cannot be read; the server starts only if it has kept the last good policies"
    return Finding(str(path), 0, 0, "policy_unreadable", message, "warning")


def _written(value: object) -> str:
    """A value as the file would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
