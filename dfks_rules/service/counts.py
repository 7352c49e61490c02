"""How many members of groups have a feature off, and how many on.

A group that a rule asks about is counted once, from what is stored for its members: by the decision
that asks where they are few, or in batches, for which all wait who ask for it. From then on each
change that is settled moves the count, so that a decision searches nothing. What is decided
and not settled yet does not count.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Final, final

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, POSITION, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.feed import Event, Feed
from dfks_rules.service.ports import Fetched, NotKnownError, Policies, Store

MAX_MEMBERS = 200_000
"""Most members of all groups that are counted together, besides those that are being read; the
group that nobody asked about for longest is forgotten first."""
AT_ONCE = 64
"""Most members who are counted by the decision that asks; of more, it waits."""
BATCH = 250
"""Most members that are made known at once: a few milliseconds, in which nobody else is served."""
MAX_LEFT = 5_000
"""Most members who leave a group before it is counted anew."""
LONGEST_PIECE = 1_024
"""Most members of two directories that are compared at once."""
IN_VAIN = 10
"""How often a batch of which nothing could be learned is asked for again."""


@final
class _Group:
    """One group of one domain."""

    __slots__ = (
        "heard_at",
        "in_vain",
        "is_forgotten",
        "is_read",
        "members",
        "on",
        "states",
        "unread",
        "waiting",
    )

    def __init__(self, members: tuple[str, ...]) -> None:
        """Nothing is read."""
        self.members = members
        self.states: Final[dict[str, int]] = {}
        """User → features that are on, in bits; of those that are read."""
        self.on: Final = [0] * len(FEATURES)
        """How many have each feature on, of those that are read."""
        self.unread: Final[dict[str, None]] = dict.fromkeys(members)
        """Members of whom it is not known what is stored."""
        self.waiting: Final[list[Fetched]] = []
        """Who waits until all are read."""
        self.is_read = False
        """Whether members are being read."""
        self.heard_at = 0.0
        """When the store has told something last, monotonic seconds."""
        self.in_vain = 0
        """How many batches have taught nothing since one did."""
        self.is_forgotten = False

    def have(self, members: tuple[str, ...]) -> bool:
        """Others are members now, of whom most are as before; whether it could do that."""
        changes = _changes(self.members, members)
        if changes is None:
            return False
        gone, new = changes
        for user in gone:
            self._has(user, 0)
            self.states.pop(user, None)
            self.unread.pop(user, None)
        self.unread.update(dict.fromkeys(new))
        self.members = members
        return True

    def read(self, user: str, snapshot: Snapshot | None) -> None:
        """What is stored for a member now; None where that is not known."""
        self.unread.pop(user, None)
        after = 0
        if snapshot is None:
            self._has(user, 0)
            self.states.pop(user, None)
            self.unread[user] = None  # behind the others
            return
        if snapshot is not NOTHING_STORED:
            for position, state in enumerate(snapshot.states):
                if state.status:
                    after |= 1 << position
        self._has(user, after)
        self.states[user] = after

    def _has(self, user: str, after: int) -> None:
        changed = self.states.get(user, 0) ^ after
        position = 0
        while changed:
            if changed & 1:
                self.on[position] += 1 if after >> position & 1 else -1
            changed >>= 1
            position += 1


def _changes(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[list[str], list[str]] | None:
    """Who has left and who has joined, of two sorted tuples; None: too many have left.

    Where both say the same, they are compared in longer and longer pieces: a set of 50,000 names
    would take longer than all of this.
    """
    gone: list[str] = []
    new: list[str] = []
    at = at_now = 0
    step = 1
    while at < len(before) and at_now < len(now) and len(gone) <= MAX_LEFT:
        if before[at : at + step] == now[at_now : at_now + step]:
            at += step
            at_now += step
            step = min(2 * step, LONGEST_PIECE)
        elif step > 1:
            step = max(1, step // 8)
        elif before[at] < now[at_now]:
            gone.append(before[at])
            at += 1
        else:
            new.append(now[at_now])
            at_now += 1
    gone += before[at:]
    new += now[at_now:]
    return None if len(gone) > MAX_LEFT else (gone, new)


_NO_GROUPS: Final[dict[str, _Group]] = {}


@final
class GroupCounters:
    """The counters of all groups that rules ask about."""

    def __init__(
        self, store: Store, policies: Policies, feed: Feed, counts: dict[str, int]
    ) -> None:
        """Nothing is counted until somebody asks.

        Args:
            store: knows what is stored for members.
            policies: know who is in a group.
            feed: tells what has changed.
            counts: `groups_forgotten` of it: groups that were forgotten because all of them
                together had too many members.
        """
        counts.setdefault("groups_forgotten", 0)
        self._counts = counts
        self._store = store
        self._policies = policies
        self._feed = feed
        self._groups: OrderedDict[tuple[str, str], _Group] = OrderedDict()
        """Domain, group → its counter; the one asked about last stands last."""
        self._in_domain: dict[str, dict[str, _Group]] = {}
        """Domain → group → the same: what changes concerns one domain of perhaps thousands."""
        self._members = 0
        """How many members they have."""
        self._hears = False
        """Whether it is told of changes."""

    def of(self, domain: str, group: str, feature: Feature) -> tuple[int, int] | None:
        """How many members have a feature off, and how many on; None if there are none.

        Raises:
            NotKnownError: what is stored for some of them; `fetch` it, then ask again.
        """
        members = self._policies.members_of(domain, group)
        if not members:
            return None
        key = (domain, group)
        counted = self._groups.get(key)
        if counted is None or counted.members is not members:
            counted = self._begin(key, members)
        else:
            self._groups.move_to_end(key)
        if counted.unread:
            self._read_few(domain, counted)
        on = counted.on[POSITION[feature]]
        return len(members) - on, on

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """As `Store.fetch`; whoever asks for a member of a group that is to be counted waits until
        all of the group are known.
        """
        waited: list[tuple[str, _Group]] = []
        others: list[Aor] = []
        for presentity in presentities:
            of_domain = self._in_domain.get(presentity.domain, _NO_GROUPS)
            groups = [one for one in of_domain.values() if presentity.user in one.unread]
            waited += [
                (presentity.domain, one) for one in groups if (presentity.domain, one) not in waited
            ]
            if not groups:
                others.append(presentity)
        if not waited:
            self._store.fetch(presentities, done)
            return
        left = [len(waited)]
        failures: list[StoreError] = []

        def counted_one(error: StoreError | None, now: float) -> None:
            left[0] -= 1
            if error is not None:
                failures.append(error)
            if left[0]:
                return
            if failures or not others:
                done(failures[0] if failures else None, now)
            else:
                self._store.fetch(others, done)

        for domain, counted in waited:
            counted.waiting.append(counted_one)
            if not counted.is_read:
                counted.is_read = True
                self._count(domain, counted)

    def changed(self, presentity: Aor) -> None:
        """Something else may be stored for a presentity."""
        user = presentity.user
        for counted in self._in_domain.get(presentity.domain, _NO_GROUPS).values():
            if user in counted.states:
                counted.read(user, self._store.known(presentity))

    def hear(self, event: Event) -> None:
        """What came of a request: also where the store failed, it may be stored."""
        self.changed(event.presentity)

    def _begin(self, key: tuple[str, str], members: tuple[str, ...]) -> _Group:
        if not self._hears:
            # Who has no rule about counts pays nothing for them.
            self._feed.listen(self.hear)
            self._hears = True
        before = self._groups.get(key)
        if before is not None:
            if before.members == members:
                before.members = members  # another directory says the same
                return before
            grown = len(members) - len(before.members)
            # Who was read already is not read again because a file has changed.
            if self._members + grown <= MAX_MEMBERS and before.have(members):
                self._members += grown
                self._groups.move_to_end(key)
                return before
            self._forget(key)
        while self._members + len(members) > MAX_MEMBERS:
            # Of two that are read and have no room beside each other, neither would ever be known.
            oldest = next((one for one, group in self._groups.items() if not group.is_read), None)
            if oldest is None:
                break
            self._forget(oldest)
            self._counts["groups_forgotten"] += 1
        counted = self._groups[key] = _Group(members)
        self._in_domain.setdefault(key[0], {})[key[1]] = counted
        self._members += len(members)
        return counted

    def _forget(self, key: tuple[str, str]) -> None:
        counted = self._groups.pop(key)
        counted.is_forgotten = True
        self._members -= len(counted.members)
        here = self._in_domain[key[0]]
        del here[key[1]]
        if not here:
            del self._in_domain[key[0]]

    def _read_few(self, domain: str, counted: _Group) -> None:
        """Read the members of whom nothing is known, where they are few and the store knows."""
        if len(counted.unread) <= AT_ONCE:
            for user in list(counted.unread):
                counted.read(user, self._store.known(Aor(user, domain)))
        if counted.unread:
            raise NotKnownError((Aor(next(iter(counted.unread)), domain),))

    def _count(self, domain: str, counted: _Group) -> None:
        """Have the next members read, until all are; what changes meanwhile is heard of."""
        is_waiting = False
        while not is_waiting:
            users = list(islice(counted.unread, BATCH))
            if not users or counted.is_forgotten or counted.in_vain >= IN_VAIN:
                break
            is_waiting = self._ask(domain, counted, users)
        if not is_waiting:
            error: StoreError | None = None
            if counted.in_vain >= IN_VAIN:
                error = NotKnownError((Aor(next(iter(counted.unread)), domain),))
            self._counted(counted, error, counted.heard_at)

    def _ask(self, domain: str, counted: _Group, users: list[str]) -> bool:
        """Ask the store for some members; whether it tells later."""
        asked = [Aor(user, domain) for user in users]
        told: list[bool] = []
        is_later: list[bool] = []

        def fetched(error: StoreError | None, now: float) -> None:
            told.append(True)
            counted.heard_at = now
            if error is not None:
                self._counted(counted, error, now)
                return
            before = len(counted.unread)
            for presentity in asked:
                if presentity.user in counted.unread:
                    counted.read(presentity.user, self._store.known(presentity))
            counted.in_vain = 0 if len(counted.unread) < before else counted.in_vain + 1
            if is_later:
                self._count(domain, counted)

        self._store.fetch(asked, fetched)
        if not told:
            is_later.append(True)
        return not told or not counted.is_read

    def _counted(self, counted: _Group, error: StoreError | None, now: float) -> None:
        """Tell those who wait."""
        counted.is_read, counted.in_vain = False, 0
        waiting = counted.waiting[:]
        counted.waiting.clear()
        problem: Exception | None = None
        for done in waiting:
            try:
                done(error, now)
            except Exception as bug:  # noqa: BLE001 - raised when all are told
                problem = problem or bug
        if problem is not None:
            raise problem
