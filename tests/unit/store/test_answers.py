"""The table of answers."""

import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.operations.answers import KEPT_FOR, KeptAnswer
from dfks_rules.store import answers
from dfks_rules.store.migrations import migrate

_ANSWER = KeptAnswer(b"\0hash", 200, {"ETag": '"1"'}, b'{"a": 1}')


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with empty tables."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    yield opened
    opened.close()


def _count(connection: sqlite3.Connection) -> int:
    [count] = connection.execute("SELECT count(*) FROM answer").fetchone()
    return int(count)


def test_an_answer_is_found_by_its_caller_and_key_for_a_day(
    connection: sqlite3.Connection,
) -> None:
    """The key of somebody else is another one."""
    answers.put(connection, "desk", "k", _ANSWER, 1_000.0)
    assert answers.find(connection, "desk", "k", 1_000.0 + KEPT_FOR - 1) == _ANSWER
    assert answers.find(connection, "desk", "k", 1_000.0 + KEPT_FOR) is None
    assert answers.find(connection, "other", "k", 1_000.0) is None
    assert answers.find(connection, "desk", "K", 1_000.0) is None


def test_an_expired_key_can_be_used_again(connection: sqlite3.Connection) -> None:
    """For another request."""
    answers.put(connection, "desk", "k", _ANSWER, 0.0)
    other = _ANSWER._replace(request=b"other")
    answers.put(connection, "desk", "k", other, KEPT_FOR + 1)
    assert answers.find(connection, "desk", "k", KEPT_FOR + 2) == other


def test_old_answers_go_as_new_ones_come(connection: sqlite3.Connection) -> None:
    """A few at a time: phones wait meanwhile."""
    for number in range(10):
        answers.put(connection, "desk", f"{number}", _ANSWER, float(number))
    assert _count(connection) == 10
    for number in range(9):
        answers.put(connection, "desk", f"new {number}", _ANSWER, KEPT_FOR + 100)
    assert _count(connection) == 9


def test_there_are_only_so_many(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first."""
    monkeypatch.setattr(answers, "MOST", 5)
    for number in range(20):
        answers.put(connection, "desk", f"{number}", _ANSWER, float(number))
    assert _count(connection) == 5
    assert answers.find(connection, "desk", "19", 20.0) == _ANSWER
    assert answers.find(connection, "desk", "14", 20.0) is None
