"""`dfks mi`: call a method of a running server."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click

from dfks_rules.cli.changes import Printer, replaced
from dfks_rules.cli.completing import complete_argument, complete_method
from dfks_rules.cli.following import keep_looking
from dfks_rules.cli.tables import lines_of
from dfks_rules.config import Config, load_config
from dfks_rules.errors import DfksError
from dfks_rules.mi.client import Exchange, call, open_url
from dfks_rules.mi.errors import CallError
from dfks_rules.mi.jsonrpc import Params
from dfks_rules.mi.methods import REGISTRY

JOURNAL = "journal:list"
"""The method that `--follow` is for."""
_NAMED = re.compile(r"([a-zA-Z._-]+)=(.*)", re.DOTALL)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=Path("dfks.yaml"),
    show_default=True,
    help="Settings file of the server, which says where it listens.",
)
@click.option("--url", help="http://HOST:PORT/mi, udp:HOST:PORT, unix:PATH or fifo:PATH.")
@click.option("--secret", envvar="DFKS_MI__HTTP__SECRET", help="Secret for --url http://…")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--follow", "is_following", is_flag=True, help="Only journal:list: go on with new changes."
)
@click.argument("method", shell_complete=complete_method)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_argument)
def command(  # noqa: PLR0913 - the options
    config_file: Path,
    url: str | None,
    secret: str | None,
    method: str,
    arguments: tuple[str, ...],
    *,
    as_json: bool,
    is_following: bool,
) -> None:
    """Call METHOD of a running server with ARGUMENTS.

    Give arguments by position, or all as NAME=VALUE. If a parameter is a list, all arguments from
    its position on are its entries: `dfks mi dfks_set_feature sip:alice@host
    CallForwardingNoAnswer 1 "" ringCount/4`. Prints a table for people; use --json in scripts.
    Exit code 4 if a policy refuses.
    """
    exchange = exchange_for(config_file, url, secret)
    params = gather(method, arguments)
    if is_following:
        _follow(exchange, method, params, as_json=as_json)
        return
    result = call(exchange, method, params)
    click.echo(json.dumps(result, indent=4) if as_json else "\n".join(lines_of(result)))


def _follow(exchange: Exchange, method: str, params: Params, *, as_json: bool) -> None:
    """Print changes, and then new ones, until Ctrl-C."""
    known = REGISTRY.find(method)
    if known is None or known.name != JOURNAL:
        message = f"`--follow` is for `{JOURNAL}`"
        raise click.UsageError(message)
    named = (
        params if isinstance(params, dict) else dict(zip(known.recipes[-1], params, strict=False))
    )
    wanted = {"presentity": "*", **named}
    printer = Printer(one_presentity=wanted["presentity"] != "*", as_json=as_json)
    listing = call(exchange, method, wanted)
    printer.print(listing["changes"])
    wanted.pop("limit", None)
    wanted["after"] = listing["last"]

    def look() -> None:
        try:
            _print_next(exchange, method, wanted, printer)
        except (DfksError, CallError) as error:  # The server is starting again.
            printer.note(str(error))

    keep_looking(look)


def _print_next(exchange: Exchange, method: str, wanted: dict[str, Any], printer: Printer) -> None:
    """Print what has followed, and note how far it goes."""
    more = True
    while more:
        listing = call(exchange, method, wanted)
        printer.print(listing["changes"])
        last, more = listing["last"], listing["more"]
        if last < wanted["after"]:
            printer.note(replaced(last, wanted["after"]))
        wanted["after"] = last


def exchange_for(config_file: Path, url: str | None, secret: str | None = None) -> Exchange:
    """The connection to a running server, by its URL or else by its settings."""
    return open_url(url, secret=secret) if url else _configured(load_config(config_file))


def gather(method: str, arguments: tuple[str, ...]) -> Params:
    """The parameters in a command line, interpreted as opensips-cli does."""
    matches = [_NAMED.match(argument) for argument in arguments]
    lists = _lists(method)
    if all(matches):
        named = {match[1]: match[2] for match in matches if match}
        return {name: _split(text) if name in lists else text for name, text in named.items()}
    params: list[Any] = list(arguments)
    for position in lists.values():
        if params[position:]:
            params[position:] = [params[position:]]
    return params


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        message = f"{text}: {error}"
        raise click.UsageError(message) from error


def _lists(method: str) -> dict[str, int]:
    """Parameters that take a list → the position from which arguments are gathered."""
    known = REGISTRY.find(method)
    if known is None:
        return {}
    longest = max(known.recipes, key=len)
    return {name: longest.index(name) for name, part in known.parameters.items() if part.is_list}


def _configured(config: Config) -> Exchange:
    """The connection the settings describe; FIFO is preferred to HTTP, HTTP to datagrams."""
    mi = config.mi
    if mi.fifo:
        return open_url(f"fifo:{mi.fifo.path}", reply_dir=mi.fifo.reply_dir)
    if mi.http and mi.http.listen.port:
        address = mi.http.listen
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
        shown = f"[{host}]" if ":" in host else host
        return open_url(f"http://{shown}:{address.port}{mi.http.root}", secret=mi.http.secret)
    if isinstance(mi.datagram, Path):
        return open_url(f"unix:{mi.datagram}")
    if mi.datagram and mi.datagram.port:
        return open_url(str(mi.datagram))
    message = "the settings configure no management interface; use --url"
    raise DfksError("mi_bad_url", message)
