"""`dfks store`: check, back up, restore, migrate and copy a store."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from dfks_rules.app.clock import scale_of
from dfks_rules.app.heartbeat import read_clocks
from dfks_rules.cli.exit_codes import FAILED
from dfks_rules.cli.settings import config_of, config_option
from dfks_rules.cli.stores import store_of
from dfks_rules.config.cluster import is_shared, without_password
from dfks_rules.errors import StoreError
from dfks_rules.policy.words.wording import printable
from dfks_rules.presence import rows
from dfks_rules.sip.message import Request, parse_message
from dfks_rules.store.backup import back_up
from dfks_rules.store.check import MAX_PROBLEMS, Contents, check_store
from dfks_rules.store.life import Beat
from dfks_rules.store.migrations import MIGRATIONS
from dfks_rules.store.postgres import schema
from dfks_rules.store.postgres.copying import Counts, copy_store
from dfks_rules.store.restore import migrate_store, restore_store


@click.group()
def command() -> None:
    """Look after the store that the settings name, or copy it into a database."""


@command.command()
@config_option
def check(given: Path | None) -> None:
    """Check that the store is sound, and that its tables agree; a server may be running.

    What the server writes meanwhile may be left unchecked. Exit code 1 if something is wrong.
    """
    path = store_of(given)
    contents, problems = check_store(path, _read_subscribe)
    click.echo(f"{path}: {_told(contents)}")
    for problem in problems:
        click.echo(f"{path}: error: {printable(problem)}")
    if problems:
        more = " or more" if len(problems) == MAX_PROBLEMS else ""
        plural = "" if len(problems) == 1 else "s"
        click.echo(f"{len(problems)}{more} error{plural}; see docs/howto/back-up.md")
        sys.exit(FAILED)
    click.echo("OK")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@config_option
def backup(file: Path, given: Path | None, *, force: bool) -> None:
    """Copy the store to FILE while the server goes on, and check the copy."""
    contents = back_up(store_of(given), file, replace=force)
    click.echo(f"{file}: {_told(contents)}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
def restore(file: Path, given: Path | None) -> None:
    """Put the backup FILE in place of the store. Stop the server first."""
    path = store_of(given)
    restored = restore_store(file, path, owed=rows.OWED)
    click.echo(f"{path}: {_told(restored.contents)}")
    if restored.changed is not None:
        click.echo(f"features differ from the store before: {_count(restored.changed, 'user')}")
    elif restored.kept is not None:
        click.echo(
            "journal and subscriptions are those of the backup: "
            "the store before is another one, has another version or cannot be read"
        )
    if restored.kept is not None:
        click.echo(f"the store before is now {restored.kept}")


@command.command()
@click.option(
    "--store", "url", help="The store in place of that of the settings: `postgresql://…`."
)
@config_option
def migrate(given: Path | None, url: str | None) -> None:
    """Bring the store to the version of this release.

    Each step is one transaction. There is no way back but a backup. A file: as `dfks serve` does;
    stop the server first. PostgreSQL: makes the tables, too; servers of both releases may run.
    """
    shared = None if url is not None else config_of(given).cluster
    if url is not None or shared is not None:
        _migrate_postgres(shared.url if shared is not None else str(url))
        return
    path = store_of(given)
    before = migrate_store(path)
    now = len(MIGRATIONS)
    how = "has" if before == now else f"was brought from version {before} to"
    click.echo(f"{path}: {how} version {now}")


@command.command(name="copy")
@click.argument("source", metavar="sqlite:FILE")
@click.argument("target", metavar="postgresql://…")
def copy_(source: str, target: str) -> None:
    """Copy the store in FILE into a database that several nodes can share.

    Stop the server first. The database has its tables (`dfks store migrate`) and nothing in them;
    all is copied, or nothing. The nodes go on in the dialogs of the phones.
    """
    path = Path(source.removeprefix("sqlite:"))
    if not (source.startswith("sqlite:") and path.name and is_shared(target)):
        why = "`dfks store copy` takes `sqlite:FILE` and `postgresql://USER@HOST/DATABASE`"
        raise StoreError("store_unknown_url", why)
    copied = asyncio.run(copy_store(path, target, _scale_now))
    click.echo(f"{'':14}{'copied':>12}  {'there now':>12}")
    for what, here, there in zip(Counts._fields, copied.source, copied.target, strict=True):
        click.echo(f"{what:14}{here:12,}  {there:12,}")
    if copied.imports:
        click.echo(f"not copied, since nodes have none: {_count(copied.imports, 'import')}")


def _scale_now(beat: Beat | None) -> float:
    """What the scale of deadlines in a file says now, seconds since 1970."""
    now = time.monotonic()
    return scale_of(read_clocks(now), beat).at(now)


def _migrate_postgres(url: str) -> None:
    if not is_shared(url):
        raise StoreError("store_unknown_url", "`--store` takes `postgresql://USER@HOST/DATABASE`")
    before, now = asyncio.run(schema.migrate(url))
    if before == now:
        how = "has"
    elif before == 0:
        how = "was made, with"
    else:
        how = f"was brought from version {before} to"
    click.echo(f"{without_password(url)}: {how} version {now}")


def _told(contents: Contents) -> str:
    """How much is in a store, on one line."""
    by = "" if contents.release is None else f" of dfks-rules {contents.release}"
    parts = [
        f"version {contents.version}{by}",
        _count(contents.presentities, "user"),
        _count(contents.subscriptions, "subscription"),
        _count(contents.changes, "change"),
    ]
    if contents.newest_at is not None:
        at = datetime.fromtimestamp(contents.newest_at, UTC).astimezone()
        parts[-1] += f", the newest of {at:%Y-%m-%d %H:%M:%S}"
    return ", ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _read_subscribe(kept: bytes) -> None:
    """Raise an error unless the server could read the SUBSCRIBE that is kept in a row."""
    _, head = rows.read_message(kept)
    message = parse_message(head + b"\r\n\r\n")
    if not isinstance(message, Request) or message.method != b"SUBSCRIBE":
        raise rows.UnreadableError("no SUBSCRIBE is kept in it")
