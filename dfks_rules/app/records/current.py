"""What is stored for presentities whose changes are told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Fetched, NotKnownError
from dfks_rules.store.postgres.records import SpoiltError

_log = structlog.get_logger("dfks.store")


class Known(Protocol):
    """What knows snapshots; `service.features.Features` does."""

    def stored_of(self, presentity: Aor) -> Snapshot:
        """What is stored.

        Raises:
            NotKnownError: `fetch` it.
        """
        ...

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Make presentities known."""
        ...


class Current:
    """Gives what is stored, read anew where the journal is ahead of what is known: another node may
    have changed it.
    """

    def __init__(self, known: Known) -> None:
        """`known` is asked."""
        self._known = known

    async def __call__(self, wanted: Mapping[Aor, int]) -> Mapping[Aor, Snapshot]:
        """What is stored for each, but for those of whom another program has spoilt that.

        Args:
            wanted: presentity → the revision that it has at least.

        Raises:
            StoreError: it cannot be read.
        """
        missing = [one for one, revision in wanted.items() if self._is_older(one, revision)]
        spoilt: set[Aor] = set()
        while missing:
            try:
                await fetched(self._known, missing)
                break
            except SpoiltError as error:
                # Else nobody would be told of what others change until it is mended.
                _log.error("store_rows_spoilt", rows=1, reason=error.message)
                spoilt.add(error.presentity)
                missing = [one for one in missing if one not in spoilt]
        return {one: self._known.stored_of(one) for one in wanted if one not in spoilt}

    def _is_older(self, presentity: Aor, revision: int) -> bool:
        try:
            return self._known.stored_of(presentity).revision < revision
        except NotKnownError:
            return True


async def fetched(known: Known, presentities: Sequence[Aor]) -> None:
    """Presentities are known once this returns.

    Raises:
        StoreError: they cannot be read.
    """
    read: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done(error: StoreError | None, _now: float) -> None:
        if read.done():
            return
        if error is None:
            read.set_result(None)
        else:
            read.set_exception(error)

    known.fetch(presentities, done)
    await read
