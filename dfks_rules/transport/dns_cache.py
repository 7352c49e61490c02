"""What DNS has answered, for as long as it may be believed. Reads no clock."""

from collections import OrderedDict

from dfks_rules.sip.target import Found, Question

MOST = 10_000
"""Most answers kept; then the one that was used least lately goes."""
LONGEST = 86_400.0
"""Longest time that an answer is kept, s, whatever it says."""
NEGATIVE = 15.0
"""Longest time that it is believed that there is nothing, or nobody who answers, s: names come up
again, and until then each request to them would be a lookup (RFC 2308 §5, §7)."""


class DnsCache:
    """Answers by question."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._answers: OrderedDict[Question, tuple[Found, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, question: Question, now: float) -> tuple[Found] | None:
        """The answer, in a tuple of its own since it may be None; None if it must be asked for."""
        kept = self._answers.get(question)
        if kept is None:
            return None
        found, until = kept
        if until <= now:
            del self._answers[question]
            return None
        self._answers.move_to_end(question)
        return (found,)

    def keep(self, question: Question, found: Found, ttl: float, now: float) -> None:
        """Keep an answer for `ttl` seconds; one of 0 s is for whoever asked, and nobody else."""
        ttl = min(ttl, LONGEST if found else NEGATIVE)
        if ttl <= 0:
            return
        self._answers[question] = found, now + ttl
        self._answers.move_to_end(question)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
