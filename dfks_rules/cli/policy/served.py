"""Which running server is asked about policies, and its explanations of what it decided.

It is asked by its HTTP API, or by MI.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import click

from dfks_rules.cli.api import client_of
from dfks_rules.cli.mi import exchange_for
from dfks_rules.config import load_config
from dfks_rules.mi.client import call
from dfks_rules.web.client import ApiClient, ApiError
from dfks_rules.web.paging import MAX_LIMIT

MAX_EXPLAINED = 5
"""Most decisions about one presentity that are explained, as by `policy:explain` of MI."""
_PATH = "/v1/decisions"
_F = TypeVar("_F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        default=Path("dfks.yaml"),
        show_default=True,
        help="Settings file of the server that is asked.",
    ),
    click.option("--url", help="http://HOST:PORT of its HTTP API, or an address as for `dfks mi`."),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        help="File with the token for its HTTP API; else DFKS_TOKEN in the environment.",
    ),
)


class Where(NamedTuple):
    """Which server is asked."""

    url: str | None
    """Of its HTTP API, or of MI, which has a path; None: as the settings say."""
    config: Path
    """Its settings."""
    token_file: Path | None
    """Has the token for the HTTP API."""

    @property
    def is_api(self) -> bool:
        """Whether the HTTP API is asked: it is, where there is one."""
        if self.url is None:
            return load_config(self.config).http is not None
        parts = urlsplit(self.url)
        return parts.scheme in ("http", "https") and parts.path in ("", "/")


def server_options(function: _F) -> _F:
    """Adds `--url`, `--token-file` and `--config`, which `where_of` reads."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def where_of(options: Mapping[str, Any]) -> Where:
    """The server that options name."""
    return Where(options["url"], options["config_file"], options["token_file"])


def explained(which: str, where: Where) -> list[Mapping[str, Any]]:
    """The `record`, the `explanation` and its `text` of decisions.

    Args:
        which: the id of a decision, or a presentity.
        where: whom to ask.

    Raises:
        ApiError, CallError: there is no such decision, or nobody to ask.
    """
    if where.is_api:
        return asyncio.run(_asked(client_of(where.url, where.token_file, where.config), which))
    exchange = exchange_for(where.config, where.url)
    told: list[Mapping[str, Any]] = call(exchange, "policy:explain", {"which": which})["decisions"]
    return told


async def _asked(api: ApiClient, which: str) -> list[Mapping[str, Any]]:
    async with api:
        names = await _last(api, which) if "@" in which else [which]
        return [await _one(api, name) for name in names]


async def _last(api: ApiClient, presentity: str) -> list[str]:
    """The newest decision on each question about a presentity; refusals first, then sets."""
    query: dict[str, str | int] = {"presentity": presentity, "limit": MAX_LIMIT}
    newest: dict[tuple[str, str | None], Mapping[str, Any]] = {}
    for row in (await api.ask("GET", _PATH, query=query))["items"]:
        newest.setdefault((row["op"], row["feature"]), row)
    if not newest:
        raise ApiError(f"the server keeps no decision about {presentity}", 404)
    rows = sorted(newest.values(), key=lambda row: (row["effect"] != "deny", row["op"] != "set"))
    return [row["id"] for row in rows[:MAX_EXPLAINED]]


async def _one(api: ApiClient, name: str) -> Mapping[str, Any]:
    record = await api.ask("GET", f"{_PATH}/{name}")
    record["revision"] = record.pop("policyRevision")
    try:
        told = await api.ask("GET", f"{_PATH}/{name}/explanation")
    except ApiError as error:
        if not error.status:
            raise
        matched = ", ".join(record["decision"]["matched"]) or "no rule"
        why = str(error.problem.get("detail", error))
        return {"record": record, "explanation": None, "text": [why, f"matched: {matched}"]}
    text, told["revision"] = told.pop("text"), told.pop("policyRevision")
    return {"record": record, "explanation": told, "text": text}
