"""Which rules matched in the decisions that are kept.

It is counted when somebody asks, so that no request pays for it.
"""

from collections.abc import Iterable
from datetime import datetime

from dfks_rules.app.records.denials import PORTION
from dfks_rules.app.records.ring import Ring
from dfks_rules.model.decisions import Decision
from dfks_rules.model.gets import Came, Gets, Got, count_of, outcomes_of, presentity_of
from dfks_rules.operations.decisions import Use, Uses
from dfks_rules.operations.times import time_told
from dfks_rules.operations.turns import Turns


async def uses_in(ring: Ring, revision: str, domains: frozenset[str] | None) -> Uses:
    """What became of the rules of a revision.

    Args:
        ring: the requests that are kept.
        revision: the policies that decided.
        domains: only requests about these count; None: all.
    """
    counting, turns = _Counting(revision), Turns()
    place, end = ring.begin, ring.end
    # The ring turns while others work.
    while (first := max(place, ring.begin)) < end:
        place = min(first + PORTION, end)
        for _, came in ring.between(first, place - 1):
            if domains is None or presentity_of(came).domain in domains:
                counting.add(came)
        await turns.rest()
    return await counting.told(turns)


class _Counting:
    """Counts what is decided once for many gets only once."""

    def __init__(self, revision: str) -> None:
        self._revision = revision
        self._gets: dict[int, tuple[Gets, int, datetime]] = {}
        self._rules: dict[str, list[int]] = {}
        self._last: dict[str, datetime] = {}
        self._since: datetime | None = None
        self._decisions = 0

    def add(self, came: Came) -> None:
        """Count one request, later than those before."""
        if isinstance(came, Got):
            gets, at = came.gets, came.at
            if gets.decided[0][1].revision != self._revision:
                return
            _, count, _ = self._gets.get(id(gets), (gets, 0, at))
            self._gets[id(gets)] = (gets, count + 1, at)
        else:
            at = came[0].at
            if came[0].decision.revision != self._revision:
                return
            self._count((one.decision for one in outcomes_of(came)), 1, at)
        self._since = self._since or at
        self._decisions += count_of(came)

    async def told(self, turns: Turns) -> Uses:
        """All that was counted; nothing can be added after that."""
        # Where rules read facts, there are as many as requests: at once they would hold the loop.
        for gets, count, at in self._gets.values():
            self._count((decision for _, decision in gets.decided), count, at)
            await turns.step()
        self._gets.clear()
        rules = {
            rule: Use(matched, decided, time_told(self._last[rule]))
            for rule, (matched, decided) in self._rules.items()
        }
        since = None if self._since is None else time_told(self._since)
        return Uses(since, self._decisions, rules)

    def _count(self, decisions: Iterable[Decision], count: int, at: datetime) -> None:
        for decision in decisions:
            used = {*decision.decided_by.values(), *dict(decision.lifted).values()}
            for rule in decision.matched:
                counts = self._rules.setdefault(rule, [0, 0])
                counts[0] += count
                counts[1] += count if rule in used else 0
                last = self._last.get(rule, at)
                self._last[rule] = max(last, at, key=datetime.timestamp)
