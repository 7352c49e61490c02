"""`dfks auth`: the users who may authenticate."""

from pathlib import Path

import click

from dfks_rules.cli.passwords import read_password
from dfks_rules.cli.settings import config_of
from dfks_rules.config.users import put_user
from dfks_rules.errors import DfksError, MalformedMessageError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.account import Account
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.uri import parse_aor


@click.group()
def command() -> None:
    """Manage the users who may authenticate."""


@command.command()
@click.argument("user", metavar="USER@DOMAIN")
@click.option(
    "--file",
    "given",
    type=click.Path(path_type=Path),
    help="Users file; default: `auth.users`, otherwise users.yaml.",
)
@click.option("--realm", help="Realm of the password; default: `auth.realm`, otherwise DOMAIN.")
@click.option(
    "--config",
    "given_config",
    type=click.Path(path_type=Path),
    help="Settings file; default: ./dfks.yaml if it exists.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(
    user: str,
    given: Path | None,
    realm: str | None,
    given_config: Path | None,
    *,
    password_stdin: bool,
) -> None:
    """Add USER@DOMAIN to the users file, or replace its password.

    The file holds only hashes (HA1) of passwords.
    """
    aor = _aor(user)
    auth = config_of(given_config).auth
    file = given or auth.users or Path("users.yaml")
    realm = realm or auth.realm or aor.domain
    password = _password(from_stdin=password_stdin)
    hashes = [ha1_of(one, aor.user, realm, password) for one in (Algorithm.MD5, Algorithm.SHA_256)]
    try:
        replaced = put_user(file, Account(aor, *hashes))
    except OSError as error:
        message = f"cannot write {file}: {error.strerror}"
        raise DfksError("file_unwritable", message) from error
    done = "replaced the password of" if replaced else "added"
    click.echo(f"{file}: {done} {aor.user}@{aor.domain}, realm {realm}")
    if aor.domain.lower() != realm.lower():
        click.echo(
            f"the domain is not the realm: phones must subscribe as sip:{aor.user}@{aor.domain}"
        )
    click.echo("send a running server SIGHUP to make it read the file")


def _aor(user: str) -> Aor:
    try:
        if "@" not in user:
            raise click.UsageError("USER@DOMAIN needs a domain, e.g. `alice@example.com`")
        return parse_aor(user)
    except MalformedMessageError as error:
        raise click.UsageError(f"`{user}`: {error}") from None


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return read_password()
    password = click.prompt("Password", hide_input=True, confirmation_prompt="Repeat it")
    return str(password)
