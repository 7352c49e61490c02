"""Answers that are kept: in the store where it lasts, otherwise in memory."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from dfks_rules.operations.answers import KEPT_FOR, Answers, KeptAnswer
from dfks_rules.store import answers
from dfks_rules.store.sqlite import SqliteStore

MOST_IN_MEMORY = 10_000


class StoredAnswers:
    """Answers that survive `kill -9`.

    Reference: `operations.answers.Answers`.
    """

    def __init__(self, store: SqliteStore, at: Callable[[], datetime]) -> None:
        """Keep answers in a store; `at` gives the time."""
        self._store = store
        self._at = at

    async def begin(self, caller: str, key: str, _request: bytes) -> KeptAnswer | None:
        """The answer that was kept."""
        at = self._at().timestamp()
        return self._store.read_aside(lambda c: answers.find(c, caller, key, at))

    async def keep(self, caller: str, key: str, answer: KeptAnswer) -> None:
        """Keep an answer; it is durable once this returns."""
        at = self._at().timestamp()
        await self._store.written_aside(lambda c: answers.put(c, caller, key, answer, at))

    async def drop(self, caller: str, key: str) -> None:
        """Nothing was noted: nobody else has the store."""


class AnswersInMemory:
    """Answers that are lost with the states.

    Reference: `operations.answers.Answers`.
    """

    def __init__(self, at: Callable[[], datetime]) -> None:
        """Keep answers in memory; `at` gives the time."""
        self._at = at
        self._kept: OrderedDict[tuple[str, str], tuple[float, KeptAnswer]] = OrderedDict()

    async def begin(self, caller: str, key: str, _request: bytes) -> KeptAnswer | None:
        """The answer that was kept."""
        at, answer = self._kept.get((caller, key), (0.0, None))
        return answer if at > self._at().timestamp() - KEPT_FOR else None

    async def keep(self, caller: str, key: str, answer: KeptAnswer) -> None:
        """Keep an answer."""
        self._kept.pop((caller, key), None)
        self._kept[caller, key] = self._at().timestamp(), answer
        if len(self._kept) > MOST_IN_MEMORY:
            self._kept.popitem(last=False)

    async def drop(self, caller: str, key: str) -> None:
        """Nothing was noted: nobody else has them."""


def answers_of(store: SqliteStore | None, at: Callable[[], datetime]) -> Answers:
    """What keeps answers as long as a store keeps states; None: in memory."""
    return AnswersInMemory(at) if store is None else StoredAnswers(store, at)
