"""`dfks init`: the files that a server begins with."""

import os
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from dfks_rules.cli.schema import NAMES, text_of
from dfks_rules.errors import DfksError, MalformedMessageError
from dfks_rules.policy.words.countries import country_problem
from dfks_rules.sip.uri import parse_aor

_SECRET = "users.yaml"  # noqa: S105 - a file name
"""The file that only the server's account should read: hashes of passwords."""
_USERS = """\
# The users whose phones have passwords, as hashes; `auth` in dfks.yaml names this file.
# `dfks auth add alice@example.com` adds one. Only the server's account should read this file.
users: []
"""
_DOMAIN, _COUNTRY, _SCHEMAS = "example.com", "country: US", "../../../schemas/"
"""What stands in the files in place of what the site has."""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--domain", default=_DOMAIN, show_default=True, help="Domain of the users' SIP addresses."
)
@click.option(
    "--country", default="US", show_default=True, help="Where the phones are: ISO 3166-1, 2 letters"
)
def command(folder: Path, domain: str, country: str) -> None:
    """Write settings, policies, cases and users to begin with into the folder DIR.

    Nothing that is there is overwritten.
    """
    texts = starter(_checked_domain(domain), _checked_country(country))
    there = [str(folder / name) for name in texts if os.path.lexists(folder / name)]
    if there:
        message = f"nothing was written, because files exist already: {', '.join(there)}"
        raise DfksError("file_unwritable", message)
    try:
        for name, text in texts.items():
            _write(folder / name, text, 0o600 if name == _SECRET else 0o666)
    except OSError as error:
        message = f"cannot write {error.filename}: {error.strerror}"
        raise DfksError("file_unwritable", message) from error
    for name in texts:
        if not name.startswith("schemas/"):
            click.echo(folder / name)
    click.echo(f"{folder / 'schemas'}: with these, an editor completes and checks the others")
    click.echo("next:")
    if folder != Path():
        click.echo(f"  cd {shlex.quote(str(folder))}")
    click.echo("  dfks serve")


def starter(domain: str, country: str) -> dict[str, str]:
    """Path in the folder → text of the file.

    Args:
        domain: of the users.
        country: ISO 3166-1 alpha-2, in upper case.
    """
    texts = dict(_texts(files("dfks_rules") / "cli" / "starter")) | {_SECRET: _USERS}
    for written, wanted in {
        _DOMAIN: domain,
        _COUNTRY: f"country: {country}",
        _SCHEMAS: "schemas/",
    }.items():
        texts = {name: text.replace(written, wanted) for name, text in texts.items()}
    schemas = (f"{name}.schema.json" for name in NAMES.values())
    return texts | {f"schemas/{name}": text_of(name) for name in schemas}


def _texts(folder: Traversable, path: str = "") -> list[tuple[str, str]]:
    found = []
    for one in sorted(folder.iterdir(), key=lambda one: (one.is_dir(), one.name)):
        if one.is_dir():
            found += _texts(one, f"{path}{one.name}/")
        else:
            found.append((path + one.name, one.read_text(encoding="utf-8")))
    return found


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def _checked_domain(domain: str) -> str:
    try:
        if parse_aor(f"sip:alice@{domain}").domain == domain.lower():
            return domain.lower()
    except MalformedMessageError:
        pass
    message = f"`{domain}` is not a domain such as `example.com`"
    raise click.UsageError(message)


def _checked_country(country: str) -> str:
    problem = country_problem(country.upper())
    if problem is not None:
        raise click.UsageError(problem)
    return country.upper()
