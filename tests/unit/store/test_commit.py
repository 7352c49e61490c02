"""One transaction."""

import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Verdict, Wanted
from dfks_rules.store import commit, dialogs, journal, life
from dfks_rules.store.commit import Asked, Writer
from dfks_rules.store.journal import When
from dfks_rules.store.life import Beat
from dfks_rules.store.migrations import migrate
from dfks_rules.store.plan import Rows
from dfks_rules.store.tables import read
from tests.helpers.states import forwarding
from tests.helpers.wanted import change, dialog_row, wanted

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
DND, _, CFB, CFNA = FEATURES[:4]
FIRST = NOTHING_STORED.replace(DND, FeatureState(status=True))
SECOND = FIRST.replace(CFB, forwarding(True, "2424"))
NOW = When(1.0, 1.0)
STORED, UNAVAILABLE = Verdict.STORED, Verdict.UNAVAILABLE


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with empty tables."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    life.begin(opened)
    yield opened
    opened.close()


@pytest.fixture
def writer(connection: sqlite3.Connection) -> Writer:
    """Writes to it, in its first life."""
    return Writer(connection, 1, start="abc")


def _write(writer: Writer, *asked: Asked, at: float = 1.0) -> list[Verdict]:
    return [verdict for verdict, _ in writer.write(asked, None, When(7.0, at))]


