"""`dfks token`: who may use the HTTP API."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from dfks_rules.cli.settings import config_of, config_option
from dfks_rules.config.limits import seconds_of
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.web.caller import Scope
from dfks_rules.web.tokens import Entry, hash_of, new_token, read_tokens, write_tokens

_SCOPES = [scope.value for scope in Scope]


@click.group()
def command() -> None:
    """Make, list and revoke the tokens of the HTTP API."""


@command.command()
@click.argument("name")
@click.option("--scopes", required=True, help=f"Comma-separated: {', '.join(_SCOPES)}; or `all`.")
@click.option("--domains", default="", help="Comma-separated; default: all.")
@click.option("--expires", help="After this time: 90d, 12h.")
@config_option
def create(name: str, scopes: str, domains: str, expires: str | None, given: Path | None) -> None:
    """Make a token called NAME, and print it. It is shown only now.

    NAME stands in the journal as the one who changed something. A running server knows the token
    at once.
    """
    file = _file(given)
    entries = read_tokens(file) if file.exists() else []
    if any(entry.name == name for entry in entries):
        raise click.ClickException(f"{file}: there is already a token called `{name}`")
    now = datetime.now(UTC)  # noqa: TID251
    token = new_token(os.urandom(32))
    entry = Entry(
        _name(name),
        hash_of(token),
        _scopes(scopes),
        tuple(part.strip().lower() for part in domains.split(",") if part.strip()),
        now.isoformat(timespec="seconds"),
        "" if expires is None else _expiry(expires, now),
    )
    write_tokens(file, [*entries, entry])
    click.echo(token)


@command.command(name="list")
@config_option
def list_(given: Path | None) -> None:
    """Show the tokens: name, scopes, domains, expiry."""
    entries = read_tokens(_file(given))
    if not entries:
        click.echo("no tokens", err=True)
    for entry in entries:
        domains = ",".join(entry.domains) or "all domains"
        until = f"expires {entry.expires}" if entry.expires else "never expires"
        click.echo(f"{entry.name}  {','.join(entry.scopes)}  {domains}  {until}")


@command.command()
@click.argument("name")
@config_option
def revoke(name: str, given: Path | None) -> None:
    """Remove the token called NAME; a running server refuses it at once."""
    file = _file(given)
    entries = read_tokens(file)
    left = [entry for entry in entries if entry.name != name]
    if len(left) == len(entries):
        raise click.ClickException(f"{file}: there is no token called `{name}`")
    write_tokens(file, left)
    click.echo(f"revoked {name}")


def _file(given: Path | None) -> Path:
    """The file that the settings name."""
    http = config_of(given).http
    if http is None or http.tokens is None:
        message = "is not set: it names the file of tokens, e.g. `tokens.json`"
        raise ConfigError([Finding("http.tokens", 0, 0, "config_missing", message)])
    return http.tokens


def _name(text: str) -> str:
    if not text.isprintable() or not 1 <= len(text) <= 100:
        raise click.BadParameter("1 to 100 printable characters", param_hint="NAME")
    return text


def _scopes(text: str) -> tuple[str, ...]:
    if text == "all":
        return tuple(_SCOPES)
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [scope for scope in found if scope not in _SCOPES]
    if unknown or not found:
        what = f"`{unknown[0]}` is not a scope" if unknown else "no scope is given"
        known = ", ".join(_SCOPES)
        raise click.BadParameter(f"{what}; the scopes are {known}", param_hint="--scopes")
    return found


def _expiry(text: str, now: datetime) -> str:
    if not (text[:-1].isdecimal() and text[-1:] in ("s", "m", "h", "d") and len(text) < 8):
        message = f"`{text}` is not a time such as `90d` or `12h`"
        raise click.BadParameter(message, param_hint="--expires")
    return (now + timedelta(seconds=seconds_of(text))).isoformat(timespec="seconds")
