"""`dfks health`: whether a server serves, for whoever starts it again if it does not."""

import http.client
import urllib.parse
from contextlib import closing
from pathlib import Path

import click

from dfks_rules.cli.mi import exchange_for
from dfks_rules.errors import DfksError
from dfks_rules.mi.client import call
from dfks_rules.policy.words.wording import printable

WITHIN = 5.0
"""Seconds that the server has to answer."""
_MOST = 65_536
"""Bytes of an answer that are read."""


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=Path("dfks.yaml"),
    show_default=True,
    help="Settings file of the server, which says where it listens.",
)
@click.option("--url", help="http://HOST:PORT/readyz, or a URL of MI.")
def command(config_file: Path, url: str | None) -> None:
    """Ask a running server whether it serves.

    Exit code 0 if it does, 1 if it does not, or does not answer within 5 s.
    """
    where = url or None
    if where is not None and urllib.parse.urlsplit(where).path.endswith("/readyz"):
        click.echo(_ask_ready(where))
        return
    call(exchange_for(config_file, where), "uptime", {})
    click.echo("OK: the server answers operators")


def _ask_ready(url: str) -> str:
    """What a server that is ready says.

    Raises:
        DfksError: `not_ready`, also where nobody answers
    """
    parts = urllib.parse.urlsplit(url)
    try:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=WITHIN)
        with closing(connection):
            connection.request("GET", parts.path)
            with closing(connection.getresponse()) as response:
                text = response.read(_MOST).decode(errors="replace").strip()
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        raise DfksError("not_ready", f"cannot reach the server at {url}: {reason}") from error
    if response.status != 200:
        raise DfksError("not_ready", f"not ready: {response.status} {printable(text)}")
    return "OK: the server is ready"
