"""Answers that are kept, so that a request that comes again gets the same one."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

KEPT_FOR = 86_400.0
"""Seconds."""
MOST = 100_000
"""Answers; the oldest go first."""
MAX_BODY = 65_536
"""Bytes of the body of an answer that is kept."""

UNDER_WAY = 0
"""In place of a status: another node carries the request out."""


class KeptAnswer(NamedTuple):
    """What a request was answered."""

    request: bytes
    """A hash of the request; of one that is under way, of what was known when it came."""
    status: int
    """Of HTTP, or `UNDER_WAY`."""
    headers: Mapping[str, str]
    body: bytes


class Answers(Protocol):
    """Answers by caller and key, for a day; fewer where there are very many."""

    async def begin(self, caller: str, key: str, request: bytes) -> KeptAnswer | None:
        """Begin a request, which `keep` or `drop` ends; or give what is kept of it.

        Args:
            caller: name of the token.
            key: the Idempotency-Key.
            request: a hash of what is known of the request when it comes.

        Returns:
            None: it is to be carried out here. A status `UNDER_WAY`: another node does so.

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

    async def drop(self, caller: str, key: str) -> None:
        """Let a request that was begun come again: it may be answered otherwise.

        Raises:
            StoreError: where others see it, it is under way there for another minute.
        """
        ...
