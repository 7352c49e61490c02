"""The journal."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.history import Which, latest
from dfks_rules.service.ports import JournalEntry, Wanted
from dfks_rules.store import journal, life
from dfks_rules.store.commit import Writer
from dfks_rules.store.counts import new_counts
from dfks_rules.store.journal import When
from dfks_rules.store.migrations import migrate
from dfks_rules.store.reading import FileJournal, Reading
from tests.helpers.policy import NOON, source
from tests.helpers.states import agent, forwarding
from tests.helpers.stored import renumber_first
from tests.helpers.stores import SlowStore
from tests.helpers.wanted import change, wanted

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
DND, CFA = FEATURES[:2]
ON = FeatureState(status=True)
FIRST = NOTHING_STORED.replace(DND, ON)
BOTH = FIRST.replace(CFA, forwarding(True, "sip:x@y"))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with empty tables."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    life.begin(opened)
    yield opened
    opened.close()


def _write(connection: sqlite3.Connection, *asked: Wanted, at: float = 7.5) -> None:
    Writer(connection, 1, start="abcdef").write(asked, None, When(at, at))


def test_entry_says_what_was_changed_by_whom_when_and_by_which_rule(
    connection: sqlite3.Connection,
) -> None:
    """What an operator is asked about."""
    asked = change(ALICE, FIRST, BOTH, Requester(Origin.WATCHER, BOB), 41, "office/forward")
    _write(connection, wanted(ALICE, NOTHING_STORED, FIRST))
    _write(connection, Wanted((asked,)))
    assert journal.read(connection, 1, 9) == [
        JournalEntry(
            2,
            7.5,
            ALICE,
            2,
            CFA,
            OFF,
            forwarding(True, "sip:x@y"),
            Origin.WATCHER,
            "sip:bob@example.com",
            "office/forward",
            "abcdef-41",
        )
    ]


def test_a_request_that_changes_two_features_has_two_entries(
    connection: sqlite3.Connection,
) -> None:
    """Each with the id of its own decision; the chain goes through both."""
    both = change(ALICE, NOTHING_STORED, BOTH._replace(revision=1), first=3)
    _write(connection, Wanted((both,)))
    assert [(one.seq, one.feature, one.decision) for one in journal.of(connection, ALICE, 9)] == [
        (2, CFA, "abcdef-4"),
        (1, DND, "abcdef-3"),
    ]


@pytest.mark.parametrize(
    ("requester", "actor"),
    [
        (Requester(Origin.WATCHER, BOB), "sip:bob@example.com"),
        (Requester(Origin.OPERATOR), "mi"),
        (Requester(Origin.OPERATOR, source_ip="192.0.2.7"), "192.0.2.7"),
        (Requester(Origin.INTERNAL), "sip:bob@example.com"),
    ],
)
def test_entry_names_who_asked(
    connection: sqlite3.Connection, requester: Requester, actor: str
) -> None:
    """For a set that followed, whose features were asked for first."""
    asked = (change(BOB, NOTHING_STORED, FIRST), change(ALICE, NOTHING_STORED, FIRST, requester))
    _write(connection, Wanted(asked))
    [entry] = journal.of(connection, ALICE, 9)
    assert (entry.origin, entry.actor) == (requester.origin, actor)


def test_entry_names_who_was_asked_for_though_only_what_followed_has_changed(
    connection: sqlite3.Connection,
) -> None:
    """A phone says again what it is, and a rule brings another one in line with it."""
    followed = change(ALICE, NOTHING_STORED, FIRST, Requester(Origin.INTERNAL))
    _write(connection, Wanted((followed,), ((BOB, 0), (Aor("carol", "x"), 0))))
    [entry] = journal.of(connection, ALICE, 9)
    assert entry.actor == "sip:bob@example.com"


MIRROR = """
    - id: default
      when: {op: set}
      then: {status: request}
    - id: mirror
      when: {op: set, user: bob}
      then: {also: [{feature: DoNotDisturb, user: alice, status: request}]}
