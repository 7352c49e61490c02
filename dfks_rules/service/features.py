"""Get and set: decide by what is stored and by the policies, store, and say what came of it.

Requests of one presentity are answered in the order in which they were made; see `under_way`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import FOLLOWED_SETS, Decision, Outcome
from dfks_rules.model.features import OFF, Feature, FeatureState, Snapshot
from dfks_rules.model.gets import Done, Got
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    EXPIRED,
    Asked,
    FeatureRequest,
    GroupCounts,
    Operation,
    Origin,
    Requester,
)
from dfks_rules.service.around import Around
from dfks_rules.service.attempt import Attempt, Kind
from dfks_rules.service.cascade import Cascade, Draft
from dfks_rules.service.decided import Decided
from dfks_rules.service.feed import Failed, Feed, Settled
from dfks_rules.service.latest import Latest
from dfks_rules.service.ports import ChangedError, Fetched, NotKnownError, Policies, Store, Visiting
from dfks_rules.service.shown import Shown, shown_by
from dfks_rules.service.under_way import UnderWay

# CPython 3.11 calls a Python function for each `Operation.GET`.
_GET: Final = Operation.GET
_SET: Final = Operation.SET
_SUBSCRIBE: Final = Operation.SUBSCRIBE
_WATCHER: Final = Origin.WATCHER
_INTERNAL: Final = Origin.INTERNAL
_GETS: Final = Kind.GET
_SETS: Final = Kind.SET
_SETS_ALL: Final = Kind.SET_ALL
_SETS_AND_GETS: Final = Kind.SET_AND_GET
_REMOVES: Final = Kind.REMOVE
_EXPIRES: Final = Kind.EXPIRE
_PHONE: Final = Requester(_WATCHER)
"""Who is not admitted where something cannot be fetched."""


class Features:
    """The use cases, on one store and one set of policies."""

    def __init__(
        self, store: Store, policies: Policies, feed: Feed, followed_sets: int = FOLLOWED_SETS
    ) -> None:
        """Nothing is under way.

        Args:
            store: keeps states.
            policies: what decides; it may change its mind between two requests.
            feed: told what came of each request.
            followed_sets: most sets that may follow from one.
        """
        self._store = store
        self._policies = policies
        self._feed = feed
        self.decided = Decided()
        """Counts what is decided."""
        feed.listen(self.decided.hear)
        self._followed_sets = followed_sets
        self._latest = latest = Latest(store)
        self._under_way = UnderWay(store, latest, feed, self._decide, self._fetch)
        self.counts = self._under_way.counts
        """How often a request was decided again because somebody else was faster (`conflicts`), or
        given up for it (`given_up`); how many sets came again after they were stored (`repeats`);
        how many SUBSCRIBEs were about dialogs of other nodes (`moved`); how often the store was
        asked to make something known (`fetches`); how many groups whose members were counted were
        forgotten for others (`groups_forgotten`); and how many users, phones, domains and targets
        whose sets were counted (`rates_forgotten`)."""
        self._around = Around(store, policies, feed, latest, self.counts)

    def admit(self, presentity: Aor, requester: Requester, at: datetime, now: float) -> Decision:
        """Whether the requester may watch the presentity.

        Raises:
            NotKnownError: `fetch` what it names, then ask again.
        """
        request = FeatureRequest(_SUBSCRIBE, presentity, requester)
        around = self._around.of_admission(self._policies)
        snapshot = self._latest.decided_of(presentity)
        decision = self._policies.decide(request, snapshot, at, around)
        # That a phone may watch itself though no rule says anything is not worth an event.
        if decision.matched or decision.denial is not None:
            outcome = Outcome(request, decision, OFF, OFF, None, snapshot, at, around)
            first = self._under_way.number(1)
            self._feed.publish(Settled(presentity, (outcome,), first, requester, at, now))
        else:
            self.decided.admitted()
        return decision

    def knows(self, presentity: Aor) -> bool:
        """Whether it is known what is stored; not so after a commit that may be stored or not."""
        return self._store.known(presentity) is not None

    def stored_of(self, presentity: Aor) -> Snapshot:
        """What is stored, without a question to the policies.

        Raises:
            NotKnownError: `fetch` what it names, then ask again.
        """
        return self._latest.settled_of(presentity)

    def group_counts(self) -> GroupCounts | None:
        """Counts of members of groups, as they are now; None where no rule reads any."""
        return self._around.of_get(self._policies).groups

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Make presentities known to `admit`, `look` and `stored_of`; see `Store.fetch`."""

        def fetched(error: StoreError | None, now: float) -> None:
            try:
                done(error, now)
            finally:
                if error is not None:
                    self._feed.publish(Failed(presentities[0], error, _PHONE, now))

        self._fetch(presentities, fetched)

    def _fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        self._around.groups.fetch(presentities, done)

    def learned(self, presentity: Aor, origin: Origin, now: float) -> None:
        """Another node has stored a set that somebody with this origin asked for: it counts for
        rules that look at rates.
        """
        if origin is not _INTERNAL:
            self._around.learned(presentity, self._policies, now)

    def changed_elsewhere(self, presentity: Aor) -> None:
        """The store has learned what another node has stored for a presentity."""
        self._around.groups.changed(presentity)

    def get(
        self,
        presentity: Aor,
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
        visit: Visiting | None = None,
    ) -> None:
        """Work out the states to tell: one outcome for each feature, in the order of `FEATURES`.

        An operator gets all of them, a phone those that it may be told of.

        Args:
            presentity: whose.
            requester: who asks.
            at: local time, for the policies.
            now: monotonic seconds.
            done: told the outcomes once they hold, or why the store failed.
            visit: gives the row to store before `done` is told; None where there is none to store.
        """
        under_way = self._under_way
        if visit is None and under_way.is_idle(presentity):
            # Nearly all requests are of this kind: each costs as little as it can.
            latest = self._latest
            latest.begin()
            snapshot = self._store.known(presentity)
            got: Got | None = None
            if snapshot is not None:
                try:
                    got = self._get(self._policies, presentity, snapshot, requester, at)
                except NotKnownError:
                    got = None
            if got is not None and not latest.has_read_unsettled():
                first = under_way.number(got.count)
                try:
                    done(got, now)
                finally:
                    self._feed.publish(Settled(presentity, got, first, requester, at, now))
                return
        under_way.begin(Attempt(_GETS, presentity, (), requester, at, now, done, visit))

    def set(  # noqa: PLR0913 - as `get`, and what is asked for
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
        visit: Visiting | None = None,
        expected: int | None = None,
    ) -> None:
        """Decide on and keep states, in order; see `get`.

        `done` is told one outcome for each of `asked`, and those of sets that followed for the same
        presentity. What follows for others is stored together with them, or nothing is. Where the
        presentity has another revision than `expected`, it is told a `ChangedError`.
        """
        attempt = Attempt(_SETS, presentity, asked, requester, at, now, done, visit, expected)
        self._under_way.begin(attempt)

    def set_all(  # noqa: PLR0913 - as `get`, and what is asked for
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
        visit: Visiting | None = None,
        expected: int | None = None,
    ) -> None:
        """As `set`, but nothing is kept where one of `asked` is denied.

        Then `done` is told the outcomes of those that were denied.
        """
        attempt = Attempt(_SETS_ALL, presentity, asked, requester, at, now, done, visit, expected)
        self._under_way.begin(attempt)

    def set_and_get(  # noqa: PLR0913 - as `get`, and what is asked for
        self,
        presentity: Aor,
        asked: Sequence[Asked],
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
        visit: Visiting | None = None,
    ) -> None:
        """As `set`, then as `get`: the outcomes of both are told in one, those of the gets last.

        One revision of the policies decides on all of it.
        """
        attempt = Attempt(_SETS_AND_GETS, presentity, asked, requester, at, now, done, visit)
        self._under_way.begin(attempt)

    def look(
        self, presentity: Aor, features: Sequence[Feature], requester: Requester, at: datetime
    ) -> tuple[tuple[Feature, FeatureState], ...]:
        """What a get would show of some features this moment, of what is committed.

        Nobody else hears of it.

        Returns:
            Those that are assigned, each with its state.

        Raises:
            NotKnownError: `fetch` what it names, then look again.
        """
        snapshot = self._latest.settled_of(presentity)
        around = self._around.of_admission(self._policies)
        seen: list[tuple[Feature, FeatureState]] = []
        for feature in features:
            request = FeatureRequest(_GET, presentity, requester, feature)
            decision = self._policies.decide(request, snapshot, at, around)
            if decision.assigned:
                seen.append((feature, decision.state))
        return tuple(seen)

    def try_set(
        self, presentity: Aor, asked: Sequence[Asked], requester: Requester, at: datetime
    ) -> tuple[Outcome, ...]:
        """What would come of sets this moment: nothing is kept or counted, and nobody hears of it.

        Raises:
            NotKnownError: `fetch` what it names, then try again.
        """
        stored_of = self._latest.settled_of
        around = self._around.of_admission(self._policies)
        cascade = Cascade(self._policies, stored_of, lambda _: around, at, self._followed_sets)
        for one in asked:
            cascade.ask(presentity, one, requester)
        return tuple(cascade.drafts[presentity].outcomes)

    def remove(
        self,
        presentity: Aor,
        requester: Requester,
        at: datetime,
        now: float,
        done: Done,
        expected: int | None = None,
    ) -> None:
        """Switch off all that is known of a presentity, and forget its values; see `set_all`.

        Policies are asked whether each may be switched off; `done` is told at least one outcome,
        which has changed nothing where there is nothing to remove.
        """
        attempt = Attempt(_REMOVES, presentity, (), requester, at, now, done, None, expected)
        self._under_way.begin(attempt)

    def expire(self, presentity: Aor, at: datetime, now: float, done: Done) -> None:
        """Have the policies switch off what has expired; a `ChangedError` where nothing has."""
        attempt = Attempt(_EXPIRES, presentity, (), EXPIRED, at, now, done, None)
        self._under_way.begin(attempt)

    @property
    def shown(self) -> Shown:
        """What those who watch are shown of a presentity's states."""
        return shown_by(self._policies)

    @property
    def policies(self) -> Policies:
        """What decides now; another object once others do."""
        return self._policies.pinned

    def _get(
        self,
        policies: Policies,
        presentity: Aor,
        snapshot: Snapshot,
        requester: Requester,
        at: datetime,
    ) -> Got:
        around = self._around.of_get(policies)
        gets = policies.decide_gets(presentity, requester, snapshot, at, around)
        return Got(gets, presentity, requester, snapshot, at, around)

    def _decide(self, attempt: Attempt) -> None:
        """Work out what a request comes to; the same policies decide each time.

        Raises:
            NotKnownError: something that it depends on is not known.
        """
        policies = attempt.policies or self._policies
        latest, presentity = self._latest, attempt.presentity
        kind, requester, at = attempt.kind, attempt.requester, attempt.at
        if kind is _GETS:
            snapshot = latest.snapshot_of(presentity)
            attempt.got = self._get(policies, presentity, snapshot, requester, at)
            attempt.drafts = {presentity: Draft(snapshot)}
        else:
            if attempt.expected is not None:
                revision = latest.snapshot_of(presentity).revision
                if revision != attempt.expected:
                    raise ChangedError(presentity, revision)
            around = self._around.of_sets(attempt, policies)
            cascade = Cascade(policies, latest.snapshot_of, around, at, self._followed_sets)
            if kind is _REMOVES:
                cascade.remove(presentity, requester)
            elif kind is _EXPIRES:
                cascade.expire(presentity)
            for one in attempt.asked:
                cascade.ask(presentity, one, requester)
            if kind is _SETS_AND_GETS:
                draft = cascade.drafts[presentity]
                got = self._get(policies, presentity, draft.after, requester, at)
                draft.outcomes += got.outcomes
            elif kind is _SETS_ALL:
                cascade.keep_denials(presentity)
            attempt.drafts = cascade.drafts
        attempt.policies = policies.pinned
