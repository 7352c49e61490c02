"""A store that does what a test says, when it says so."""

from collections.abc import Sequence
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, Fetched, Settle, Verdict, Wanted

FULL = StoreError("store_unavailable", "disk is full")


class Waiting(NamedTuple):
    """A commit that is not settled."""

    wanted: Wanted
    settle: Settle


class SlowStore:
    """Settles commits one by one, and makes presentities known when it is told to.

    Reference: `service.ports.Store`.
    """

    def __init__(self, now: float = 0.0) -> None:
        """Nothing is stored, all presentities are known.

        Args:
            now: when commits are settled, unless a test says something else.
        """
        self.now = now
        self.kept: dict[Aor, Snapshot] = {}
        """What is stored."""
        self.visits: dict[int, int] = {}
        """Number of a subscription → CSeq of the last SUBSCRIBE stored for it."""
        self.waiting: list[Waiting] = []
        self.unknown: set[Aor] = set()
        """Those that have to be fetched."""
        self.fetches: list[tuple[tuple[Aor, ...], Fetched]] = []
        """Those that wait; stays empty where `is_fetched_at_once`."""
        self.is_fetched_at_once = True
        self.is_broken = False
        """Whether nothing can be read."""

    def stored(self, presentity: Aor) -> Snapshot:
        """What is settled."""
        return self.kept.get(presentity, NOTHING_STORED)

    def known(self, presentity: Aor) -> Snapshot | None:
        """The same, if it is known."""
        if self.is_broken or presentity in self.unknown:
            return None
        return self.stored(presentity)

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Make them known."""
        self.fetches.append((tuple(presentities), done))
        if self.is_fetched_at_once:
            self.answer_fetch()

    def answer_fetch(self, error: StoreError | None = None, position: int = 0) -> None:
        """The oldest fetch is done, or another one."""
        presentities, done = self.fetches.pop(position)
        if self.is_broken:
            error = StoreError("store_unavailable", "disk is broken")
        if error is None:
            self.unknown -= {*presentities}
        done(error, self.now)

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Keep it waiting."""
        self.waiting.append(Waiting(wanted, settle))

    def settle(self, error: StoreError | None = None, now: float | None = None) -> None:
        """Settle the oldest commit: as the contract says, or as it fails."""
        wanted, settle = self.waiting.pop(0)
        verdict = self._judge(wanted) if error is None else _VERDICTS[error.code]
        if verdict is Verdict.STORED:
            self._keep(wanted)
        settle(verdict, error, self.now if now is None else now)

    def settle_all(self) -> None:
        """Settle until nothing waits."""
        while self.waiting:
            self.settle()

    def put(self, presentity: Aor, states: Snapshot) -> None:
        """Another server stores something."""
        self.kept[presentity] = Snapshot(self.stored(presentity).revision + 1, states.states)

    def close(self) -> None:
        """Nothing is held."""

    def _judge(self, wanted: Wanted) -> Verdict:
        visit = wanted.visit
        if visit is not None and self.visits.get(visit.row, -1) >= visit.cseq:
            return Verdict.REPEATED
        held = all(self.stored(one.presentity) == one.before for one in wanted.changes)
        seen = all(self.stored(who).revision == revision for who, revision in wanted.seen)
        return Verdict.STORED if held and seen else Verdict.CONFLICT

    def _keep(self, wanted: Wanted) -> None:
        self.kept.update({one.presentity: one.after for one in wanted.changes})
        if wanted.visit is not None:
            self.visits[wanted.visit.row] = wanted.visit.cseq


_VERDICTS = {
    "store_unavailable": Verdict.UNAVAILABLE,
    "store_conflict": Verdict.CONFLICT,
    "store_fenced": Verdict.FENCED,
}


def changes_of(waiting: Waiting) -> list[Change]:
    """What a commit that waits changes."""
    return list(waiting.wanted.changes)
