"""What is stored for presentities whose changes are told."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Fetched, NotKnownError
from dfks_rules.store.postgres.records import SpoiltError

TRIES = 10
"""How often presentities are read that others go on setting meanwhile."""

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
        stored = _stored(self._known, wanted)
        found = {one: got for one, got in stored.items() if got.revision >= wanted[one]}
        missing = [one for one in wanted if one not in found]
        tries = 0
        while missing:
            try:
                found |= await fetched(self._known, missing)
            except SpoiltError as error:
                # Else nobody would be told of what others change until it is mended.
                _log.error("store_rows_spoilt", rows=1, reason=error.message)
                missing.remove(error.presentity)
                continue
            # While many were read, others may have set one of them.
            missing = [one for one in missing if one not in found]
            tries += 1
            if missing and tries == TRIES:
                raise NotKnownError(tuple(missing))
        return found


def _stored(known: Known, presentities: Iterable[Aor]) -> dict[Aor, Snapshot]:
    """What is stored for those of whom that is known now."""
    found: dict[Aor, Snapshot] = {}
    for one in presentities:
        with suppress(NotKnownError):
            found[one] = known.stored_of(one)
    return found


async def fetched(known: Known, presentities: Sequence[Aor]) -> Mapping[Aor, Snapshot]:
    """What is stored, as it is known at the moment at which it was read.

    Once this returns, another node's set may have made it unknown again.

    Raises:
        StoreError: they cannot be read.
    """
    read: asyncio.Future[Mapping[Aor, Snapshot]] = asyncio.get_running_loop().create_future()

    def done(error: StoreError | None, _now: float) -> None:
        if read.done():
            return
        if error is None:
            read.set_result(_stored(known, presentities))
        else:
            read.set_exception(error)

    known.fetch(presentities, done)
    return await read
