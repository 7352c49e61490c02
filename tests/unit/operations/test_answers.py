"""Answers are kept the same way wherever they are kept."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dfks_rules.app.answers import AnswersInMemory, StoredAnswers
from dfks_rules.operations.answers import KEPT_FOR, Answers, KeptAnswer
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.policy import NOON

_ANSWER = KeptAnswer(b"hash", 201, {"ETag": '"1"'}, b"{}")


class _Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> _Clock:
    """It stands still unless it is moved."""
    return _Clock()


@pytest.fixture(params=["memory", "store"])
async def answers(
    request: pytest.FixtureRequest, tmp_path: Path, clock: _Clock
) -> AsyncIterator[Answers]:
    """Both kinds, empty."""
    if request.param == "memory":
        yield AnswersInMemory(clock)
        return
    store = SqliteStore(tmp_path / "dfks.db", asyncio.get_running_loop())
    yield StoredAnswers(store, clock)
    store.close()


async def test_what_is_kept_is_found(answers: Answers) -> None:
    """By caller and key."""
    assert await answers.begin("desk", "k", b"hash") is None
    await answers.keep("desk", "k", _ANSWER)
    assert await answers.begin("desk", "k", b"hash") == _ANSWER
    assert await answers.begin("other", "k", b"hash") is None


async def test_it_is_kept_for_a_day(answers: Answers, clock: _Clock) -> None:
    """Then the key is free."""
    await answers.keep("desk", "k", _ANSWER)
    clock.at = NOON + timedelta(seconds=KEPT_FOR - 1)
    assert await answers.begin("desk", "k", b"hash") == _ANSWER
    clock.at = NOON + timedelta(seconds=KEPT_FOR + 1)
    assert await answers.begin("desk", "k", b"hash") is None
    await answers.keep("desk", "k", _ANSWER._replace(status=200))
    found = await answers.begin("desk", "k", b"hash")
    assert found is not None
    assert found.status == 200
