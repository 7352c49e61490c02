"""Migrations of the tables: each step is applied once, in one transaction with its record."""

import sqlite3

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.store.calls import CREATE_CALLS

APPLICATION_ID = int.from_bytes(b"dfks", "big")
"""Marks a file as ours, so that another program's database is never touched."""

# Never edit a released step: add a new one.
MIGRATIONS: tuple[str, ...] = (
    f"""
    PRAGMA application_id = {APPLICATION_ID};
    CREATE TABLE presentity (
        user     TEXT NOT NULL,
        domain   TEXT NOT NULL,
        revision INTEGER NOT NULL,  -- rises by one with each change
        PRIMARY KEY (domain, user)
    ) WITHOUT ROWID;
    CREATE TABLE feature_state (
        user       TEXT NOT NULL,
        domain     TEXT NOT NULL,
        feature    TEXT NOT NULL,   -- DoNotDisturb, CallForwardingAlways, ...
        status     INTEGER NOT NULL CHECK (status IN (0, 1)),
        forward_to TEXT,            -- NULL when never said
        ring_count INTEGER,         -- NULL when never said
        changed_at TEXT NOT NULL,   -- UTC, ISO 8601
        PRIMARY KEY (domain, user, feature)
    ) WITHOUT ROWID;
    """,
    # Values by name, so that a new one needs no column; the old columns remain for readers.
    """
    CREATE TABLE newer_feature_state (
        user           TEXT NOT NULL,
        domain         TEXT NOT NULL,
        feature        TEXT NOT NULL,   -- DoNotDisturb, CallForwardingAlways, ...
        status         INTEGER NOT NULL CHECK (status IN (0, 1)),
        forward_to     TEXT AS (feature_values ->> 'forwardTo'),
        ring_count     INTEGER AS (feature_values ->> 'ringCount'),
        changed_at     TEXT NOT NULL,   -- UTC, ISO 8601
        feature_values TEXT NOT NULL,   -- a JSON object: name → value; those never said are missing
        PRIMARY KEY (domain, user, feature)
    ) WITHOUT ROWID;
    INSERT INTO newer_feature_state (user, domain, feature, status, feature_values, changed_at)
    SELECT user, domain, feature, status,
        json_patch('{}', json_object('forwardTo', forward_to, 'ringCount', ring_count)), changed_at
    FROM feature_state;
    DROP TABLE feature_state;
    ALTER TABLE newer_feature_state RENAME TO feature_state;
    """,
    # What a restart needs: which life of the server it is, who changed what, who watches.
    """
    ALTER TABLE presentity ADD COLUMN
        changed INTEGER NOT NULL DEFAULT 0;  -- `seq` of its newest change; 0: none is known
    CREATE TABLE server (
        one       INTEGER PRIMARY KEY CHECK (one = 1),
        term      INTEGER NOT NULL,     -- rises with each start
        secret    BLOB NOT NULL,        -- makes our tags in dialogs
        beat_at   REAL,                 -- when the server was last known to live, s since 1970
        beat_boot REAL,                 -- the same moment in seconds since the machine started
        boot_id   TEXT NOT NULL,        -- which start of the machine that was
        is_clean  INTEGER NOT NULL      -- 1: it was the end of a planned stop
    );
    CREATE TABLE change (
        seq      INTEGER PRIMARY KEY,
        at       REAL NOT NULL,         -- s since 1970
        user     TEXT NOT NULL,
        domain   TEXT NOT NULL,
        revision INTEGER NOT NULL,      -- of the presentity, from then on
        feature  TEXT NOT NULL,
        before   TEXT NOT NULL,         -- {"status": true, "values": {name: value}}
        after    TEXT NOT NULL,
        origin   TEXT NOT NULL,         -- watcher, operator, internal
        actor    TEXT NOT NULL,         -- who asked
        rule     TEXT NOT NULL,         -- id of the rule that decided; empty: none
        decision TEXT NOT NULL,         -- id in the decision log
        previous INTEGER NOT NULL       -- `seq` of the presentity's change before; 0: none
    );
    CREATE TABLE subscription (
        row      INTEGER PRIMARY KEY,   -- rises with each subscription
        tag      BLOB NOT NULL,         -- our tag in its dialog
        user     TEXT NOT NULL,
        domain   TEXT NOT NULL,
        deadline REAL NOT NULL,         -- s since 1970
        cseq     INTEGER NOT NULL,      -- of the last SUBSCRIBE
        base     INTEGER NOT NULL,      -- CSeq of a NOTIFY = (base + server.term) * 2048 + n
        flags    INTEGER NOT NULL,
        first    BLOB NOT NULL,         -- the SUBSCRIBE that made the dialog; see presence/rows.py
        last     BLOB                   -- the last one that said something else
    );
    """,
    # `change.at` is what the wall clock said; what must not follow it when it is set has its own.
    """
    ALTER TABLE change ADD COLUMN
        steady REAL;                    -- s since 1970, as if nobody had set the clock; NULL: `at`
    ALTER TABLE server ADD COLUMN
        told INTEGER NOT NULL DEFAULT 0;  -- `seq` of a change: no phone waits for it or older ones
    UPDATE server SET told = coalesce(
        (SELECT seq FROM change WHERE at < beat_at - 40 ORDER BY seq DESC LIMIT 1), 0);
    """,
    CREATE_CALLS,
    # What requests with an Idempotency-Key were answered, for a day.
    """
    CREATE TABLE answer (
        caller  TEXT NOT NULL,          -- name of the token
        key     TEXT NOT NULL,
        number  INTEGER NOT NULL,       -- rises with each answer
        at      REAL NOT NULL,          -- s since 1970
        request BLOB NOT NULL,          -- SHA-256 of what was asked
        status  INTEGER NOT NULL,
        headers TEXT NOT NULL,          -- a JSON object
        body    BLOB NOT NULL,
        PRIMARY KEY (caller, key)
    ) WITHOUT ROWID;
    CREATE INDEX answer_by_number ON answer (number);
    """,
    # Who is told of changes by HTTP, how far, and what was given up.
    """
    CREATE TABLE webhook_endpoint (
        id         TEXT PRIMARY KEY,
        url        TEXT NOT NULL,
        secret     TEXT NOT NULL,       -- whsec_...
        old_secret TEXT,                -- signs as well until `old_until`
        old_until  REAL NOT NULL,       -- s since 1970
        types      TEXT NOT NULL,       -- a JSON list
        domains    TEXT,                -- a JSON list; NULL: all
        coalesce   INTEGER NOT NULL,
        off        TEXT,                -- why nothing is sent; NULL: it is
        actor      TEXT NOT NULL,       -- whose token has made it
        created    REAL NOT NULL        -- s since 1970
    ) WITHOUT ROWID;
    CREATE TABLE webhook_cursor (
        endpoint TEXT NOT NULL,
        lane     INTEGER NOT NULL,      -- crc32(presentity) % 8
        seq      INTEGER NOT NULL,      -- of this lane, all changes up to it are done
        tries    INTEGER NOT NULL,      -- of the next event, which have failed
        waited   REAL NOT NULL,         -- s in between
        PRIMARY KEY (endpoint, lane)
    ) WITHOUT ROWID;
    CREATE TABLE webhook_dead (
        number   INTEGER PRIMARY KEY,   -- rises with each
        endpoint TEXT NOT NULL,
        event    TEXT NOT NULL,         -- its id
        type     TEXT NOT NULL,
        user     TEXT,                  -- whom it is about; NULL: all
        domain   TEXT,
        at       REAL NOT NULL,         -- when it was given up, s since 1970
        tries    INTEGER NOT NULL,
        reason   TEXT NOT NULL,
        body     BLOB NOT NULL
    );
    CREATE INDEX webhook_dead_of ON webhook_dead (endpoint, number);
    """,
    # Imports: how far each is, and what was refused.
    """
    CREATE TABLE import_job (
        id        TEXT PRIMARY KEY,
        format    TEXT NOT NULL,        -- csv, ndjson
        is_dry    INTEGER NOT NULL,     -- 1: nothing is set
        actor     TEXT NOT NULL,        -- who asked for it
        domains   TEXT,                 -- a JSON array: whose presentities; NULL: everybody's
        size      INTEGER NOT NULL,     -- bytes of the file
        sha256    TEXT NOT NULL,        -- of the file
        begun_at  REAL NOT NULL,        -- s since 1970
        status    TEXT NOT NULL,        -- waiting, running, done, cancelled, failed
        position  INTEGER NOT NULL,     -- bytes that are done
        rows      INTEGER NOT NULL,     -- rows that are done, and what came of them:
        changed   INTEGER NOT NULL,
        unchanged INTEGER NOT NULL,
        refused   INTEGER NOT NULL,
        unusable  INTEGER NOT NULL,
        ended_at  REAL,
        why       TEXT NOT NULL         -- why it failed
    ) WITHOUT ROWID;
    CREATE TABLE import_refusal (
        job        TEXT NOT NULL,
        row        INTEGER NOT NULL,
        part       INTEGER NOT NULL,    -- position among the sets of the row
        presentity TEXT NOT NULL,
        feature    TEXT NOT NULL,
        reason     TEXT NOT NULL,
        rule       TEXT NOT NULL,
        text       TEXT NOT NULL,
        decision   TEXT NOT NULL,
        PRIMARY KEY (job, row, part)
    ) WITHOUT ROWID;
    """,
    # What is switched off by itself, and when.
    """
    ALTER TABLE feature_state ADD COLUMN
        expires INTEGER;                -- s since 1970; NULL: when somebody switches it off
    ALTER TABLE feature_state ADD COLUMN
        expires_by TEXT;                -- id of the rule that says so
    CREATE INDEX feature_state_by_expiry ON feature_state (expires) WHERE expires IS NOT NULL;
    """,
)
"""The scripts; a file's version (`PRAGMA user_version`) is the number of them applied to it."""

