"""Which server a command asks, and with which token."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dfks_rules.cli.settings import config_of, config_option
from dfks_rules.config.settings import ApiSettings
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.web.client import ApiClient

_Command = TypeVar("_Command", bound=Callable[..., Any])


def api_options(command: _Command) -> Callable[..., Any]:
    """The options `--url`, `--token-file` and `--config`; a command gets a client as `api`."""

    @click.option("--url", envvar="DFKS_URL", help="http://HOST:PORT of the server's API.")
    @click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        help="File with the token; else DFKS_TOKEN in the environment.",
    )
    @config_option
    @functools.wraps(command)
    def wrapped(
        *args: Any, url: str | None, token_file: Path | None, given: Path | None, **rest: Any
    ) -> Any:
        return command(*args, api=client_of(url, token_file, given), **rest)

    return wrapped


def client_of(url: str | None, token_file: Path | None, given: Path | None) -> ApiClient:
    """A client of the server that options or settings name.

    Raises:
        ConfigError: they name none, or the token cannot be read.
    """
    return ApiClient(url or _configured(given), _token(token_file) or None)


def _token(file: Path | None) -> str:
    """The token to send; empty where there is none."""
    token, where = os.environ.get("DFKS_TOKEN", ""), "DFKS_TOKEN"
    if file is not None:
        where = str(file)
        try:
            token = file.read_text("utf-8").strip()
        except OSError as error:
            raise _unusable(where, f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise _unusable(where, "is not UTF-8") from error
    if not (token.isascii() and token.isprintable()):
        raise _unusable(where, "must hold the token and nothing else")
    return token


def _configured(given: Path | None) -> str:
    http = config_of(given).http
    if http is None or not http.listen.port:
        raise _unusable(
            "http.listen",
            "is not set: the server has no HTTP API; to ask another, give --url http://HOST:PORT",
        )
    return url_of(http)


def url_of(http: ApiSettings) -> str:
    """The URL by which a server with these settings is reached from its machine."""
    listen, scheme = http.listen, "http" if http.tls is None else "https"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listen.port}"


def _unusable(what: str, message: str) -> ConfigError:
    return ConfigError([Finding(what, 0, 0, "config_unusable", message)])
