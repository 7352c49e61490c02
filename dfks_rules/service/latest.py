"""What holds once everything that was decided is settled: decisions are made on it."""

from typing import final

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.attempt import Attempt, Fetching
from dfks_rules.service.ports import NotKnownError, Store


class HeldError(NotKnownError):
    """What is decided next depends on a request that waits."""

    def __init__(self, presentity: Aor, fetching: Fetching) -> None:
        super().__init__((presentity,))
        self.fetching = fetching


@final
class Latest:
    """The newest request that concerns each presentity, and what is stored for the others."""

    def __init__(self, store: Store) -> None:
        """Nothing is under way on the store."""
        self._store = store
        self.newest: dict[Aor, Attempt] = {}
        """The newest request under way that concerns a presentity."""
        self.reads: list[tuple[Aor, Snapshot]] = []
        """What the decision at hand has read of others for its facts."""

    def begin(self) -> None:
        """A decision begins."""
        if self.reads:
            self.reads = []

    def has_read_unsettled(self) -> bool:
        """Whether the decision at hand has read what is not stored yet."""
        reads = self.reads
        return bool(reads) and any(presentity in self.newest for presentity, _ in reads)

    def snapshot_of(self, presentity: Aor) -> Snapshot:
        """What holds once everything that was decided is settled.

        Raises:
            HeldError: that is not decided yet.
            NotKnownError: that is not known.
        """
        newest = self.newest.get(presentity)
        if newest is None:
            return self.settled_of(presentity)
        if newest.fetching is not None:
            raise HeldError(presentity, newest.fetching)
        return newest.drafts[presentity].after

    def stored_of(self, presentity: Aor) -> Snapshot:
        """The same, of another presentity, for a fact."""
        snapshot = self.snapshot_of(presentity)
        self.reads.append((presentity, snapshot))
        return snapshot

    def settled_of(self, presentity: Aor) -> Snapshot:
        """What is stored.

        Raises:
            NotKnownError: that is not known.
        """
        snapshot = self._store.known(presentity)
        if snapshot is None:
            raise NotKnownError((presentity,))
        return snapshot

    def decided_of(self, presentity: Aor) -> Snapshot:
        """As `snapshot_of`, but what is stored where something is not decided yet.

        Raises:
            NotKnownError: that is not known.
        """
        newest = self.newest.get(presentity)
        if newest is None or newest.fetching is not None:
            return self.settled_of(presentity)
        return newest.drafts[presentity].after

    def register(self, attempt: Attempt) -> None:
        """A request is the newest that concerns its presentities."""
        newest = self.newest
        for presentity in attempt.drafts:
            newest[presentity] = attempt

    def claim(self, attempt: Attempt) -> None:
        """A request waits until nothing that it was decided on is under way.

        Others that concern what it has read come after it: who changes all the time could else keep
        it waiting.
        """
        self.register(attempt)
        attempt.claims = [who for who, _ in self.reads if who not in attempt.drafts]
        for presentity in attempt.claims:
            prior = self.newest.get(presentity)
            if prior is not None and prior is not attempt:
                attempt.wait_for(prior)
            self.newest[presentity] = attempt

    def unregister(self, attempt: Attempt) -> None:
        """A request concerns nobody any more."""
        newest = self.newest
        if newest.get(attempt.presentity) is attempt:
            del newest[attempt.presentity]
        for presentity in attempt.drafts:
            if newest.get(presentity) is attempt:
                del newest[presentity]
        if attempt.claims:
            for presentity in attempt.claims:
                if newest.get(presentity) is attempt:
                    del newest[presentity]
            attempt.claims = []

    def queue(self, attempt: Attempt) -> None:
        """Note after what a request comes, and whether the store can see to that.

        It compares all of what changes, but only revisions of what was read besides; another server
        may have stored that revision of something else.
        """
        newest, known = self.newest, self._store.known
        is_firm = True
        for presentity, draft in attempt.drafts.items():
            prior = newest.get(presentity)
            if prior is not None:
                before = draft.before
                is_read = draft.after is before
                if not prior.leads(presentity) or (is_read and known(presentity) != before):
                    is_firm = False
                attempt.wait_for(prior)
        for presentity, held in self.reads:
            prior = newest.get(presentity)
            if prior is not None and known(presentity) != held:
                is_firm = False
                attempt.wait_for(prior)
        attempt.is_firm = is_firm
