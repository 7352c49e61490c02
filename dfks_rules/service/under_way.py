"""Requests that are under way, in order: decided at once, and answered when they hold.

A request is decided on the result of those before it, though that is not stored yet; the store
settles commits in the order in which they are asked for, so nobody waits for two of them. Where one
turns out to be decided on what no longer holds, presentities are fetched, and it is decided again:
it, and all that were decided on its result.

For one request `done` is told first, which is the answer; then the feed, also where `done` raises.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.phrases.phrase import phrase
from dfks_rules.service.attempt import Attempt, Fetching, Kind
from dfks_rules.service.feed import Feed
from dfks_rules.service.latest import HeldError, Latest
from dfks_rules.service.ports import (
    Change,
    DialogRow,
    Fetched,
    MovedError,
    NotKnownError,
    Store,
    Verdict,
    Wanted,
)

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_GET: Final = Kind.GET
_STORED: Final = Verdict.STORED
_REPEATED: Final = Verdict.REPEATED
_CONFLICT: Final = Verdict.CONFLICT
_MOVED: Final = Verdict.MOVED
_FENCED: Final = Verdict.FENCED

MAX_CONFLICTS = 12
"""How often a request is decided again because somebody else was faster. Two nodes that store for
the same presentity without a pause lose two times of five; each costs a few milliseconds."""
MAX_FETCHES = 128
"""How often something is fetched for one request: more than the users its decisions can read."""


class UnderWay:
    """Decides requests, has them stored, and answers them."""

    def __init__(
        self,
        store: Store,
        latest: Latest,
        feed: Feed,
        decide: Callable[[Attempt], None],
        fetch: Callable[[Sequence[Aor], Fetched], None],
    ) -> None:
        """Nothing is under way.

        Args:
            store: keeps states.
            latest: knows what holds.
            feed: told what came of each request.
            decide: works out the drafts of a request, on what holds.
            fetch: makes known what that needs; see `Store.fetch`.
        """
        self._store = store
        self._feed = feed
        self._decide = decide
        self._ask_store = fetch
        self._latest = latest
        self._numbered = 0
        """How many requests there were."""
        self._decided = 0
        """How many decisions have a number."""
        self._resumed: deque[Attempt] = deque()
        """What is decided next, before anything that is asked for meanwhile."""
        self._is_resuming = False
        self.counts = dict.fromkeys(("conflicts", "given_up", "repeats", "moved", "fetches"), 0)

    def is_idle(self, presentity: Aor) -> bool:
        """Whether a request about a presentity comes after no other."""
        return presentity not in self._latest.newest and not self._is_resuming

    def number(self, outcomes: int) -> int:
        """The number of the first of so many outcomes."""
        first = self._decided + 1
        self._decided += outcomes
        return first

    # --- Deciding ---

    def begin(self, attempt: Attempt) -> None:
        """Take a request on; it is answered before this returns, or later."""
        self._numbered += 1
        attempt.number = self._numbered
        if self._is_resuming:
            self._resumed.append(attempt)
        else:
            self._start(attempt, attempt.asked_at)

    def _start(self, attempt: Attempt, now: float) -> None:
        """Decide a request, unless something has to be fetched first."""
        newest = self._latest.newest.get(attempt.presentity)
        if newest is not None and newest.fetching is not None:
            self._hold(attempt, newest.fetching)
            return
        self._latest.begin()
        try:
            self._decide(attempt)
        # Compiled code gives a name one type: each of these has its own.
        except HeldError as held:
            self._hold(attempt, held.fetching)
        except NotKnownError as unknown:
            attempt.fetches += 1
            if attempt.fetches > MAX_FETCHES:
                attempt.error = unknown
                self._finish(attempt, now)
                return
            fetching = Fetching([])
            self._hold(attempt, fetching)
            self._fetch(fetching, unknown.presentities, now)
        except StoreError as error:
            attempt.error = error
            self._finish(attempt, now)
        else:
            self._carry_out(attempt, now)

    def _hold(self, attempt: Attempt, fetching: Fetching) -> None:
        """Have a request decided when something is fetched, in order."""
        while fetching.into is not None:
            fetching = fetching.into
        attempt.fetching = fetching
        fetching.attempts.append(attempt)
        newest = self._latest.newest.get(attempt.presentity)
        if newest is not None and newest.fetching is not fetching:
            attempt.wait_for(newest)
        self._latest.newest[attempt.presentity] = attempt

    def _carry_out(self, attempt: Attempt, now: float) -> None:
        """Have stored what was decided, or answer it where there is nothing to store.

        The store need not compare what is got: whoever gets states is told of what changes from now
        on, too.
        """
        changes: list[Change] = []
        seen: list[tuple[Aor, Snapshot]] = []
        visit, got = attempt.visit, attempt.got
        if got is None:
            self._decided += attempt.sum_up(self._decided + 1, changes, seen)
            if self._latest.reads:
                read = dict(self._latest.reads)
                seen += [(who, held) for who, held in read.items() if who not in attempt.drafts]
            row = None if visit is None else visit(attempt.outcomes)
        else:
            attempt.first = self.number(got.count)
            row = None if visit is None else visit(())
        if self._latest.newest:
            self._latest.queue(attempt)
        if changes or row is not None:
            if not attempt.priors or attempt.is_firm:
                self._commit(attempt, tuple(changes), seen, row)
            else:
                # It is decided again when they are settled.
                attempt.fetching = Fetching([attempt])
                self._latest.claim(attempt)
        elif attempt.priors:
            self._latest.register(attempt)
        else:
            self._finish(attempt, now)

    def _commit(
        self,
        attempt: Attempt,
        changes: tuple[Change, ...],
        seen: list[tuple[Aor, Snapshot]],
        row: DialogRow | None,
    ) -> None:
        revisions = tuple([(presentity, held.revision) for presentity, held in seen])
        attempt.wanted = Wanted(changes, revisions, row)
        self._latest.register(attempt)
        attempt.is_asked = True
        try:
            self._store.commit(attempt.wanted, partial(self._settled, attempt))
        except BaseException:
            # It may never be settled: the presentity must not wait for ever.
            self._withdraw(attempt)
            raise

    def _withdraw(self, attempt: Attempt) -> None:
        """Forget that a request was decided: the store cannot be asked to keep it."""
        if attempt.is_settled:
            return
        attempt.is_asked, attempt.wanted = False, None
        self._latest.unregister(attempt)
        priors, attempt.priors = sorted(attempt.priors, key=_number), []
        for prior in priors:
            if prior.waiting is not None:
                prior.waiting.remove(attempt)
            if not prior.is_settled:
                for presentity in prior.drafts:
                    if presentity in attempt.drafts:
                        self._latest.newest[presentity] = prior

    # --- What came of it ---

    def _settled(
        self, attempt: Attempt, verdict: Verdict, error: StoreError | None, now: float
    ) -> None:
        """The store says what came of a commit."""
        if not attempt.is_asked:
            return
        attempt.is_asked = False
        if attempt.fetching is not None:
            self._settled_late(attempt, attempt.fetching, verdict, now)
        elif verdict is _REPEATED:
            self._came_again(attempt, now)
        elif verdict is _CONFLICT:
            self._lost(attempt)
            self._again(attempt, now)
        elif verdict is _MOVED:
            self._moved(attempt, now)
        else:
            if verdict is not _STORED:
                attempt.error = error or _error_of(verdict)
            self._finish(attempt, now)

    def _settled_late(
        self, attempt: Attempt, fetching: Fetching, verdict: Verdict, now: float
    ) -> None:
        """A request waits to be decided again, since it was decided on what came to nothing."""
        try:
            if verdict is _STORED:
                # It holds all the same: somebody else has stored just what it was decided on.
                attempt.error = None
                attempt.tell(self._feed, now)
            elif verdict is _REPEATED:
                self.counts["repeats"] += 1
                attempt.becomes_a_repeat()
        finally:
            self._resume(fetching, now)

    def _came_again(self, attempt: Attempt, now: float) -> None:
        """It was stored when it came for the first time: it is told what holds."""
        self.counts["repeats"] += 1
        only_gets = attempt.kind is _GET
        attempt.becomes_a_repeat()
        if only_gets:
            self._finish(attempt, now)
        else:
            self._again(attempt, now)

    def _lost(self, attempt: Attempt) -> None:
        """Somebody else was faster."""
        self.counts["conflicts"] += 1
        attempt.conflicts += 1
        if attempt.conflicts > MAX_CONFLICTS:
            self.counts["given_up"] += 1
            uri = attempt.presentity.uri
            why = phrase("{uri} was changed concurrently", uri=uri)
            attempt.error = StoreError("store_conflict", why)

    def _moved(self, attempt: Attempt, now: float) -> None:
        """Its SUBSCRIBE is served anew; only what was decided on its result is decided again."""
        self.counts["moved"] += 1
        attempt.error = MovedError(attempt.presentity)
        if attempt.waiting:
            self._again(attempt, now)
        else:
            self._finish(attempt, now)

    def _finish(self, attempt: Attempt, now: float) -> None:
        """Answer a request, and those that waited for nothing else."""
        problem: Exception | None = None
        ready = [attempt]
        held: list[Fetching] = []
        for one in ready:  # It grows meanwhile.
            try:
                one.tell(self._feed, now)
            except Exception as error:  # noqa: BLE001 - raised when all are told
                # Nobody's answer is lost because another one could not be given.
                problem = problem or error
            self._latest.unregister(one)
            waiting, one.waiting, one.priors = one.waiting, None, []
            for following in waiting or ():
                if following.fetching is not None:
                    held.append(following.fetching)
                elif not following.is_asked and not following.is_settled:
                    # It was decided on what never came to be.
                    following.error = following.error or one.error
                    if all(prior.is_settled for prior in following.priors):
                        ready.append(following)
        for fetching in held:
            try:
                self._resume(fetching, now)
            except Exception as error:  # noqa: BLE001 - as above
                problem = problem or error
        if problem is not None:
            raise problem

    # --- Fetching ---

    def _again(self, attempt: Attempt, now: float) -> None:
        """Have a request decided again, and all that were decided on its result."""
        fetching = Fetching([])
        stale: dict[Attempt, None] = {attempt: None}
        todo = [attempt]
        for one in todo:  # It grows meanwhile.
            others = [] if one.waiting is None else [*one.waiting]
            if one.fetching is not None and one.fetching.into is None:
                others += one.fetching.attempts
                fetching.fetches += one.fetching.fetches
                one.fetching.into = fetching
            for other in others:
                # Also one that was told late: what comes after it has to be held.
                is_held = not other.is_settled or other.fetching is not None
                if is_held and other not in stale:
                    other.error = None
                    stale[other] = None
                    todo.append(other)
        fetching.attempts = sorted(stale, key=_number)
        for one in fetching.attempts:
            one.fetching = fetching
        presentities = [attempt.presentity]
        if attempt.wanted is not None:
            presentities += [change.presentity for change in attempt.wanted.changes]
            presentities += [presentity for presentity, _ in attempt.wanted.seen]
        self._fetch(fetching, tuple(dict.fromkeys(presentities)), now)

    def _fetch(self, fetching: Fetching, presentities: Sequence[Aor], now: float) -> None:
        self.counts["fetches"] += 1
        fetching.fetches += 1
        try:
            self._ask_store(presentities, partial(self._fetched, fetching))
        except BaseException as error:
            self._fetched(fetching, StoreError("store_unavailable", str(error)), now)
            raise

    def _fetched(self, fetching: Fetching, error: StoreError | None, now: float) -> None:
        """Presentities are known, or cannot be."""
        while fetching.into is not None:
            fetching = fetching.into
        fetching.fetches -= 1
        if error is not None:
            for attempt in fetching.attempts:
                attempt.error = attempt.error or error
        self._resume(fetching, now)

    def _resume(self, fetching: Fetching, now: float) -> None:
        """Decide what has waited, in order, if it waits for nothing more."""
        while fetching.into is not None:
            fetching = fetching.into
        if not fetching.is_ready():
            return
        attempts, fetching.attempts = fetching.attempts, []
        for attempt in attempts:
            self._latest.unregister(attempt)
            attempt.fetching, attempt.waiting, attempt.priors = None, None, []
            attempt.is_firm = True
        self._resumed.extendleft(reversed(attempts))
        if not self._is_resuming:
            self._is_resuming = True
            try:
                self._decide_resumed(now)
            finally:
                self._is_resuming = False

    def _decide_resumed(self, now: float) -> None:
        problem: Exception | None = None
        while self._resumed:
            attempt = self._resumed.popleft()
            try:
                if attempt.is_settled:
                    continue
                if attempt.error is not None:
                    self._finish(attempt, now)
                else:
                    self._start(attempt, now)
            except Exception as error:  # noqa: BLE001 - raised when all are decided
                problem = problem or error
                if not (attempt.is_settled or attempt.is_asked or attempt.fetching):
                    # A mistake of ours; nobody else would answer it.
                    why = phrase("it cannot be decided again")
                    attempt.error = StoreError("store_conflict", why)
                    self._resumed.appendleft(attempt)
        if problem is not None:
            raise problem


def _number(attempt: Attempt) -> int:
    return attempt.number


def _error_of(verdict: Verdict) -> StoreError:
    if verdict is _FENCED:
        return StoreError("store_fenced", phrase("another server has taken the store over"))
    return StoreError("store_unavailable", phrase("the store gives no reason"))
