"""Places for streams: all share them, and nobody may take all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.problem import Problem


class Places:
    """Who has how many."""

    def __init__(self, most: int, most_of_one: int, counts: Counter[str]) -> None:
        """All are free.

        Args:
            most: how many there are.
            most_of_one: how many of them one token may have, or one address without a token.
            counts: `streams_refused`, `streams_refused_token`.
        """
        self._most = most
        self._most_of_one = most_of_one
        self._counts = counts
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._taken.total()

    @contextmanager
    def taken(self, by: str) -> Iterator[None]:
        """Take one until the block ends.

        Args:
            by: name of the token, or the address.

        Raises:
            Problem: `by` has as many as one may have, or all are taken.
        """
        if self._taken[by] >= self._most_of_one:
            self._counts["streams_refused_token"] += 1
            detail = phrase(
                "`{name}` has {count}, as many as `http.streams_per_token` allows",
                name=by,
                count=self._most_of_one,
            )
            raise Problem("too-many-streams", detail)
        if len(self) >= self._most:
            self._counts["streams_refused"] += 1
            raise Problem("too-many-listeners")
        self._taken[by] += 1
        try:
            yield
        finally:
            self._taken[by] -= 1
            if not self._taken[by]:
                del self._taken[by]
