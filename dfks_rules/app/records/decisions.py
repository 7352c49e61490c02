"""The server's last decisions and the decision log, for questions that operators ask later.

While a request is served, only one tuple is created. Records are made when somebody asks for them,
and by the thread that writes the file.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from dfks_rules.app.records.decision_log import DecisionLog, Record, record_of, view_of_outcome
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.requests import FeatureRequest, Operation, Origin
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.site.site import NO_SITE, Site
from dfks_rules.policy.studying.explain import explain, explanation_json, lines_of
from dfks_rules.service.feed import Event, Settled

MAX_EXPLAINED = 5
"""Most decisions explained for one presentity: as many as one SUBSCRIBE asks for."""

_JUST_KEPT = 1_000
"""Requests that may have been kept since one that is asked for a moment later."""
_Kept = tuple[int, tuple[Outcome, ...]]
"""The number of a request's first outcome, and all its outcomes."""
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
# CPython 3.11 calls a Python function for each look at a member of an Enum.
_GET: Final = Operation.GET
_OPERATOR: Final = Origin.OPERATOR


def _is_own_read(request: FeatureRequest) -> bool:
    """Whether an operator only read the state."""
    return request.operation is _GET and request.requester.origin is _OPERATOR


def _interest(outcome: Outcome) -> tuple[bool, bool]:
    """A sort key that puts what people ask about first."""
    return outcome.decision.denial is None, outcome.request.operation is not Operation.SET


class Decisions:
    """Keeps the last decided requests, and finds and explains them."""

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
        self._kept: deque[_Kept] = deque(maxlen=keep)
        self._policies = policies
        self._log = log
        self._made = 0
        self._start = start

    def hear(self, event: Event) -> None:
        """Keep what the change feed reports, except failures, which decided nothing."""
        if isinstance(event, Settled):
            self.keep(event.first, event.outcomes)

    def keep(self, first: int, outcomes: tuple[Outcome, ...]) -> None:
        """Keep the outcomes of one request, which have consecutive numbers.

        What an operator reads goes only to the file: the operator already sees it, and it must not
        displace what others were refused.
        """
        self._made += len(outcomes)
        if not _is_own_read(outcomes[0].request):
            self._kept.append((first, outcomes))
        if self._log is not None:
            self._log.write(self._start, first, outcomes, self._site(outcomes[0]))

    @property
    def counts(self) -> Mapping[str, int]:
        """Decisions made and lost since the start."""
        return {"made": self._made, "lost": 0 if self._log is None else self._log.lost}

    def latest(self, presentity: str | None = None) -> Iterator[Record]:
        """Records, newest first.

        Args:
            presentity: `sip:user@domain`; None for all.
        """
        newest = self._newest(presentity)
        return (record_of(name, outcome, self._site(outcome)) for name, outcome in newest)

    def explain(self, which: str) -> list[dict[str, Any]]:
        """The decision with that id, or the last decisions about that presentity, explained.

        For a presentity, these are the newest decision on each question. Refusals come first, then
        sets: nobody asks why a phone was sent the current state.

        Returns:
            `record`, `explanation` (None when its policies are gone) and `text` for each; empty
            when there is no such decision.
        """
        if which.startswith("sip:"):
            asked: dict[object, tuple[str, Outcome]] = {}
            for name, outcome in self._newest(which):
                request = outcome.request
                asked.setdefault((request.operation, request.feature), (name, outcome))
            found = sorted(asked.values(), key=lambda one: _interest(one[1]))
            return [self._explained(*one) for one in found[:MAX_EXPLAINED]]
        one = self._find(which)
        return [] if one is None else [self._explained(which, one)]

    def name_of(self, outcome: Outcome) -> str | None:
        """The id of a decision that was kept a moment ago; None when it is not among the last."""
        for first, outcomes in islice(reversed(self._kept), _JUST_KEPT):
            for number, one in enumerate(outcomes, first):
                if one is outcome:
                    return f"{self._start}-{number}"
        return None

    def _site(self, outcome: Outcome) -> Site:
        policies = self._policies(outcome.decision.revision)
        return NO_SITE if policies is None else policies.site

    def _newest(self, presentity: str | None) -> Iterator[tuple[str, Outcome]]:
        for first, outcomes in reversed(self._kept):
            if presentity in (None, outcomes[0].request.presentity.uri):
                for position in reversed(range(len(outcomes))):
                    yield f"{self._start}-{first + position}", outcomes[position]

    def _find(self, name: str) -> Outcome | None:
        """The decision with that id; None when it is not kept."""
        start, _, text = name.partition("-")
        if start != self._start or not _NUMBER.fullmatch(text):
            return None
        number = int(text)
        # A set is numbered when it is decided and kept when it is stored: others overtake it.
        for first, outcomes in self._kept:
            if first <= number < first + len(outcomes):
                return outcomes[number - first]
        return None

    def _explained(self, name: str, outcome: Outcome) -> dict[str, Any]:
        record = record_of(name, outcome, self._site(outcome))
        policies = self._policies(outcome.decision.revision)
        if policies is None:
            gone = (
                f"the policies that made this decision (revision {record['revision']}) "
                "are no longer in memory"
            )
            matched = f"matched: {', '.join(outcome.decision.matched) or 'no rule'}"
            return {"record": record, "explanation": None, "text": [gone, matched]}
        explanation = explain(policies, view_of_outcome(outcome, policies.site))
        text = lines_of(explanation)
        return {"record": record, "explanation": explanation_json(explanation), "text": text}
