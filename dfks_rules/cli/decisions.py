"""`dfks decisions`: what the policies of a running server decided last."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click

from dfks_rules.cli.api import api_options
from dfks_rules.cli.following import keep_looking
from dfks_rules.cli.moments import Moment
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.policy.words.wording import printable
from dfks_rules.web.client import ApiClient, ApiError
from dfks_rules.web.paging import MAX_LIMIT

LIMIT = 50
"""How many decisions are shown where neither `--limit` nor `--since` is given."""
COLUMNS = ("time", "presentity", "op", "asked", "origin", "actor", "result", "rule", "id")
_LEAST = {"time": 19, "op": 9, "asked": 24, "origin": 8, "result": 7}
"""Least widths, so that lines that come later rarely stand apart."""
_PATH = "/v1/decisions"


@click.command(name="decisions")
@click.argument("presentity", required=False)
@click.option("--rule", help="Only those in which this rule (POLICY/RULE), or policy, matched.")
@click.option("--denied", "is_denied", is_flag=True, help="Only refusals.")
@click.option(
    "--op",
    "operation",
    type=click.Choice([one.value for one in Operation]),
    help="Only about this operation.",
)
@click.option(
    "--origin",
    type=click.Choice([one.value for one in Origin]),
    help="Only what phones (watcher), operators, or policies (internal) asked for.",
)
@click.option("--since", type=Moment(), help="2h, 30d, 2026-01-05, 2026-01-05T03:00.")
@click.option("--limit", type=click.IntRange(1), help=f"The newest N; default: {LIMIT}.")
@click.option("--follow", "is_following", is_flag=True, help="Go on with new ones until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@api_options
def command(  # noqa: PLR0913 - the options
    presentity: str | None,
    since: float | None,
    limit: int | None,
    api: ApiClient,
    *,
    is_denied: bool,
    is_following: bool,
    as_json: bool,
    **words: str | None,
) -> None:
    """Show the last decisions of a running server, about PRESENTITY or everybody.

    The newest is last. `dfks policy explain --decision ID` says why one came out as it did.
    """
    query = {"presentity": presentity, "rule": words["rule"], "op": words["operation"]}
    query |= {"origin": words["origin"], "effect": "deny" if is_denied else None}
    if since is not None:
        query["since"] = datetime.fromtimestamp(since, UTC).isoformat()
    given = {name: text for name, text in query.items() if text is not None}
    printer = _Printer(as_json=as_json)
    rows = asyncio.run(_newest(api, given, limit or (LIMIT if since is None else None)))
    printer.print(rows)
    if not is_following:
        if not rows:
            click.echo(
                "no such decision; `decisions.keep` says how many the server keeps", err=True
            )
        return
    last = rows[-1]["id"] if rows else asyncio.run(_last(api))

    def look() -> None:
        nonlocal last
        after = given if last is None else given | {"after": last}
        try:
            new = asyncio.run(_newest(api, after, None))
        except ApiError as error:
            printer.note(str(error))
            return
        printer.print(new)
        last = new[-1]["id"] if new else last

    keep_looking(look)


async def _newest(
    api: ApiClient, query: Mapping[str, str], limit: int | None
) -> list[Mapping[str, Any]]:
    """The newest decisions, the newest last.

    Args:
        api: whom to ask.
        query: which.
        limit: how many; None: all that are kept.
    """
    found: list[Mapping[str, Any]] = []
    asked: dict[str, str | int] = {**query, "limit": min(limit or MAX_LIMIT, MAX_LIMIT)}
    async with api, aclosing(api.pages(_PATH, asked, "before")) as rows:
        async for row in rows:
            found.append(row)
            if len(found) == limit:
                break
    return found[::-1]


async def _last(api: ApiClient) -> str | None:
    """The id of the newest decision of all."""
    newest = await _newest(api, {}, 1)
    return newest[0]["id"] if newest else None


class _Printer:
    """Prints one decision after another; columns become wider, never narrower."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._widths = [max(len(name), _LEAST.get(name, 0)) for name in COLUMNS]
        self._has_head = False
        self._noted = ""

    def print(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print decisions, as `/v1/decisions` gives them; first, a head."""
        for line in map(json.dumps, rows) if self._as_json else self._lines(rows):
            click.echo(line)

    def note(self, text: str) -> None:
        """Tell about something else, unless it was told last."""
        if text != self._noted:
            self._noted = text
            click.echo(f"dfks: {printable(text)}", err=True)

    def _lines(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        cells = [[printable(cell) for cell in _cells(row)] for row in rows]
        for number, column in enumerate(zip(*cells, strict=True)):
            self._widths[number] = max(self._widths[number], *map(len, column))
        if not self._has_head and rows:
            self._has_head = True
            yield self._aligned(COLUMNS)
        yield from map(self._aligned, cells)

    def _aligned(self, cells: Iterable[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
        return "  ".join(padded).rstrip()


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    at = datetime.fromisoformat(row["at"]).astimezone()
    asked = " ".join(filter(None, (row["feature"], _state(row["asked"] or {}))))
    result = "allowed" if row["effect"] == "allow" else f"denied: {row['reason']}"
    whence = (row["origin"], row["actor"] or "-", result, row["rule"] or "-", row["id"])
    return (f"{at:%Y-%m-%d %H:%M:%S}", row["presentity"], row["op"], asked or "-", *whence)


def _state(state: Mapping[str, Any]) -> str:
    """`on forwardTo=sip:bob@example.com`; nothing where none was asked for."""
    values = (f"{name}={value}" for name, value in state.items() if name != "status")
    return " ".join([*filter(None, [state.get("status")]), *values])
