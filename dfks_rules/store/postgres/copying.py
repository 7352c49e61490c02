"""Everything that a file keeps, put into a database that nodes share.

All of it comes in one transaction, or nothing. To the nodes, the server that used the file is a
life that has ended: the first of them takes its subscriptions over, in the dialogs that phones
have, with CSeqs that go on rising.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.store import webhooks
from dfks_rules.store.check import examine
from dfks_rules.store.life import Beat
from dfks_rules.store.postgres import schema
from dfks_rules.store.postgres.connection import FAILURES, Connection, connect, unavailable
from dfks_rules.store.postgres.webhooks import endpoint_json
from dfks_rules.store.reader import open_to_read, refuse_other_versions
from dfks_rules.store.restore import lock_store

if TYPE_CHECKING:
    import asyncpg

NAME = "dfks store copy"
"""Of the life that has ended, and of the connection."""
PATIENCE = 3600.0
"""How long one table may take, s."""

_BEGIN = """
    BEGIN;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = 0;
    -- Nobody joins meanwhile.
    LOCK TABLE dfks.node, dfks.presentity, dfks.change, dfks.subscription, dfks.webhook_endpoint
        IN EXCLUSIVE MODE;
"""
_LIVING = "SELECT count(*) FROM dfks.node WHERE alive"
_COUNTS = """
    SELECT (SELECT count(*) FROM dfks.presentity),
        (SELECT count(*) FROM dfks.presentity p, jsonb_object_keys(p.states)),
        (SELECT count(*) FROM dfks.change), (SELECT count(*) FROM dfks.subscription),
        (SELECT count(*) FROM dfks.webhook_endpoint)"""
_LIFE = """
    INSERT INTO dfks.node (name, release, alive, is_clean, ended)
    VALUES ($1, $2, false, $3, clock_timestamp())
    RETURNING epoch, extract(epoch FROM clock_timestamp())::double precision"""
_LEASE = """
    INSERT INTO dfks.lease (epoch, until, renewed)
    VALUES ($1, to_timestamp($2), to_timestamp($2))"""
_COHORTS = """
    INSERT INTO dfks.cohort (id, owner)
    SELECT $1::bigint * 64 + n, $1 FROM generate_series(0, 63) n"""
_TAGS = "UPDATE dfks.secret SET secret = $1"
_COUNTER = "UPDATE dfks.counter SET value = $2 WHERE name = $1"

_STATES = """
    SELECT p.domain, p.user, p.revision,
        json_group_object(s.feature, json_patch(
            json_object(
                'status', json(CASE WHEN s.status THEN 'true' ELSE 'false' END),
                'values', json(s.feature_values)),
            -- NULL leaves out.
            json_object('expires', s.expires, 'expires_by', s.expires_by)))
            FILTER (WHERE s.feature IS NOT NULL),
        max(s.changed_at)
    FROM presentity p LEFT JOIN feature_state s USING (domain, user)
    GROUP BY p.domain, p.user ORDER BY p.domain, p.user"""
_CHANGES = """
    SELECT seq, at, domain, user, revision, feature, before, after, origin, actor, rule, decision
    FROM change ORDER BY seq"""
_SERVER = "SELECT term, secret, beat_at, beat_boot, boot_id, is_clean, told FROM server"
_DEAD = """
    SELECT number, endpoint, event, type, user, domain, at, tries, reason, body
    FROM webhook_dead ORDER BY number"""
_IMPORTS = "SELECT count(*) FROM import_job"
_SUBSCRIPTIONS = """
    SELECT tag, user, domain, deadline, cseq, base, flags, first, last
    FROM subscription ORDER BY row"""


class Counts(NamedTuple):
    """How much there is."""

    users: int
    features: int
    """Of all users: those that were ever set."""
    changes: int
    subscriptions: int
    webhooks: int


class Copied(NamedTuple):
    """What came of it."""

    source: Counts
    target: Counts
    """As the database tells once everything is done."""
    imports: int
    """Left behind: nodes have none."""


class _Life(NamedTuple):
    """Who used the file last."""

    term: int
    secret: bytes | None
    """None: no server ever did."""
    beat: Beat | None


Clock = Callable[[Beat | None], float]
"""What the scale of deadlines in the file says now, from its last heartbeat; seconds since 1970."""


async def copy_store(source: Path, url: str, clock: Clock) -> Copied:
    """Copy a file that no server uses into a database with our tables and nothing in them.

    Args:
        source: the file; it is only read.
        url: `postgresql://…`.
        clock: of the file.

    Raises:
        StoreError: `store_in_use`: a server uses the file; `store_unsound`; `store_not_empty`: of
            the database; `store_older_version`, `store_newer_version`; `store_unavailable`.
            Nothing is copied then.
    """
    with ExitStack() as opened:
        connection = _opened(source, opened)
        try:
            await _check(url)
            return await _copy(connection, url, clock)
        except StoreError as error:
            # It is about the database; within this block it would be put down to the file.
            failure = error
    raise failure


def _opened(source: Path, opened: ExitStack) -> sqlite3.Connection:
    """A sound file that no server uses, until `opened` is closed."""
    connection = opened.enter_context(open_to_read(source))
    refuse_other_versions(connection)
    lock_store(source.resolve(), opened)
    examine(source)
    return connection


async def _check(url: str) -> None:
    asking = Connection(url, NAME)
    try:
        await schema.check(asking)
    finally:
        await asking.close()


async def _copy(source: sqlite3.Connection, url: str, clock: Clock) -> Copied:
    target = None
    try:
        target = await connect(url, NAME)
        await target.execute(_BEGIN)
        await _refuse_used(target)
        await _fill(source, target, clock)
        here = _counts_of(source)
        _refuse_difference(here, await _counts(target))
        await target.execute("COMMIT", timeout=PATIENCE)
        there = await _counts(target)
    except FAILURES as error:
        raise unavailable(error) from error
    finally:
        if target is not None:
            target.terminate()
    _refuse_difference(here, there)
    return Copied(here, there, *source.execute(_IMPORTS).fetchone())


async def _refuse_used(target: "asyncpg.Connection") -> None:
    """Raise unless nobody has stored anything, or is about to.

    Raises:
        StoreError: `store_not_empty`.
    """
    if living := await target.fetchval(_LIVING):
        use = "1 node uses" if living == 1 else f"{living} nodes use"
        why = f"{use} the database: stop them first; if they were killed, start one and stop it"
        raise StoreError("store_not_empty", why)
    counts = await _counts(target)
    if any(counts):
        said = ", ".join(
            f"{n:,} {what if n > 1 else what.removesuffix('s')}"
            for what, n in counts._asdict().items()
            if n
        )
        why = f"the database has {said} already: copy into one that is empty"
        raise StoreError("store_not_empty", why)


async def _counts(target: "asyncpg.Connection") -> Counts:
    return Counts(*(await target.fetchrow(_COUNTS, timeout=PATIENCE)).values())


def _counts_of(source: sqlite3.Connection) -> Counts:
    tables = ("presentity", "feature_state", "change", "subscription", "webhook_endpoint")
    of = [source.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in tables]  # noqa: S608
    return Counts(*of)


def _refuse_difference(source: Counts, target: Counts) -> None:
    if source != target:
        why = f"the copy has {tuple(target)} in place of {tuple(source)}: report it, it is a bug"
        raise StoreError("store_unsound", why)


async def _fill(source: sqlite3.Connection, target: "asyncpg.Connection", clock: Clock) -> None:
    life = _life(source)
    is_clean = life.beat is None or life.beat.is_clean
    epoch, now = await target.fetchrow(_LIFE, NAME, __version__, is_clean)
    ahead = now - clock(life.beat)
    lived = now if life.beat is None else life.beat.at + ahead
    await target.execute(_LEASE, epoch, lived)
    await target.execute(_COHORTS, epoch)
    if life.secret is not None:
        await target.execute(_TAGS, life.secret)
    await _put(
        target,
        "presentity",
        ("domain", "username", "revision", "states", "changed_at"),
        _presentities(source, datetime.fromtimestamp(now, UTC)),
    )
    await _put(
        target,
        "change",
        (
            *("seq", "at", "epoch", "domain", "username", "revision", "feature", "before"),
            *("after", "origin", "actor", "rule", "decision", "tells"),
        ),
        _changes(source, epoch),
    )
    await _put(
        target,
        "subscription",
        (
            *("number", "tag", "domain", "username", "deadline", "cseq", "base", "flags"),
            *("first", "last"),
        ),
        _subscriptions(source, epoch, life.term, ahead),
    )
    await _put_webhooks(source, target)
    oldest, newest = source.execute("SELECT min(seq), max(seq) FROM change").fetchone()
    if newest is not None:
        # Whoever has a number of the file goes on from there.
        await target.execute(_COUNTER, "newest", newest)
        await target.execute(_COUNTER, "purged", oldest - 1)


async def _put_webhooks(source: sqlite3.Connection, target: "asyncpg.Connection") -> None:
    """Numbers of changes stay, so whoever is told goes on where he was."""
    endpoints = ((one.id, one.created, endpoint_json(one)) for one in webhooks.endpoints(source))
    await _put(target, "webhook_endpoint", ("id", "created", "said"), endpoints)
    cursors = iter(webhooks.cursors(source))
    await _put(target, "webhook_cursor", ("endpoint", "lane", "seq", "tries", "waited"), cursors)
    await _put(
        target,
        "webhook_dead",
        (
            *("number", "endpoint", "event", "type", "username", "domain", "at", "tries"),
            *("reason", "body"),
        ),
        source.execute(_DEAD),
    )


async def _put(
    target: "asyncpg.Connection",
    table: str,
    columns: tuple[str, ...],
    records: Iterator[tuple[Any, ...]],
) -> None:
    await target.copy_records_to_table(
        table, schema_name="dfks", columns=columns, records=records, timeout=PATIENCE
    )


def _life(source: sqlite3.Connection) -> _Life:
    row = source.execute(_SERVER).fetchone()
    if row is None:
        return _Life(0, None, None)
    term, secret, at, boot, boot_id, is_clean, told = row
    beat = None if at is None else Beat(at, boot, boot_id, bool(is_clean), told)
    return _Life(term, secret, beat)


def _presentities(source: sqlite3.Connection, now: datetime) -> Iterator[tuple[Any, ...]]:
    for domain, user, revision, states, changed_at in source.execute(_STATES):
        at = now if changed_at is None else datetime.fromisoformat(changed_at)
        yield domain, user, revision, states or "{}", at


def _changes(source: sqlite3.Connection, epoch: int) -> Iterator[tuple[Any, ...]]:
    for seq, at, *rest in source.execute(_CHANGES):
        yield seq, datetime.fromtimestamp(at, UTC), epoch, *rest, True


def _subscriptions(
    source: sqlite3.Connection, epoch: int, term: int, ahead: float
) -> Iterator[tuple[Any, ...]]:
    """Rows of the life that has ended, whose cohorts have term 0 until somebody claims them: the
    term of a NOTIFY is then one higher than the server's was.
    """
    rows = source.execute(_SUBSCRIPTIONS)
    for number, row in enumerate(rows, (epoch << 32) + 1):
        tag, user, domain, deadline, cseq, base, flags, first, last = row
        yield (
            *(number, tag, domain, user, deadline + ahead, cseq),
            *(base + term, flags, first, last),
        )
