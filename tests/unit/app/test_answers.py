"""Where answers are kept."""

import asyncio
from pathlib import Path

import pytest

from dfks_rules.app.answers import MOST_IN_MEMORY, AnswersInMemory, StoredAnswers, answers_of
from dfks_rules.errors import StoreError
from dfks_rules.operations.answers import KeptAnswer
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.policy import NOON

_ANSWER = KeptAnswer(b"hash", 200, {}, b"{}")


async def test_memory_holds_only_so_many() -> None:
    """The oldest go first."""
    answers = answers_of(None, lambda: NOON)
    assert isinstance(answers, AnswersInMemory)
    for number in range(MOST_IN_MEMORY + 1):
        await answers.keep("desk", f"{number}", _ANSWER)
    assert await answers.begin("desk", "0", b"hash") is None
    assert await answers.begin("desk", "1", b"hash") == _ANSWER


async def test_what_is_stored_outlives_the_server(tmp_path: Path) -> None:
    """A store that is closed says so."""
    store = SqliteStore(tmp_path / "dfks.db", asyncio.get_running_loop())
    answers = answers_of(store, lambda: NOON)
    assert isinstance(answers, StoredAnswers)
    await answers.keep("desk", "k", _ANSWER)
    store.close()
    with pytest.raises(StoreError):
        await answers.keep("desk", "k", _ANSWER)
    again = SqliteStore(tmp_path / "dfks.db", asyncio.get_running_loop())
    assert await answers_of(again, lambda: NOON).begin("desk", "k", b"hash") == _ANSWER
    again.close()