"""


@pytest.mark.parametrize("bobs", [NOTHING_STORED, FIRST])
def test_what_followed_names_the_rule_that_made_it_follow(
    connection: sqlite3.Connection, bobs: Snapshot
) -> None:
    """The rule that stores what is asked would be named for every change. Bob may have had it."""
    store, policies = SlowStore(), load([source(MIRROR)])
    store.kept[BOB] = bobs
    if bobs.revision:
        _write(connection, wanted(BOB, NOTHING_STORED, bobs))
    phone = Requester(Origin.WATCHER, BOB)
    Features(store, policies, Feed()).set(BOB, [Asked(DND, ON)], phone, NOON, 0.0, lambda *_: None)
    _write(connection, store.waiting[0].wanted)
    policies.close()
    [entry] = journal.of(connection, ALICE, 9)
    told = (entry.origin, entry.actor, entry.rule)
    assert told == (Origin.INTERNAL, "sip:bob@example.com", "p/mirror")


def test_entry_names_the_rule_of_a_value_where_none_has_set_the_status(
    connection: sqlite3.Connection,
) -> None:
    """Such as one that rewrites the number."""
    asked = change(ALICE, FIRST, BOTH, rule="x")
    [decided] = asked.outcomes
    decision = decided.decision._replace(decided_by={"forwardTo": "office/number"})
    asked = asked._replace(outcomes=(decided._replace(decision=decision),))
    _write(connection, wanted(ALICE, NOTHING_STORED, FIRST), Wanted((asked,)))
    assert journal.read(connection, 1, 1)[0].rule == "office/number"


def test_what_a_set_leaves_as_it_was_has_no_entry(connection: sqlite3.Connection) -> None:
    """Sets of that kind come with every refresh."""
    asked = change(ALICE, NOTHING_STORED, FIRST)
    [outcome] = asked.outcomes
    nothing = outcome._replace(before=ON, after=ON)
    _write(connection, Wanted((asked._replace(outcomes=(nothing, outcome)),)))
    [entry] = journal.read(connection, 0, 9)
    assert entry.decision == "abcdef-2"


def _written(connection: sqlite3.Connection, count: int) -> None:
    """Alice and Bob are changed in turns, one a second."""
    before = {ALICE: NOTHING_STORED, BOB: NOTHING_STORED}
    for number in range(count):
        presentity = (ALICE, BOB)[number % 2]
        old = before[presentity]
        new = old.replace(CFA, forwarding(True, str(number)))
        _write(connection, wanted(presentity, old, new), at=number + 1.0)
        before[presentity] = new


def test_history_of_a_presentity_is_read_in_pages(connection: sqlite3.Connection) -> None:
    """The newest first; the next page begins where the one before has ended."""
    _written(connection, 10)
    assert [one.seq for one in journal.of(connection, BOB, 3)] == [10, 8, 6]
    assert [one.seq for one in journal.of(connection, BOB, 3, before=6)] == [4, 2]
    assert journal.of(connection, BOB, 3, before=2) == []
    assert journal.of(connection, Aor("nobody", "x"), 3) == []


@pytest.mark.parametrize("previous", [3, 4, 5, 7, 9, 99, 2**63 - 1, "x", 4.5])
async def test_a_history_ends_at_a_link_that_does_not_lead_back(
    connection: sqlite3.Connection, previous: object
) -> None:
    """Another program has spoilt the file: a cycle would keep the reader for ever."""
    _written(connection, 10)
    connection.execute("UPDATE change SET previous = ? WHERE seq = 5", (previous,))
    file = FileJournal(Reading(connection, lambda: None, new_counts()))
    expected = [3, 1] if previous == 3 else []
    below = [one.seq for one in journal.of(connection, ALICE, 99)]
    assert below == [9, 7, 5, *expected]
    for before in (5, 6):
        start = [5] if before == 6 else []
        assert [one.seq for one in journal.of(connection, ALICE, 9, before)] == start + expected
    history = await latest(file, Which(ALICE), 99)
    assert [one.seq for one in history.entries] == below[::-1]


def test_a_history_ends_where_it_was_purged(connection: sqlite3.Connection) -> None:
    """The row before is named, and gone."""
    _written(connection, 10)
    assert journal.purge(connection, 6.0, 100) == 5
    assert [one.seq for one in journal.of(connection, BOB, 9)] == [10, 8, 6]


def test_journal_is_followed_by_number(connection: sqlite3.Connection) -> None:
    """Whoever follows it asks for what came after the last he has seen."""
    assert journal.newest(connection) == 0
    _written(connection, 5)
    assert [one.seq for one in journal.read(connection, 2, 2)] == [3, 4]
    assert [one.seq for one in journal.read(connection, 4, 9)] == [5]
    assert journal.newest(connection) == 5


def test_purge_removes_a_portion_of_the_oldest_and_never_the_newest(
    connection: sqlite3.Connection,
) -> None:
    """Numbers never begin anew."""
    _written(connection, 5)
    assert journal.purge(connection, 4.0, 2) == 2
    assert journal.purge(connection, 4.0, 2) == 1
    assert journal.purge(connection, 4.0, 2) == 0
    assert journal.purge(connection, 99.0, 9) == 1
    assert [one.seq for one in journal.read(connection, 0, 9)] == [5]


def test_changed_since_gives_those_whose_features_have_changed(
    connection: sqlite3.Connection,
) -> None:
    """Their watchers may not have been told before a crash."""
    assert journal.changed_since(connection, 0) == frozenset()
    _written(connection, 5)
    assert journal.changed_since(connection, 0) == {ALICE, BOB}
    assert journal.changed_since(connection, 4) == {ALICE}
    assert journal.changed_since(connection, 5) == frozenset()


@pytest.mark.parametrize(
    ("column", "value"),
    [("before", "[]"), ("after", '{"status": 1}'), ("feature", "Fax"), ("origin", "nobody")],
)
def test_read_refuses_what_is_no_change(
    connection: sqlite3.Connection, column: str, value: str
) -> None:
    """Somebody has written into the file: better said than passed over."""
    _written(connection, 1)
    connection.execute(f"UPDATE change SET {column} = ?", (value,))  # noqa: S608
    with pytest.raises(ValueError, match=r".+"):
        journal.read(connection, 0, 9)


def test_states_are_kept_with_all_their_values(connection: sqlite3.Connection) -> None:
    """Also those of features that have several."""
    feature = FEATURES[4]
    after = NOTHING_STORED.replace(feature, agent("notReady", "4711", "lunch"))
    _write(connection, wanted(ALICE, NOTHING_STORED, after))
    [entry] = journal.read(connection, 0, 9)
    assert (entry.feature, entry.after) == (feature, after.state(feature))


def test_a_history_is_read_from_its_end_and_from_where_it_was_left(
    connection: sqlite3.Connection,
) -> None:
    """Not the 5,000 changes before: the server reads it on its loop."""
    states = '{"status":true,"values":{}}', '{"status":false,"values":{}}'
    rows = [
        (seq, 1.0, *ALICE, seq, DND.value, *states, "operator", "mi", "", "", seq - 1, 1.0)
        for seq in range(1, 5001)
    ]
    journal.insert(connection, rows)
    connection.execute("INSERT INTO presentity VALUES ('alice', 'example.com', 5000, 5000)")
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 100)
    assert [entry.seq for entry in journal.of(connection, ALICE, 2)] == [5000, 4999]
    assert [entry.seq for entry in journal.of(connection, ALICE, 2, 100)] == [99, 98]
    assert steps < 10
    assert journal.of(connection, BOB, 2, 100) == []


def test_a_page_whose_rows_are_not_in_order_is_no_endless_history(tmp_path: Path) -> None:
    """Whoever reads on from the last row of a portion would read the same ones for ever."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection)
        life.begin(connection)
        for name in ("alice", "bob", "carol"):
            _write(connection, wanted(Aor(name, "example.com"), NOTHING_STORED, FIRST))
    renumber_first(path, "change", 100)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(ValueError, match="not in order"),
    ):
        journal.newest_of_all(connection, 1000, before=100)
