"""`dfks history`: who switched this on, when, and by which rule."""

import asyncio
from pathlib import Path

import click

from dfks_rules.cli.changes import Printer, missed, replaced
from dfks_rules.cli.following import keep_looking
from dfks_rules.cli.moments import Moment
from dfks_rules.cli.settings import config_of, config_option
from dfks_rules.cli.stores import journal_of
from dfks_rules.config import Config
from dfks_rules.errors import MalformedMessageError, StoreError
from dfks_rules.mi.methods.journal import row_of
from dfks_rules.model.features import FEATURES, Feature
from dfks_rules.model.identity import Aor
from dfks_rules.service.history import PAGE, History, Which, follow, latest
from dfks_rules.sip.uri import parse_aor

LIMIT = 50
"""How many changes are shown where neither `--limit` nor `--since` is given."""
_ALL = 2**63 - 1


@click.command(name="history")
@click.argument("presentity", required=False)
@click.option(
    "--feature",
    type=click.Choice([feature.value for feature in FEATURES]),
    help="Only changes of this feature.",
)
@click.option("--since", type=Moment(), help="2h, 30d, 2026-01-05, 2026-01-05T03:00.")
@click.option("--limit", type=click.IntRange(1), help=f"The newest N; default: {LIMIT}.")
@click.option("--follow", "is_following", is_flag=True, help="Go on with new ones until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@config_option
def command(  # noqa: PLR0913 - the options
    presentity: str | None,
    feature: str | None,
    since: float | None,
    limit: int | None,
    given: Path | None,
    *,
    is_following: bool,
    as_json: bool,
) -> None:
    """Show who changed the features of PRESENTITY, or of everybody: when, and by which rule.

    The newest change is last. The server need not run.
    """
    which = Which(
        None if presentity is None else _aor(presentity),
        None if feature is None else Feature(feature),
        since or 0.0,
    )
    at_most = limit or (LIMIT if since is None else _ALL)
    config = config_of(given)
    printer = Printer(one_presentity=presentity is not None, as_json=as_json)
    last = _show_latest(config, which, at_most, printer)
    if not is_following:
        return

    def look() -> None:
        nonlocal last
        last = _show_next(config, which, last, printer)

    keep_looking(look)


def _show_latest(config: Config, which: Which, at_most: int, printer: Printer) -> int:
    """Print the newest changes; gives the number from which to go on."""

    async def read() -> History:
        async with journal_of(config) as journal:
            return await latest(journal, which, at_most)

    history = asyncio.run(read())
    printer.print(map(row_of, history.entries))
    if not history.entries:
        click.echo(
            "the journal has no such change; `journal.keep` says how far it goes back", err=True
        )
    if history.more:
        note = f"older changes are not shown; `--limit {2 * at_most}` or `--since 7d` shows more"
        click.echo(note, err=True)
    return history.last


def _show_next(config: Config, which: Which, last: int, printer: Printer) -> int:
    """Print what has followed; the store is opened anew, in case another was put in its place."""

    async def read() -> History:
        async with journal_of(config) as journal:
            return await follow(journal, which, last, PAGE)

    try:
        history = asyncio.run(read())
    except StoreError as error:
        printer.note(str(error))
        return last
    if history.last < last:
        printer.note(replaced(history.last, last))
    if history.missed:
        printer.note(missed(history.missed, history.last))
    printer.print(map(row_of, history.entries))
    return history.last


def _aor(text: str) -> Aor:
    try:
        return parse_aor(text)
    except MalformedMessageError as error:
        message = f"PRESENTITY: {error.message}"
        raise click.UsageError(message) from error
