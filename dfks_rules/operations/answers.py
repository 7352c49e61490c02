"""Answers that are kept, so that a request that comes again gets the same one."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

KEPT_FOR = 86_400.0
"""Seconds."""
MOST = 100_000
"""Answers; the oldest go first."""
MAX_BODY = 65_536
"""Bytes of the body of an answer that is kept."""


class KeptAnswer(NamedTuple):
    """What a request was answered."""

    request: bytes
    """A hash of the request."""
    status: int
    headers: Mapping[str, str]
    body: bytes


class Answers(Protocol):
    """Answers by caller and key, for a day; fewer where there are very many."""

    def find(self, caller: str, key: str) -> KeptAnswer | None:
        """The answer that was kept.

        Raises:
            StoreError: it cannot be read.
        """
        ...

    async def keep(self, caller: str, key: str, answer: KeptAnswer) -> None:
        """Keep an answer; it is durable once this returns.

        Raises:
            StoreError: it is not kept.
        """
        ...
