"""The tables and functions in PostgreSQL, and their versions.

Each file in `sql` is a step, applied once, in one transaction with its record. Servers of two
releases run beside each other while a cluster is upgraded: a step may add what an older release
does without, and functions carry versions in their names, so that old and new ones are there. A
step that removes something names the oldest release that goes without it (`-- min-release: X.Y.Z`),
and is refused while a node of an older one lives.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.store.postgres.connection import FAILURES, Connection, Row, connect, unavailable

if TYPE_CHECKING:
    import asyncpg

_MIN_RELEASE = re.compile(r"-- min-release: (\S+)\n")
# Limits go with the role, since a pooler passes on no settings of a session.
_PREPARE = """
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT pg_advisory_xact_lock(7234193);
    CREATE SCHEMA IF NOT EXISTS dfks;
    CREATE TABLE IF NOT EXISTS dfks.schema_version (
        version     int PRIMARY KEY,
        release     text NOT NULL,      -- which has applied the step
        min_release text NOT NULL,      -- the oldest that can use what there is then
        at          timestamptz NOT NULL DEFAULT clock_timestamp()
    );
"""
LIMITS = (
    ("statement_timeout", "4s"),
    ("lock_timeout", "1500ms"),
    ("idle_in_transaction_session_timeout", "1s"),
)
"""How long a statement may take, so that phones get an answer in time."""
ALIVE = (
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
)
"""Seconds after which the engine looks whether a silent node is there: firewalls forget connections
that nothing comes by.
"""
PLANS = (("jit", "off"),)
"""Nothing of ours is worth compiling. asyncpg asks a new connection about types by a statement that
would be, for seconds on a busy machine; it switches that off before, behind a pooler perhaps on
another connection.
"""
# A connection that a pooler has had for longer does without them until it is made anew.
_UNLIMITED = """
    SELECT s.name FROM pg_settings s
    WHERE s.name = ANY ($1) AND s.setting = '0' AND NOT EXISTS (
        SELECT FROM pg_db_role_setting r, unnest(r.setconfig) AS one
        WHERE r.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
            AND r.setdatabase IN (0, (SELECT oid FROM pg_database
                WHERE datname = current_database()))
            AND split_part(one, '=', 1) = s.name AND split_part(one, '=', 2) !~ '^0+[a-z]*$')"""
_ME = "SELECT quote_ident(session_user) AS role, quote_ident(current_database()) AS name"
_OLDEST = 140000
"""The oldest PostgreSQL that is tested: 14."""
_SERVER = """
    SELECT current_setting('server_version') AS release,
        current_setting('server_version_num')::int AS number,
        current_setting('server_encoding') AS encoding"""
_VERSION = "SELECT coalesce(max(version), 0) FROM dfks.schema_version"
_RECORD = "INSERT INTO dfks.schema_version (version, release, min_release) VALUES ($1, $2, $3)"
_THERE = "SELECT to_regclass('dfks.schema_version') IS NOT NULL AS is_there"
_VERSIONS = "SELECT version, release, min_release FROM dfks.schema_version ORDER BY version"
_HAS_NODES = "SELECT to_regclass('dfks.node') IS NOT NULL"
_LAPSED = """
    SELECT n.epoch, n.release FROM dfks.node n JOIN dfks.lease l ON l.epoch = n.epoch
    WHERE n.alive AND l.until < clock_timestamp() FOR UPDATE OF l SKIP LOCKED"""
_BURY = """
    UPDATE dfks.node SET alive = false, ended = clock_timestamp()
    WHERE epoch = ANY ($1) AND alive"""
_NOBODY_JOINS = "LOCK TABLE dfks.node IN SHARE ROW EXCLUSIVE MODE"
_LIVING = "SELECT name, release FROM dfks.node WHERE alive ORDER BY name"


class Migration(NamedTuple):
    """A step."""

    name: str
    min_release: str
    script: str


class Migrated(NamedTuple):
    """What a migration has done."""

    before: int
    """Version of the schema before; 0: there was none."""
    after: int


@cache
def migrations() -> tuple[Migration, ...]:
    """All steps that this release knows, in order; the first leads to version 1."""
    folder = resources.files("dfks_rules.store.postgres") / "sql"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return tuple(_migration(file.name, file.read_text("utf-8")) for file in files)


def _migration(name: str, script: str) -> Migration:
    found = _MIN_RELEASE.match(script)
    assert found is not None, f"{name} does not begin with `-- min-release: `"  # noqa: S101
    return Migration(name, found[1], script)


async def migrate(
    url: str, steps: tuple[Migration, ...] | None = None, release: str = __version__
) -> Migrated:
    """Make the schema, or bring it to the version of this release; servers may run.

    Args:
        url: `postgresql://…`; connect as the role that servers connect as.
        steps: what to apply; None: those of this release.
        release: of this program.

    Raises:
        StoreError: `store_newer_version`, `store_unsuitable`, `store_unavailable`; `store_in_use`:
            a node lives that could not go on; the steps before have been applied.
    """
    known = migrations() if steps is None else steps
    connection = None
    try:
        connection = await connect(url, "dfks store migrate")
        _refuse_server(await connection.fetchrow(_SERVER))
        before = await _apply(connection, known, 0, release)
        version = before
        while version < len(known):
            version = await _apply(connection, known, 1, release)
    except FAILURES as error:
        raise unavailable(error) from error
    finally:
        if connection is not None:
            connection.terminate()
    return Migrated(before, max(before, version))


async def _apply(
    connection: "asyncpg.Connection", known: tuple[Migration, ...], count: int, release: str
) -> int:
    """Apply the next `count` steps, 0 or 1, in a transaction; the version then."""
    await connection.execute("BEGIN")
    await connection.execute(_PREPARE)
    me = await connection.fetchrow(_ME)
    for name, value in (*LIMITS, *ALIVE, *PLANS):
        await connection.execute(_limit(me, name, value))
    version = int(await connection.fetchval(_VERSION))
    if version > len(known):
        _refuse_newer(await connection.fetch(_VERSIONS), release)
    elif count and version < len(known):
        step = known[version]
        await _refuse_older_nodes(connection, step)
        await connection.execute(step.script)
        version += 1
        await connection.execute(_RECORD, version, release, step.min_release)
    await connection.execute("COMMIT")
    return version


async def _refuse_older_nodes(connection: "asyncpg.Connection", step: Migration) -> None:
    """Refuse a step that takes away what a living node needs; those that are silent are buried.

    Nobody joins until the step is committed; whoever does then looks at the version afterwards.

    Raises:
        StoreError: `store_in_use`.
    """
    oldest = _release(step.min_release)
    before = [_release(row["min_release"]) for row in await connection.fetch(_VERSIONS)]
    if oldest <= max(before, default=()) or not await connection.fetchval(_HAS_NODES):
        return
    # Leases first, as all who bury do.
    lapsed = await connection.fetch(_LAPSED)
    older = [row["epoch"] for row in lapsed if _release(row["release"]) < oldest]
    await connection.execute(_BURY, older)
    await connection.execute(_NOBODY_JOINS)
    living = await connection.fetch(_LIVING)
    names = [
        f"{row['name']} ({row['release']})" for row in living if _release(row["release"]) < oldest
    ]
    if names:
        why = (
            f"the step {step.name} takes away what releases before {step.min_release} need, and "
            f"these nodes still run: {', '.join(names)}; upgrade or stop them, "
            "then run `dfks store migrate` again"
        )
        raise StoreError("store_in_use", why)


async def check(
    connection: Connection, steps: tuple[Migration, ...] | None = None, release: str = __version__
) -> None:
    """See whether servers of this release can use the schema.

    Raises:
        StoreError: `store_older_version`: it has to be made or migrated first;
            `store_newer_version`; `store_unsuitable`: statements could take for ever, as this is
            not the role that made the schema; `store_unavailable`.
    """
    known = migrations() if steps is None else steps
    found: list[Row] = []
    if (await connection.row(_THERE))["is_there"]:
        found = await connection.rows(_VERSIONS)
    version = max([row["version"] for row in found], default=0)
    if version < len(known):
        has = f"is at version {version} of {len(known)}" if version else "has no tables yet"
        why = f"the database {has}; what helps: `dfks store migrate`"
        raise StoreError("store_older_version", why)
    if version > len(known):
        _refuse_newer(found, release)
    missing = [row["name"] for row in await connection.rows(_UNLIMITED, [*dict(LIMITS)])]
    if missing:
        me = await connection.row(_ME)
        lines = "; ".join(_limit(me, *one) for one in LIMITS if one[0] in missing)
        why = f"the role {me['role']} has no limits in this database; what helps: `{lines}`"
        raise StoreError("store_unsuitable", why)


def _limit(me: Row, name: str, value: str) -> str:
    """The statement that sets a default of a role in a database."""
    return f"ALTER ROLE {me['role']} IN DATABASE {me['name']} SET {name} = '{value}'"


def _refuse_server(server: Row) -> None:
    """Refuse a database that cannot hold what is stored.

    Raises:
        StoreError: `store_unsuitable`.
    """
    if server["number"] < _OLDEST:
        why = f"this is PostgreSQL {server['release']}, and 14 or newer is needed"
        raise StoreError("store_unsuitable", why)
    if server["encoding"] != "UTF8":
        why = f"the database has the encoding {server['encoding']}, and UTF8 is needed"
        raise StoreError("store_unsuitable", why)


def _refuse_newer(found: Sequence[Row], release: str) -> None:
    """Refuse a schema that this release cannot use.

    Raises:
        StoreError: `store_newer_version`.
    """
    oldest = max([row["min_release"] for row in found], key=_release)
    if _release(release) < _release(oldest):
        newest = found[-1]
        why = (
            f"the database is at version {newest['version']}, of dfks-rules {newest['release']}; "
            f"this is {release}, and {oldest} or newer is needed"
        )
        raise StoreError("store_newer_version", why)


def _release(text: str) -> tuple[int, ...]:
    """A release, to be compared; what follows the numbers does not count."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
