"""How many members of groups have a feature off, and how many on.

A group that a rule asks about is counted once, from what is stored for its members. From then on
each change that is settled moves the count, so that a decision searches nothing. What is decided
and not settled yet does not count.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, final

from dfks_rules.model.features import FEATURES, POSITION, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.feed import Event, Feed
from dfks_rules.service.ports import NotKnownError, Policies, Store

MAX_MEMBERS = 200_000
"""Most members of all groups that are counted together; the group that nobody asked about for
longest is forgotten first."""
BATCH = 1_000
"""Most members that are made known at once."""


@final
class _Group:
    """One group of one domain."""

    __slots__ = ("members", "on", "states", "unread")

    def __init__(self, members: tuple[str, ...], known: Mapping[str, int]) -> None:
        """`known` has `states` of some of the members, or of others."""
        self.members: Final = members
        self.states: Final = {user: known[user] for user in members if user in known}
        """User → features that are on, in bits; of those that are read."""
        self.on: Final = [
            sum(bits >> position & 1 for bits in self.states.values())
            for position in range(len(FEATURES))
        ]
        """How many have each feature on, of those that are read."""
        self.unread: Final[dict[str, None]] = dict.fromkeys(
            [user for user in members if user not in known]
        )
        """Members of whom it is not known what is stored."""

    def read(self, user: str, snapshot: Snapshot | None) -> None:
        """What is stored for a member now; None where that is not known."""
        before = self.states.pop(user, 0)
        after = 0
        if snapshot is None:
            self.unread[user] = None
        else:
            self.unread.pop(user, None)
            for position, state in enumerate(snapshot.states):
                if state.status:
                    after |= 1 << position
            self.states[user] = after
        changed = before ^ after
        for position in range(len(self.on)):
            bit = 1 << position
            if changed & bit:
                self.on[position] += 1 if after & bit else -1


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
            self._read(domain, counted)
        on = counted.on[POSITION[feature]]
        return len(members) - on, on

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
        before = self._forget(key)
        # Who was read already is not read again because a file has changed.
        known = {} if before is None else before.states
        while self._groups and self._members + len(members) > MAX_MEMBERS:
            self._forget(next(iter(self._groups)))
            self._counts["groups_forgotten"] += 1
        counted = self._groups[key] = _Group(members, known)
        self._in_domain.setdefault(key[0], {})[key[1]] = counted
        self._members += len(members)
        return counted

    def _forget(self, key: tuple[str, str]) -> _Group | None:
        counted = self._groups.pop(key, None)
        if counted is not None:
            self._members -= len(counted.members)
            here = self._in_domain[key[0]]
            del here[key[1]]
            if not here:
                del self._in_domain[key[0]]
        return counted

    def _read(self, domain: str, counted: _Group) -> None:
        missing: list[Aor] = []
        for user in list(counted.unread):
            presentity = Aor(user, domain)
            snapshot = self._store.known(presentity)
            if snapshot is None:
                missing.append(presentity)
                if len(missing) == BATCH:
                    break
            else:
                counted.read(user, snapshot)
        if missing:
            raise NotKnownError(tuple(missing))
