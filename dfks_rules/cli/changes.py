"""Changes of the journal, laid out for people: a line for each, as in a log."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from dfks_rules.policy.words.wording import printable

COLUMNS = ("time", "presentity", "feature", "change", "origin", "actor", "rule", "decision")
_LEAST = {"time": 19, "feature": 22, "change": 9, "origin": 8}
"""Least widths, so that lines that come later rarely stand apart."""


class Printer:
    """Prints one change after another; columns become wider, never narrower."""

    def __init__(self, *, one_presentity: bool, as_json: bool) -> None:
        """Prints nothing yet.

        Args:
            one_presentity: whether all changes are those of one, which need not be named.
            as_json: print JSON objects instead.
        """
        self._as_json = as_json
        self._columns = [name for name in COLUMNS if name != "presentity" or not one_presentity]
        self._widths = [max(len(name), _LEAST.get(name, 0)) for name in self._columns]
        self._has_head = False
        self._noted = ""

    def print(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Print changes, as `journal:list` gives them; first, a head."""
        for line in map(json.dumps, rows) if self._as_json else self._lines([*rows]):
            click.echo(line)

    def note(self, text: str) -> None:
        """Tell about something else, unless it was told last."""
        if text != self._noted:
            self._noted = text
            click.echo(f"dfks: {printable(text)}", err=True)

    def _lines(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        cells = [[_cells(row)[name] for name in self._columns] for row in rows]
        for number, column in enumerate(zip(*cells, strict=True)):
            self._widths[number] = max(self._widths[number], *map(len, column))
        if not self._has_head:
            self._has_head = True
            yield self._aligned(self._columns)
        yield from map(self._aligned, cells)

    def _aligned(self, cells: Iterable[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
        return "  ".join(padded).rstrip()


def replaced(newest: int, last: int) -> str:
    """That the journal does not go as far as before."""
    return f"the store was replaced: its newest change is {newest}, not {last}"


def missed(count: int, last: int) -> str:
    """That changes are not shown."""
    are = "change was" if count == 1 else "changes were"
    return (
        f"{count:,} {are} removed before they could be shown (`journal.keep`); going on at {last}"
    )


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    at = datetime.fromisoformat(row["at"]).astimezone()
    texts = {name: printable(str(row[name])) or "-" for name in COLUMNS if name in row}
    return texts | {
        "time": f"{at:%Y-%m-%d %H:%M:%S}",
        "change": f"{_state(row['before'])} → {_state(row['after'])}",
    }


def _state(state: Mapping[str, Any]) -> str:
    """`off`, or `on forwardTo=sip:bob@example.com`."""
    values = (f"{name}={value}" for name, value in state.items() if name != "status")
    return " ".join(["on" if state["status"] else "off", *map(printable, values)])
