"""What is wrong with a store, and what is not."""

from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store.check import MAX_PROBLEMS, check_store, examine
from tests.helpers.stored import (
    ALICE,
    BOB,
    CFA,
    DND,
    OFF,
    ON,
    change_file,
    fill,
    make_older,
    spoil,
    subscribe,
    to,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a past."""
    path = tmp_path / "dfks.db"
    fill(path, (ALICE, DND, ON), (BOB, CFA, to("201")), (ALICE, DND, OFF), (ALICE, CFA, to("202")))
    subscribe(path, 1)
    return path


def _read(head: bytes) -> None:
    if b"SUBSCRIBE sip:" not in head:
        raise ValueError("it is not a SUBSCRIBE")


def _problems(path: Path) -> list[str]:
    return check_store(path, _read)[1]


def test_a_store_that_a_server_has_written_is_sound(path: Path) -> None:
    """Else nobody would believe the other lines."""
    contents, problems = check_store(path, _read)
    assert problems == []
    assert (contents.presentities, contents.states) == (2, 3)
    assert (contents.changes, contents.subscriptions) == (4, 1)
    assert contents.newest_at is not None


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("DELETE FROM presentity WHERE user = 'bob'", "CallForwardingAlways of sip:bob@example"),
        ("UPDATE presentity SET revision = 9 WHERE user = 'bob'", "bob@example.com: its revision"),
        ("UPDATE presentity SET changed = 1 WHERE user = 'alice'", "alice@example.com: its newest"),
        ("UPDATE change SET previous = 2 WHERE seq = 4", "change 4 of the journal does not cont"),
        ("UPDATE change SET previous = 4 WHERE seq = 3", "change 3 of the journal does not cont"),
        ("DELETE FROM change WHERE seq = 3", "change 4 of the journal does not continue"),
        ("UPDATE change SET revision = 8 WHERE seq = 1", "change 3 of the journal has no higher"),
        ("UPDATE feature_state SET status = 1", "alice@example.com: DoNotDisturb is not as chan"),
        ("UPDATE feature_state SET feature_values = '{\"x\": 1}'", "unknown value `x`"),
        ("UPDATE change SET after = '[]' WHERE seq = 2", "`change`, after 0: "),
        ("UPDATE subscription SET first = x'00'", "subscription 1 to sip:alice@example.com cannot"),
        ("UPDATE subscription SET deadline = 'soon'", "subscription 1 is not one that a server"),
        ("UPDATE subscription SET user = CAST(x'ff' AS TEXT)", "subscription 1 is not one that"),
        ("UPDATE server SET term = 9223372036854775807", "`server` is not valid: its term is 922"),
        ("UPDATE server SET beat_at = 'x', beat_boot = 1.0", "`server` is not valid"),
        ("UPDATE change SET at = 9e999 WHERE seq = 2", "is not a time"),
        ("UPDATE change SET seq = 9223372036854775807 WHERE seq = 4", "after which none can come"),
        ("UPDATE subscription SET row = 9223372036854775807", "a number that no server gives"),
        ("UPDATE presentity SET revision = 'x'", "no server writes such a row"),
        ("UPDATE presentity SET changed = -1", "no server writes such a row"),
        ("UPDATE server SET term = (1 << 20) - 1", "`server` is not valid"),
        ("UPDATE change SET before = printf('%.*c', 300000, 'x')", "too big"),
        ("CREATE TRIGGER t DELETE ON change BEGIN SELECT 1; END", "a trigger `t`, which no rel"),
    ],
)
def test_what_does_not_go_together_is_told(path: Path, damage: str, problem: str) -> None:
    """Each promise of the tables, broken."""
    change_file(path, damage)
    problems = _problems(path)
    assert any(problem in one for one in problems), problems


@pytest.mark.parametrize("seq", [2, 3, 4])
def test_changes_that_were_purged_are_not_missed(path: Path, seq: int) -> None:
    """The journal is bounded: links to its oldest changes lead nowhere."""
    change_file(path, f"DELETE FROM change WHERE seq < {seq}")  # noqa: S608
    assert _problems(path) == []


def test_a_damaged_page_is_told(path: Path) -> None:
    """By what SQLite says of it."""
    spoil(path, "feature_state")
    assert _problems(path)
    with pytest.raises(StoreError) as raised:
        examine(path)
    assert raised.value.code == "store_unsound"


def test_not_more_is_told_than_somebody_reads(path: Path) -> None:
    """A thousand lines say no more than twenty."""
    many = ", ".join(f"('u{n}', 'd.example', 'DoNotDisturb', 0, '', '{{}}')" for n in range(99))
    columns = "user, domain, feature, status, changed_at, feature_values"
    change_file(path, f"INSERT INTO feature_state ({columns}) VALUES {many}")  # noqa: S608
    assert len(_problems(path)) == MAX_PROBLEMS


def test_an_older_version_is_only_counted(path: Path) -> None:
    """A backup of before an upgrade is one, too; but what its rows mean is not known here."""
    make_older(path)
    contents = examine(path)
    assert (contents.version, contents.presentities, contents.changes) == (2, 2, 0)
    with pytest.raises(StoreError) as raised:
        check_store(path, _read)
    assert raised.value.code == "store_older_version"
