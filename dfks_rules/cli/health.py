"""`dfks health`: whether a server serves, for whoever starts it again if it does not."""

import http.client
import json
import ssl
import urllib.parse
from contextlib import closing
from pathlib import Path

import click

from dfks_rules.cli.api import url_of
from dfks_rules.cli.mi import exchange_for
from dfks_rules.config import Config, load_config
from dfks_rules.errors import DfksError
from dfks_rules.mi.client import call

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
    """Ask a running server whether it can serve.

    Exit code 0 if it can, 1 if it cannot, or does not answer within 5 s.
    """
    ready = url if url is not None and url.endswith("/readyz") else None
    if url is None:
        ready = _ready_url(load_config(config_file))
    if ready is not None:
        _ask_ready(ready)
        click.echo("OK: the server is ready")
    else:
        call(exchange_for(config_file, url), "uptime", {})
        click.echo("OK: the server answers operators")


def _ready_url(config: Config) -> str | None:
    """Where the HTTP API says whether the server is ready; None where there is none."""
    if config.http is None or not config.http.listen.port:
        return None
    return f"{url_of(config.http)}/readyz"


def _ask_ready(url: str) -> None:
    """Return if the server is ready.

    Raises:
        DfksError: `not_ready`, also where nobody answers
    """
    parts = urllib.parse.urlsplit(url)
    try:
        with closing(_connection(parts)) as connection:
            connection.request("GET", parts.path)
            with closing(connection.getresponse()) as response:
                text = response.read(_MOST)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        raise DfksError("not_ready", f"cannot reach the server at {url}: {reason}") from error
    if response.status != 200:
        raise DfksError("not_ready", f"not ready: {_reason(text) or response.status}")


def _connection(parts: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=WITHIN)
    # Nothing secret is said, and the certificate is seldom for the address of this machine.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=WITHIN, context=context)


def _reason(text: bytes) -> str:
    """The checks that fail, by the answer; empty where it does not say."""
    try:
        checks = json.loads(text)["checks"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return ", ".join(f"{name} {state}" for name, state in checks if state != "ok")
