"""One request, from when it is made until it is answered."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final, final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome, Repeated
from dfks_rules.model.features import Snapshot
from dfks_rules.model.gets import Came, Done, Got, count_of, outcomes_of
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Requester
from dfks_rules.service.cascade import INTERNAL, Draft
from dfks_rules.service.feed import Failed, Feed, Settled
from dfks_rules.service.ports import Change, ChangedError, MovedError, Policies, Visiting, Wanted
from dfks_rules.service.rates import Tally


class Kind(Enum):
    """What a request asks for."""

    GET = "get"
    SET = "set"
    SET_ALL = "set all, or none"
    SET_AND_GET = "set, then get"
    REMOVE = "remove"
    EXPIRE = "switch off what has expired"

    __hash__ = object.__hash__


_GET: Final = Kind.GET


@final
class Attempt:
    """A request that can be decided again, and what was decided last.

    A change happens only in `under_way`.
    """

    __slots__ = (
        "asked",
        "asked_at",
        "at",
        "claims",
        "conflicts",
        "done",
        "drafts",
        "error",
        "expected",
        "fetches",
        "fetching",
        "first",
        "got",
        "is_asked",
        "is_firm",
        "is_repeated",
        "is_settled",
        "kind",
        "number",
        "outcomes",
        "policies",
        "presentity",
        "priors",
        "requester",
        "tally",
        "visit",
        "waiting",
        "wanted",
    )

    def __init__(  # noqa: PLR0913 - a request
        self,
        kind: Kind,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
        visit: Visiting | None,
        expected: int | None = None,
    ) -> None:
        self.kind = kind
        self.presentity: Final = presentity
        self.asked = asked
        self.requester: Final = requester
        self.at: Final = at
        """Local time when it was asked for."""
        self.asked_at: Final = now
        """The same moment in monotonic seconds."""
        self.done: Final = done
        self.visit = visit
        self.expected: Final = expected
        """The revision on which it is meant to be decided; None: whatever holds."""
        self.number = 0
        """Its place among all requests."""

        self.policies: Policies | None = None
        """What decided it, and decides it again; None: not decided yet."""
        self.tally: Tally | None = None
        """How many sets were counted when it was decided first; None: none were."""
        self.drafts: dict[Aor, Draft] = {}
        """What it comes to for each presentity that it concerns."""
        self.outcomes: tuple[Outcome, ...] = ()
        """What came of it for the presentity that was asked for; of a `GET`, `got` says it."""
        self.got: Got | None = None
        """What came of a `GET`."""
        self.first = 0
        """Number of the first outcome of the first draft."""
        self.wanted: Wanted | None = None
        """What the store was asked for last."""

        self.priors: list[Attempt] = []
        """Those under way on which it was decided, or after which it has to be answered."""
        self.waiting: list[Attempt] | None = None
        """Those that have it among their priors."""
        self.fetching: Fetching | None = None
        """What it waits for before it is decided, or decided again."""
        self.conflicts = 0
        """How often somebody else was faster."""
        self.fetches = 0
        """How often something had to be fetched before it could be decided."""
        self.claims: list[Aor] = []
        """What else it has read, where it waits until that is stored."""
        self.is_asked = False
        """Whether the store has not said yet what came of it."""
        self.is_firm = True
        """Whether it is stored only if those are on which it was decided."""
        self.is_repeated = False
        """Whether its sets were stored before."""
        self.error: StoreError | None = None
        """Why it came to nothing."""
        self.is_settled = False
        """Whether it was answered."""

    def becomes_a_repeat(self) -> None:
        """Its sets were stored before: only what holds now is asked for."""
        self.kind, self.asked, self.visit, self.is_repeated = _GET, (), None, True

    def wait_for(self, prior: "Attempt") -> None:
        """It comes after another one."""
        if prior not in self.priors:
            self.priors.append(prior)
            if prior.waiting is None:
                prior.waiting = []
            prior.waiting.append(self)

    def leads(self, presentity: Aor) -> bool:
        """Whether nothing that follows for a presentity can be stored unless this is."""
        if self.kind is _GET:
            return self.is_firm
        draft = self.drafts[presentity]
        return draft.after is not draft.before

    def sum_up(self, first: int, changes: list[Change], seen: list[tuple[Aor, Snapshot]]) -> int:
        """Number the outcomes of its sets; how many there are.

        Args:
            first: the number of the first one.
            changes: gets what they change.
            seen: gets what they were decided on besides.
        """
        self.outcomes = tuple(self.drafts[self.presentity].outcomes)
        number = self.first = first
        for presentity, draft in self.drafts.items():
            before, after = draft.before, draft.after
            told = self.outcomes if presentity == self.presentity else tuple(draft.outcomes)
            if after is before:
                seen.append((presentity, before))
            else:
                changes.append(Change(presentity, before, after, told, number))
            number += len(told)
        return number - first

    def tell(self, feed: Feed, now: float) -> None:
        """Answer it, then publish what came of it."""
        self.is_settled = True
        if self.error is not None:
            self._fail(self.error, feed, now)
            return
        came: Came = self.outcomes if self.got is None else self.got
        try:
            self.done(Repeated(outcomes_of(came)) if self.is_repeated else came, now)
        finally:
            waited, first = now - self.asked_at, self.first
            for presentity, draft in self.drafts.items():
                if presentity == self.presentity:
                    told, requester = came, self.requester
                else:
                    told, requester = tuple(draft.outcomes), INTERNAL
                feed.publish(Settled(presentity, told, first, requester, self.at, now, waited))
                first += count_of(told)
                if draft.deadlines is not draft.before.deadlines and draft.deadlines:
                    feed.on_deadline(min([one.at for one in draft.deadlines]))

    def _fail(self, error: StoreError, feed: Feed, now: float) -> None:
        try:
            self.done(error, now)
        finally:
            # Not a failure: whoever asked looks again.
            is_asked_again = isinstance(error, ChangedError | MovedError)
            failed = () if is_asked_again else self.drafts or (self.presentity,)
            for presentity in failed:
                requester = self.requester if presentity == self.presentity else INTERNAL
                feed.publish(Failed(presentity, error, requester, now))


@final
class Fetching:
    """Requests that wait until presentities are fetched, to be decided in order."""

    __slots__ = ("attempts", "fetches", "into")

    def __init__(self, attempts: list[Attempt]) -> None:
        self.attempts = attempts
        """In the order in which they were made."""
        self.fetches = 0
        """How many answers of the store are missing."""
        self.into: Fetching | None = None
        """The one that it has become a part of."""

    def is_ready(self) -> bool:
        """Whether nothing is missing: neither what is fetched, nor what they come after."""
        if self.fetches:
            return False
        for attempt in self.attempts:
            if attempt.is_asked:
                return False
            for prior in attempt.priors:
                if not prior.is_settled and prior.fetching is not self:
                    return False
        return True
