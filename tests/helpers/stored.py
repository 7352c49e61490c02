"""Stores with something in them."""

import asyncio
import resource
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dfks_rules.model.features import Feature, FeatureState, Snapshot, values_from
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Requester
from dfks_rules.model.values import Value
from dfks_rules.service.ports import DialogRow, Verdict, Wanted
from dfks_rules.store.migrations import MIGRATIONS
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.wanted import change, commit, dialog_row

ALICE, BOB = Aor("alice", "example.com"), Aor("bob", "example.com")
DND, CFA = Feature.DO_NOT_DISTURB, Feature.CALL_FORWARDING_ALWAYS
ON, OFF = FeatureState(status=True), FeatureState()
SUBSCRIBE = (
    b"udp\t127.0.0.1\t5060\t127.0.0.1\t5070\r\n"
    b"SUBSCRIBE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:alice@example.com>\r\nCall-ID: c\r\n"
    b"CSeq: 1 SUBSCRIBE\r\nContact: <sip:alice@127.0.0.1>\r\nEvent: as-feature-event\r\n"
    b"Content-Length: 0"
)

Press = tuple[Aor, Feature, FeatureState]


def to(target: str) -> FeatureState:
    """A forwarding that is on."""
    return FeatureState(True, values_from({Value.FORWARD_TO: target}))


async def press(
    store: SqliteStore,
    presentity: Aor,
    feature: Feature = DND,
    state: FeatureState = ON,
    requester: Requester | None = None,
) -> Snapshot:
    """Store a state, as the presentity's phone asks for it; gives what is stored then."""
    before = store.known(presentity)
    assert before is not None
    after = before.replace(feature, state)
    made = change(presentity, before, after, requester, first=17, rule="default/store")
    verdict, error, _ = await commit(store, Wanted((made,)))
    assert verdict is Verdict.STORED, error
    return after


async def press_all(path: Path, presses: Iterable[Press]) -> None:
    """Open a store, press keys, and close it."""
    store = SqliteStore(path, asyncio.get_running_loop(), start="abc123")
    try:
        for presentity, feature, state in presses:
            await press(store, presentity, feature, state)
    finally:
        store.close()


def fill(path: Path, *presses: Press) -> None:
    """The same, outside a loop."""
    asyncio.run(press_all(path, presses))


def subscribe(path: Path, number: int, first: bytes = SUBSCRIBE) -> None:
    """Store a subscription."""
    row: DialogRow = dialog_row(number, first=first)
    user, domain = row.presentity
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row.row, row.tag, user, domain, *row[3:]),
        )
        connection.commit()


def change_file(path: Path, statement: str) -> None:
    """Change a store as no server does."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statement)


def spoil(path: Path, *tables: str) -> bytes:
    """Spoil the first page of each of these tables; gives what is in the file then."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_master").fetchall())
    content = bytearray(path.read_bytes())
    for table in tables:
        start = (pages[table] - 1) * 4096
        content[start : start + 4096] = b"\x5a" * 4096
    path.write_bytes(content)
    return bytes(content)


def renumber_first(path: Path, table: str, number: int) -> None:
    """Give the first row of a small table another number (below 128), where it stands."""
    with closing(sqlite3.connect(path)) as connection:
        [page] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    content = bytearray(path.read_bytes())
    start = (page - 1) * 4096
    place = start + int.from_bytes(content[start + 8 : start + 10], "big")
    while content[place] & 0x80:  # How long the row is.
        place += 1
    content[place + 1] = number
    path.write_bytes(content)


def spoil_schema(path: Path) -> None:
    """Put what is no text in place of the name of a table."""
    change_file(
        path,
        "PRAGMA writable_schema = 1;"
        "UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), sql = 'CREATE' "
        "WHERE name = 'presentity';",
    )


def make_newer(path: Path, release: str = "7.1.0") -> int:
    """Give a store the version of a release that does not exist yet; gives the version."""
    newer = len(MIGRATIONS) + 1
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO migration VALUES (?, ?, '')", (newer, release))
        connection.execute(f"PRAGMA user_version = {newer}")
        connection.commit()
    return newer


def make_older(path: Path) -> None:
    """Take a store back to version 2, which had neither journal nor subscriptions."""
    change_file(
        path,
        "DROP TABLE answer;"
        "DROP TABLE import_job; DROP TABLE import_refusal;"
        "DROP VIEW dfks_calls; DROP VIEW dfks_state;"
        "DROP TABLE server; DROP TABLE change; DROP TABLE subscription; DROP TABLE migration;"
        "DROP TABLE webhook_endpoint; DROP TABLE webhook_cursor; DROP TABLE webhook_dead;"
        "DROP INDEX feature_state_by_expiry;"
        "ALTER TABLE feature_state DROP COLUMN expires;"
        "ALTER TABLE feature_state DROP COLUMN expires_by;"
        "ALTER TABLE presentity DROP COLUMN changed; PRAGMA user_version = 2",
    )


def ask(path: Path, query: str) -> list[tuple[object, ...]]:
    """What another program reads."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: what a full disk looks like to one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
