"""What a bridge remembers when it is killed: its place among the events, and what was agreed on."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import orjson

from dfks_rules.bridges.merging import Sent, Side
from dfks_rules.bridges.states import CallState
from dfks_rules.errors import DfksError
from dfks_rules.model.features import Feature

_TABLES = """
CREATE TABLE IF NOT EXISTS place (
  one INTEGER PRIMARY KEY CHECK (one = 1), last_event TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS agreed (
  extension TEXT PRIMARY KEY, revision INTEGER NOT NULL, states TEXT NOT NULL
) WITHOUT ROWID;
"""


class Agreed(NamedTuple):
    """What the server and the switch last both had for one extension."""

    revision: int
    """Of the presentity then."""
    states: Mapping[Feature, CallState]
    """Of features that were ever agreed on."""
    sent: Mapping[Feature, Sent] = MappingProxyType({})
    """What was on its way to the other side when this was written down."""


class Memory:
    """A small SQLite file, which one bridge has for itself."""

    def __init__(self, path: Path) -> None:
        """Open it, or begin one.

        Raises:
            DfksError: `bridge_memory`: it cannot be used, or another bridge uses it.
        """
        self._path = path
        self._agreed: dict[str, Agreed] = {}
        self.last_event = ""
        """Id of the last event that was dealt with; empty: none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=1.0)
            try:
                self._load()
            except BaseException:
                self._file.close()
                raise
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._unusable(error) from error

    def agreed(self, extension: str) -> Agreed | None:
        """What was agreed on for an extension."""
        return self._agreed.get(extension)

    def remember(self, extension: str, agreed: Agreed) -> None:
        """Both have this; it is kept by the next `commit`."""
        if self._agreed.get(extension) == agreed:
            return
        self._agreed[extension] = agreed
        states = {feature.value: tuple(state) for feature, state in agreed.states.items()}
        sent = {one.value: (side.value, tuple(what)) for one, (side, what) in agreed.sent.items()}
        told = {"states": states, "sent": sent}
        row = (extension, agreed.revision, orjson.dumps(told).decode())
        self._write("INSERT OR REPLACE INTO agreed VALUES (?, ?, ?)", row)

    def seen(self, event: str) -> None:
        """An event was dealt with; that is kept by the next `commit`."""
        self.last_event = event
        self._write("INSERT OR REPLACE INTO place VALUES (1, ?)", (event,))

    def commit(self) -> None:
        """Keep it, whatever happens to this process or its machine."""
        try:
            self._file.commit()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Commit and close it."""
        self.commit()
        self._file.close()

    def _load(self) -> None:
        # Nobody else: two bridges with one memory would each believe what the other did.
        self._file.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._file.execute("PRAGMA synchronous=FULL")
        self._file.executescript("BEGIN IMMEDIATE;" + _TABLES + "COMMIT;")
        for (event,) in self._file.execute("SELECT last_event FROM place"):
            self.last_event = event
        for extension, revision, text in self._file.execute("SELECT * FROM agreed"):
            self._agreed[extension] = _agreed(revision, text)

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        try:
            self._file.execute(statement, row)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> DfksError:
        return DfksError("bridge_memory", f"{self._path} cannot be used: {error}")


def _agreed(revision: int, text: str) -> Agreed:
    """What a row says.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        told = orjson.loads(text)
        states = {Feature(name): CallState(*state) for name, state in told["states"].items()}
        sent = {
            Feature(name): Sent(Side(side), CallState(*state))
            for name, (side, state) in told["sent"].items()
        }
        return Agreed(revision, states, sent)
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"`{text[:80]}` is no row of states") from error