_RECORD = """
    CREATE TABLE IF NOT EXISTS migration (
        version INTEGER PRIMARY KEY,
        release TEXT NOT NULL,  -- of dfks-rules that applied it, and so can use the file
        at      TEXT NOT NULL   -- UTC, ISO 8601
    );
    INSERT INTO migration VALUES ({version}, '{release}', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
    PRAGMA user_version = {version};"""


def migrate(connection: sqlite3.Connection) -> int:
    """Bring a file to the newest version; gives the version before. An empty file gets all tables.

    Raises:
        StoreError: `store_newer_version`, or `store_not_a_database` for another program's file.
        sqlite3.Error: the file cannot be read or written; nothing of the failed step is kept.
    """
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise newer_version(connection)
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        record = _RECORD.format(version=number, release=__version__)
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} {record} COMMIT;")
        finally:
            if connection.in_transaction:
                connection.rollback()
    return version


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file of ours; 0 for an empty one.

    Raises:
        StoreError: `store_not_a_database`: it belongs to another program, or has no such version.
    """
    [version] = connection.execute("PRAGMA user_version").fetchone()
    [application] = connection.execute("PRAGMA application_id").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreError("store_not_a_database", "it belongs to another program")
    if version < 0:
        raise StoreError("store_not_a_database", f"its version is {version}")
    return int(version)


def release_of(connection: sqlite3.Connection) -> str | None:
    """The release of dfks-rules that gave a file its version; None: one that kept no record."""
    if not is_table(connection, "migration"):
        return None
    try:
        row = connection.execute(
            "SELECT release FROM migration WHERE version = ?", (version_of(connection),)
        ).fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else str(row[0])


def is_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a file has such a table; a view in its place may come to no end."""
    query = "SELECT type = 'table' FROM sqlite_master WHERE name = ?"
    return bool(connection.execute(query, (name,)).fetchone() == (1,))


def newer_version(connection: sqlite3.Connection) -> StoreError:
    """The error for a file that only a newer release can use; says which."""
    version, release = version_of(connection), release_of(connection)
    writer = f"dfks-rules {release}" if release else "a newer dfks-rules"
    needed = f"dfks-rules {release} or newer" if release else "a newer dfks-rules"
    return StoreError(
        "store_newer_version",
        f"it has version {version}, written by {writer}; this is dfks-rules {__version__}, which "
        f"knows versions up to {len(MIGRATIONS)}: use {needed}, or restore a backup from before "
        "the upgrade",
    )
