"""The server's last decisions and the decision log, for questions that operators ask later.

While a request is served, only one tuple is created. Records are made when somebody asks for them,
and by the thread that writes the file.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Final

from dfks_rules.app.records.decision_log import DecisionLog, Record, record_of
from dfks_rules.app.records.denials import PORTION, Denials
from dfks_rules.app.records.ring import Keeper, Kept, Ring
from dfks_rules.app.records.uses import uses_in
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.gets import Came, Got, count_of, outcomes_of, presentity_of
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation
from dfks_rules.operations.decisions import Decided, Sought, Uses
from dfks_rules.operations.turns import Turns
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.site.site import NO_SITE, Site

MAX_EXPLAINED = 5
"""Most decisions explained for one presentity: as many as one SUBSCRIBE asks for."""
MAX_LOOKED_AT = 500
"""Most decisions about one presentity of which those that are explained are chosen."""

_JUST_KEPT = 1_000
"""Requests that may have been kept since one that is asked for a moment later."""
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


def _outcomes_of(kept: Kept) -> tuple[Outcome, ...]:
    return outcomes_of(kept[1])


def _revision_of(came: Came) -> str:
    """That of the policies that decided."""
    decision = came.gets.decided[0][1] if isinstance(came, Got) else came[0].decision
    return decision.revision


def _interest(decided: Decided) -> tuple[bool, bool]:
    """A sort key that puts what people ask about first."""
    outcome = decided.outcome
    return outcome.decision.denial is None, outcome.request.operation is not Operation.SET


def _has_some(kept: Iterable[Kept], tests: Iterable[Callable[[Outcome], bool]]) -> bool:
    """Whether a decision of these requests passes all tests; nearly always there is none."""
    passed: Iterator[Outcome] = chain.from_iterable(map(_outcomes_of, kept))
    for test in tests:
        passed = filter(test, passed)
    return next(passed, None) is not None


class Decisions:
    """Keeps the last decided requests, and finds them."""

    def __init__(
        self,
        keep: int,
        start: str,
        policies: Callable[[str], PolicySet | None],
        log: DecisionLog | None = None,
    ) -> None:
        """Start empty.

        Args:
            keep: number of requests to keep.
            start: prefix of each id. Numbers restart with the server; it distinguishes its starts.
            policies: revision → the policies, while they are available.
            log: writes records to a file.
        """
        self._ring = Ring(keep)
        self._denials = Denials(self._ring)
        self._policies = policies
        self._log = log
        self._start = start
        write = None if log is None else partial(self._write, log)
        self._keeper = Keeper(self._ring, write)
        self.hear: Final = self._keeper.hear
        """Keeps what the change feed reports."""
        self.keep: Final = self._keeper.keep
        """Keeps what came of one request, with the number of its first outcome."""

    def _write(self, log: DecisionLog, first: int, came: Came) -> None:
        """Write what came of a request to the file."""
        log.write(self._start, first, came, self.site_of(_revision_of(came)))

    @property
    def counts(self) -> Mapping[str, int]:
        """Decisions made and lost since the start."""
        return {"made": self._keeper.made, "lost": 0 if self._log is None else self._log.lost}

    def latest(self, presentity: Aor | None = None, skip: int = 0) -> Iterator[Record]:
        """Records, newest first.

        Args:
            presentity: whom they are about; None for all.
            skip: how many to leave out.
        """
        return map(self.record, islice(self._newest(presentity), skip, None))

    def number_of(self, presentity: Aor | None) -> int:
        """How many decisions are kept, about one presentity or all."""
        ring = self._ring
        kept = (ring.at(place)[1] for place in range(ring.begin, ring.end))
        return sum(count_of(came) for came in kept if presentity in (None, presentity_of(came)))

    async def asked_about(self, which: Aor | str) -> list[Decided]:
        """The decision with that id, or the last decisions about that presentity.

        For a presentity, these are the newest decision on each question. Refusals come first, then
        sets: nobody asks why a phone was sent the current state.
        """
        if isinstance(which, Aor):
            asked: dict[object, Decided] = {}
            for decided in await self.search(Sought(which), MAX_LOOKED_AT):
                request = decided.outcome.request
                asked.setdefault((request.operation, request.feature), decided)
            return sorted(asked.values(), key=_interest)[:MAX_EXPLAINED]
        one = self.find(which)
        return [] if one is None else [Decided(which, one)]

    def name_of(self, outcome: Outcome) -> str | None:
        """The id of a decision that was kept a moment ago; None when it is not among the last."""
        ring = self._ring
        for place in range(ring.end - 1, max(ring.begin, ring.end - _JUST_KEPT) - 1, -1):
            first, came = ring.at(place)
            if isinstance(came, Got):
                continue  # Its outcomes are made for each who asks.
            for number, one in enumerate(came, first):
                if one is outcome:
                    return self._name(number)
        return None

    async def search(self, sought: Sought, at_most: int) -> list[Decided]:
        """The decisions that are looked for, the newest first."""
        ring, turns = self._ring, Turns()
        before = (ring.end, 0) if sought.before is None else self._place(sought.before)
        after = None if sought.after is None else self._place(sought.after)
        after = after or (-1, 0)
        found: list[Decided] = []
        if before is None:
            return found  # It is no longer kept, and what was kept before it even less.
        if sought.is_denied:
            await self._denials.note(turns)
        tests = sought.tests()
        place = min(before[0], ring.end - 1)
        while True:
            first, kept = self._portion(place, after[0], is_denied=sought.is_denied is True)
            if not kept:
                return found
            who = sought.presentity
            # Outcomes of gets are made to be looked at: not those of all others.
            about = [one for one in kept if who is None or presentity_of(one[1]) == who]
            portion = enumerate(kept, first) if _has_some(about, tests) else ()
            for place, (number, came) in reversed([*portion]):
                outcomes = outcomes_of(came)
                for position in reversed(range(len(outcomes))):
                    outcome, key = outcomes[position], (place, number + position)
                    if after < key < before and all(test(outcome) for test in tests):
                        found.append(Decided(self._name(number + position), outcome))
            if len(found) >= at_most:
                return found[:at_most]
            place = first - 1
            await turns.rest()

    def _portion(self, last: int, least: int, *, is_denied: bool) -> tuple[int, list[Kept]]:
        """What to look through next, in order, and the place where it begins; empty at the end.

        Args:
            last: none is after this place.
            least: none is before this one.
            is_denied: only what `Denials` has noted is of interest.
        """
        ring, most = self._ring, PORTION
        if is_denied:
            last, most = self._denials.up_to(last), 1
        # The ring turns while others work.
        first = max(least, ring.begin, last - most + 1)
        return first, ring.between(first, last) if first <= last else []

    async def uses(self, revision: str, domains: frozenset[str] | None) -> Uses:
        """What became of the rules of a revision, in decisions about these domains; None: all."""
        return await uses_in(self._ring, revision, domains)

    def find(self, name: str) -> Outcome | None:
        """The decision with that id; None when it is not kept."""
        found = self._place(name)
        if found is None:
            return None
        place, number = found
        first, came = self._ring.at(place)
        return outcomes_of(came)[number - first]

    def record(self, decided: Decided) -> Record:
        """All that is known of a decision."""
        return record_of(decided.id, decided.outcome, self._site(decided.outcome))

    def _place(self, name: str) -> tuple[int, int] | None:
        """Where a decision is in the ring, and its number; None when it is not kept."""
        start, _, text = name.partition("-")
        if start != self._start or not _NUMBER.fullmatch(text):
            return None
        place = self._ring.place_of(int(text))
        return None if place is None else (place, int(text))

    def _name(self, number: int) -> str:
        return f"{self._start}-{number}"

    def site_of(self, revision: str) -> Site:
        """What the policies of a revision know of users and numbers, while they are available."""
        policies = self._policies(revision)
        return NO_SITE if policies is None else policies.site

    def _site(self, outcome: Outcome) -> Site:
        return self.site_of(outcome.decision.revision)

    def _newest(self, presentity: Aor | None) -> Iterator[Decided]:
        ring = self._ring
        for place in range(ring.end - 1, ring.begin - 1, -1):
            first, came = ring.at(place)
            if presentity in (None, presentity_of(came)):
                outcomes = outcomes_of(came)
                for position in reversed(range(len(outcomes))):
                    yield Decided(self._name(first + position), outcomes[position])
