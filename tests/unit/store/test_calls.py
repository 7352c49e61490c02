"""The view `dfks_calls`, as a proxy reads it."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfks_rules.store.calls import uri_of
from dfks_rules.store.migrations import migrate
from tests.helpers.targets import NOBODY, WRITTEN

_COLUMNS = [
    "user",
    "domain",
    "revision",
    "dnd",
    "cfa",
    "cfa_to",
    "cfa_uri",
    "cfb",
    "cfb_to",
    "cfb_uri",
    "cfna",
    "cfna_to",
    "cfna_uri",
    "cfna_rings",
    "changed_at",
]
_ONE = "SELECT * FROM dfks_calls WHERE domain = 'a.example' AND user = 'alice'"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A new database with one presentity, Alice."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    opened.row_factory = sqlite3.Row
    migrate(opened)
    opened.execute("INSERT INTO presentity VALUES ('alice', 'a.example', 7, 0)")
    yield opened
    opened.close()


def _store(
    connection: sqlite3.Connection, feature: str, status: int, at: str = "1", **values: object
) -> None:
    connection.execute(
        "INSERT INTO feature_state (user, domain, feature, status, changed_at, feature_values)"
        "VALUES ('alice', 'a.example', ?, ?, ?, ?)",
        (feature, status, at, json.dumps(values)),
    )


def test_its_columns_are_those_that_the_documentation_names(connection: sqlite3.Connection) -> None:
    """Proxies ask for them by name: they are a promise."""
    assert [row["name"] for row in connection.execute("PRAGMA table_info(dfks_calls)")] == _COLUMNS
    page = (Path(__file__).parents[3] / "docs/reference/dfks-calls.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in _COLUMNS)


def test_a_user_has_one_row_with_all_features(connection: sqlite3.Connection) -> None:
    """Of features that are off, too: the target is kept."""
    _store(connection, "DoNotDisturb", 1, "2026-01-02")
    _store(connection, "CallForwardingAlways", 0, "2026-01-01", forwardTo="201")
    _store(connection, "CallForwardingNoAnswer", 1, "2026-01-03", forwardTo="sip:b@x", ringCount=4)
    _store(connection, "AgentState", 1, "2026-01-04", state="ready")
    rows = [tuple(row) for row in connection.execute("SELECT * FROM dfks_calls")]
    assert rows == [
        (
            *("alice", "a.example", 7, 1),
            *(0, "201", "sip:201@a.example"),
            *(0, None, None),
            *(1, "sip:b@x", "sip:b@x", 4),
            "2026-01-03",
        )
    ]


def test_a_user_for_whom_nothing_is_set_is_reached(connection: sqlite3.Connection) -> None:
    """Every flag is 0, not NULL."""
    row = connection.execute(_ONE).fetchone()
    assert [row[name] for name in ("dnd", "cfa", "cfb", "cfna")] == [0, 0, 0, 0]
    assert row["changed_at"] is row["cfna_rings"] is row["cfa_uri"] is None


@pytest.mark.parametrize(
    "what", ["*", "cfa_uri", "dnd, cfa, cfa_uri, cfb, cfb_uri, cfna, cfna_uri, cfna_rings"]
)
def test_a_row_is_found_by_its_primary_key(connection: sqlite3.Connection, what: str) -> None:
    """A proxy asks with each call, whatever the number of users."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {_ONE.replace('*', what)}").fetchall()
    steps = [row["detail"] for row in plan if row["detail"].startswith(("SEARCH", "SCAN", "MATER"))]
    searched = [step for step in steps if "USING PRIMARY KEY (domain=? AND user=?" in step]
    others = {step for step in steps if step not in searched}
    assert len(searched) == {"cfa_uri": 2}.get(what, 5)
    # The other steps go through one row each: the parts of a target.
    parts = [
        "whole",
        "typed",
        "read",
        "parts",
        "placed",
        "found",
        "split",
        "bare",
        "written",
        "decoded",
    ]
    assert others <= {*(f"SCAN {part}" for part in parts), "SCAN CONSTANT ROW"}


def test_a_row_takes_no_long_program(connection: sqlite3.Connection) -> None:
    """SQLite would put each step of `cfa_uri` into the next, and make a program of 80,000 steps."""
    assert len(connection.execute(f"EXPLAIN {_ONE}").fetchall()) < 2_500


@pytest.mark.parametrize(("target", "uri"), WRITTEN)
def test_a_target_is_a_uri_however_it_was_written(
    connection: sqlite3.Connection, target: str, uri: str
) -> None:
    """As phones of many makers and people at many keyboards write it."""
    _store(connection, "CallForwardingAlways", 1, forwardTo=target)
    assert connection.execute(_ONE).fetchone()["cfa_uri"] == uri


@pytest.mark.parametrize("target", NOBODY)
def test_a_target_that_is_none_has_no_uri(connection: sqlite3.Connection, target: str) -> None:
    """A proxy writes the URI into a header: nothing must break out of it, or lead elsewhere."""
    _store(connection, "CallForwardingAlways", 1, forwardTo=target)
    row = connection.execute(_ONE).fetchone()
    assert (row["cfa"], row["cfa_to"], row["cfa_uri"]) == (1, target, None)


def test_the_domain_may_be_an_address(connection: sqlite3.Connection) -> None:
    """Of a server without a name."""
    connection.execute("INSERT INTO presentity VALUES ('201', '[::1]', 1, 0)")
    connection.execute(
        "INSERT INTO feature_state (user, domain, feature, status, changed_at, feature_values)"
        """VALUES ('201', '[::1]', 'CallForwardingBusy', 1, '', '{"forwardTo": "202"}')"""
    )
    row = connection.execute("SELECT cfb_uri FROM dfks_calls WHERE domain = '[::1]'").fetchone()
    assert row["cfb_uri"] == "sip:202@[::1]"


def test_a_reader_sees_what_was_committed_before_a_kill(tmp_path: Path) -> None:
    """Calls are forwarded while nobody serves phones."""
    script = (
        "import os, pathlib, sys; from dfks_rules.store.database import Database\n"
        "connection = Database(pathlib.Path(sys.argv[1])).connection\n"
        "connection.execute(\"INSERT INTO presentity VALUES ('alice', 'a.example', 1, 0)\")\n"
        "os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "x.db"
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert reader.execute("SELECT user, dnd FROM dfks_calls").fetchall() == [("alice", 0)]
    reader.close()


def test_whoever_does_not_read_the_view_is_given_the_same_uris() -> None:
    """Over HTTP."""
    assert uri_of("0 30/12", "a.example") == "sip:03012@a.example"
    assert uri_of("carol smith", "a.example") is None
    assert uri_of("\ud800", "a.example") is None