def test_only_the_features_that_changed_have_rows(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """`changed_at` then says when that feature was changed last."""
    state = forwarding(True, "2424", 4)
    _write(writer, wanted(ALICE, NOTHING_STORED, NOTHING_STORED.replace(CFNA, state)))
    rows = connection.execute("SELECT * FROM feature_state").fetchall()
    assert [row[:6] for row in rows] == [
        ("alice", "example.com", "CallForwardingNoAnswer", 1, "2424", 4)
    ]
    [[well_formed]] = connection.execute(
        "SELECT changed_at GLOB '????-??-??T??:??:??.???Z' AND julianday(changed_at) NOT NULL "
        "FROM feature_state"
    )
    assert well_formed


def test_changes_that_build_on_each_other_are_stored_in_one_go(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """Two presses of one user can come into one batch."""
    asked = [wanted(ALICE, NOTHING_STORED, FIRST), wanted(ALICE, FIRST, SECOND)]
    assert _write(writer, *asked) == [STORED, STORED]
    assert read(connection, ALICE) == SECOND
    assert [entry.seq for entry in journal.of(connection, ALICE, 9)] == [2, 1]


def test_a_conflict_leaves_no_trace_in_the_journal(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """Nobody has changed anything."""
    _write(writer, wanted(ALICE, NOTHING_STORED, FIRST))
    stale = wanted(ALICE, NOTHING_STORED, SECOND)
    assert _write(writer, stale, wanted(BOB, NOTHING_STORED, FIRST)) == [Verdict.CONFLICT, STORED]
    assert [(one.seq, one.presentity) for one in journal.read(connection, 0, 9)] == [
        (1, ALICE),
        (2, BOB),
    ]


def test_journal_goes_on_where_the_life_before_has_stopped(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """Numbers of changes are never used again."""
    _write(writer, wanted(ALICE, NOTHING_STORED, FIRST))
    successor = Writer(connection, life.begin(connection).term)
    assert _write(successor, wanted(ALICE, FIRST, SECOND)) == [STORED]
    assert [entry.seq for entry in journal.of(connection, ALICE, 9)] == [2, 1]


def test_what_is_known_to_be_written_must_be_what_a_change_builds_on(
    connection: sqlite3.Connection,
) -> None:
    """Revisions alone may agree by chance."""
    known = {ALICE: FIRST}
    writer = Writer(connection, 1, known.get)
    _write(writer, wanted(ALICE, NOTHING_STORED, FIRST))
    phantom = Snapshot(1, NOTHING_STORED.replace(CFB, forwarding(True, "1")).states)
    assert _write(writer, wanted(ALICE, phantom, SECOND)) == [Verdict.CONFLICT]


@pytest.mark.parametrize(
    "state",
    [
        forwarding(False, "\ud800"),
        forwarding(False, "nul\0inside"),
        forwarding(False, rings=1 << 64),
    ],
)
def test_a_value_that_no_database_takes_harms_nobody_else(
    connection: sqlite3.Connection, writer: Writer, state: FeatureState
) -> None:
    """It is refused alone, and nothing of it stays."""
    bad = change(ALICE, NOTHING_STORED, NOTHING_STORED.replace(CFB, state))
    group = Wanted((bad, change(BOB, NOTHING_STORED, FIRST)))
    asked = [group, wanted(BOB, NOTHING_STORED, FIRST)]
    assert _write(writer, *asked) == [UNAVAILABLE, STORED]
    assert read(connection, ALICE) == NOTHING_STORED
    assert read(connection, BOB) == FIRST


BAD = Aor("\ud800", "x")


@pytest.mark.parametrize(
    "bad",
    [
        wanted(BAD, NOTHING_STORED, FIRST),
        Wanted((), ((BAD, 0),)),
        Wanted((), (), dialog_row(7)._replace(presentity=BAD)),
        Rows((dialog_row(7)._replace(presentity=BAD),), ()),
        wanted(Aor("nul\0inside", "x"), NOTHING_STORED, FIRST),
        Wanted((), ((Aor("x", "nul\0inside"), 0),)),
    ],
)
def test_a_name_that_no_database_takes_harms_nobody_else(
    connection: sqlite3.Connection, writer: Writer, bad: Asked
) -> None:
    """Names come from peers."""
    assert _write(writer, bad, wanted(BOB, NOTHING_STORED, FIRST)) == [UNAVAILABLE, STORED]
    assert read(connection, BOB) == FIRST
    assert dialogs.read(connection, 99, 99) == []


def test_each_who_is_refused_gets_an_error_of_its_own(writer: Writer) -> None:
    """One that is raised again and again would grow with each time."""
    bad = wanted(BAD, NOTHING_STORED, FIRST)
    (_, first), (_, second) = writer.write([bad, bad], None, NOW)
    assert first is not second


def test_a_transaction_that_fails_leaves_nothing_and_can_be_repeated(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """SQLite's own limit on the size of a file stands for a disk that is full."""
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    users = [Aor(f"user{n}", "x" * 200) for n in range(100)]
    asked = [
        Wanted((change(user, NOTHING_STORED, FIRST),), (), dialog_row(number))
        for number, user in enumerate(users)
    ]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        _write(writer, *asked)
    assert read(connection, users[0]) == NOTHING_STORED
    assert journal.newest(connection) == 0
    assert dialogs.read(connection, 999, 999) == []
    connection.execute("PRAGMA max_page_count = 100000")
    assert _write(writer, *asked) == [STORED] * 100
    assert journal.newest(connection) == 100


def test_subscriptions_are_stored_and_removed_in_order(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """A refresh that is written behind may come into the batch of the set before it."""
    visit, refresh = dialog_row(7, cseq=2), dialog_row(7, cseq=3, first=None)
    asked: list[Asked] = [
        Rows((dialog_row(7, cseq=1), dialog_row(8)), ()),
        Wanted((), (), visit._replace(last=b"last")),
        Rows((refresh,), (8,)),
    ]
    assert _write(writer, *asked) == [STORED] * 3
    assert dialogs.read(connection, 99, 99) == [refresh._replace(first=b"SUBSCRIBE", last=b"last")]
    assert writer.counts["subscriptions_written"] == 2
    assert writer.counts["subscriptions_removed"] == 1


def test_a_successor_fences_whoever_was_before(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """Also what is written behind, and the heartbeat."""
    beat = Beat(5.0, 1.0, "boot")
    successor = Writer(connection, life.begin(connection).term)
    results = writer.write([Rows((dialog_row(7),), ()), Wanted(())], beat, NOW)
    assert [verdict for verdict, _ in results] == [Verdict.FENCED] * 2
    assert dialogs.read(connection, 99, 99) == []
    assert _write(successor, Wanted(())) == [STORED]
    assert life.begin(connection).previous is None


def test_heartbeat_rides_with_a_transaction(connection: sqlite3.Connection, writer: Writer) -> None:
    """Or has one of its own."""
    beat = Beat(5.0, 1.0, "boot", is_clean=True)
    assert writer.write([], beat, NOW) == []
    assert life.begin(connection).previous == beat


def test_journal_is_purged_by_age_in_portions_and_keeps_its_newest_row(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No set waits for it, and numbers never begin anew."""
    monkeypatch.setattr(commit, "PURGED_AT_ONCE", 2)
    writer = Writer(connection, 1, keep_changes=100.0)
    users = [Aor(f"user{n}", "x") for n in range(5)]
    _write(writer, *[wanted(user, NOTHING_STORED, FIRST) for user in users], at=1000.0)
    left = []
    for at in (1100.0, 1161.0, 1161.0, 1161.0, 1221.0):
        _write(writer, Wanted(()), at=at)
        left.append([entry.seq for entry in journal.read(connection, 0, 9)])
    assert left == [[1, 2, 3, 4, 5], [3, 4, 5], [5], [5], [5]]
    assert writer.counts["changes_purged"] == 4
    assert writer.counts["changes_written"] == 5


def test_journal_is_purged_faster_than_it_grows(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many requests a slow disk gathers in one transaction."""
    monkeypatch.setattr(commit, "PURGED_AT_ONCE", 1)
    writer = Writer(connection, 1, keep_changes=100.0)
    old = [Aor(f"old{n}", "x") for n in range(9)]
    new = [Aor(f"new{n}", "x") for n in range(3)]
    _write(writer, *[wanted(user, NOTHING_STORED, FIRST) for user in old], at=1000.0)
    _write(writer, *[wanted(user, NOTHING_STORED, FIRST) for user in new], at=1161.0)
    assert [entry.seq for entry in journal.read(connection, 0, 99)] == [7, 8, 9, 10, 11, 12]


def test_a_transaction_goes_on_after_one_whose_end_failed(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """A rollback, too, may fail on a broken disk: it must not stop the store for good."""
    connection.execute("BEGIN IMMEDIATE")
    assert _write(writer, wanted(ALICE, NOTHING_STORED, FIRST)) == [STORED]
    assert read(connection, ALICE) == FIRST
