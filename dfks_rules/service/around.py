"""What else the policies may look at, besides the request and what is stored for its presentity.

What no rule reads is not counted.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Final, NamedTuple, final

from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    FeatureRequest,
    GroupCounts,
    Operation,
    Origin,
    Surroundings,
)
from dfks_rules.model.values import Value
from dfks_rules.service.attempt import Attempt
from dfks_rules.service.counts import GroupCounters
from dfks_rules.service.feed import Feed
from dfks_rules.service.latest import Latest
from dfks_rules.service.ports import Policies, Store
from dfks_rules.service.rates import RATES, Keys, Rates, Tally

_SET: Final = Operation.SET
_WATCHER: Final = Origin.WATCHER
_INTERNAL: Final = Origin.INTERNAL
_RATES: Final = frozenset(RATES)
"""Facts that sets are counted for."""


class _Read(NamedTuple):
    """Rates that rules read."""

    names: frozenset[str]
    whose: frozenset[str]
    """What they count by."""


@lru_cache(8)
def _rates_in(reads: frozenset[str]) -> _Read:
    """The rates among facts; the facts that rules read stay the same for long."""
    names = _RATES & reads
    return _Read(names, frozenset([RATES[name][0] for name in names]))


@final
class Around:
    """Makes the surroundings of requests."""

    def __init__(
        self,
        store: Store,
        policies: Policies,
        feed: Feed,
        latest: Latest,
        counts: dict[str, int],
    ) -> None:
        """Nothing is counted yet.

        Args:
            store: keeps states.
            policies: those that are active.
            feed: tells what has changed.
            latest: knows what holds.
            counts: of what is forgotten; see `GroupCounters` and `Rates`.
        """
        self._rates = Rates(counts)
        self.groups: Final = GroupCounters(store, policies, feed, counts)
        """Counts members of groups."""
        self._plain = Surroundings(latest.stored_of)
        """Where nothing is counted."""
        self._admission = Surroundings(latest.decided_of)

    def of_get(self, policies: Policies) -> Surroundings:
        """Those of gets of one presentity."""
        return self._counting(self._plain) if policies.reads_counts else self._plain

    def of_admission(self, policies: Policies) -> Surroundings:
        """Those of what is only looked at: it waits for nothing that is under way."""
        return self._counting(self._admission) if policies.reads_counts else self._admission

    def of_sets(
        self, attempt: Attempt, policies: Policies
    ) -> Callable[[FeatureRequest], Surroundings]:
        """Those of each set of a request; sets are counted where a rule asks how many."""
        plain = self.of_get(policies)
        read = _rates_in(policies.reads)
        if not read.names:
            return lambda _request: plain
        if attempt.tally is None:
            attempt.tally = Tally(self._rates, attempt.asked_at)
        attempt.tally.begin()
        return partial(_count_set, plain, attempt.tally, policies, read)

    def learned(self, presentity: Aor, policies: Policies, now: float) -> None:
        """Another node has stored a set that somebody asked for."""
        names = _rates_in(policies.reads).names
        if names:
            keys: Keys = {"user": presentity, "domain": presentity.domain}
            self._rates.add(names, keys, now)

    def _counting(self, plain: Surroundings) -> Surroundings:
        return Surroundings(plain.stored_of, plain.rates, GroupCounts(self.groups.of))


def _count_set(
    plain: Surroundings,
    tally: Tally,
    policies: Policies,
    read: _Read,
    request: FeatureRequest,
) -> Surroundings:
    if request.operation is not _SET:
        return plain
    names, keys = read.names, _keys_of(request, policies, read.whose)
    is_followed = request.requester.origin is _INTERNAL
    rates = tally.count(names, keys) if is_followed else tally.add(names, keys)
    return Surroundings(plain.stored_of, tuple(rates.items()), plain.groups)


def _keys_of(request: FeatureRequest, policies: Policies, whose: frozenset[str]) -> Keys:
    """Whose a set is, by all that rules ask about."""
    presentity, requester = request.presentity, request.requester
    keys: dict[str, Hashable] = {"user": presentity, "domain": presentity.domain}
    if "device" in whose and requester.origin is _WATCHER:
        keys["device"] = (requester.watcher, requester.source_ip, requester.user_agent)
    if "target" in whose:
        target = request.asked and request.asked.value(Value.FORWARD_TO)
        if target:
            keys["target"] = policies.target_of(presentity, str(target))
    return keys
