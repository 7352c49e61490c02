"""Who is loudest, and what is refused: counted from the stream of events, over a minute."""

from collections import Counter, deque
from typing import Any, NamedTuple

WINDOW = 60.0
"""Seconds."""
MAX_EVENTS = 100_000
"""Most events that are counted; older ones are forgotten first."""


class _Heard(NamedTuple):
    at: float
    presentity: str
    rule: tuple[str, str] | None
    """Rule and reason of a refusal; None: it was a change."""


class Loud:
    """Counts events."""

    def __init__(self) -> None:
        self._heard: deque[_Heard] = deque(maxlen=MAX_EVENTS)
        self.gaps = 0
        """How often events were lost: the figures are too low."""

    def hear(self, type_: str, data: Any, now: float) -> None:
        """Count an event of `/v1/events`.

        Args:
            type_: of the event.
            data: what it says.
            now: monotonic seconds.
        """
        if type_ == "gap":
            self.gaps += 1
        elif type_ == "feature-changed":
            self._heard.append(_Heard(now, data["presentity"], None))
        elif type_ == "feature-refused":
            rule = (data["rule"] or "", data["reason"])
            self._heard.append(_Heard(now, data["presentity"], rule))

    def loudest(self, now: float, at_most: int) -> list[dict[str, Any]]:
        """Presentities with most changes and refusals, and how many of each."""
        self._forget(now)
        both = Counter(one.presentity for one in self._heard)
        refused = Counter(one.presentity for one in self._heard if one.rule is not None)
        return [
            {
                "presentity": presentity,
                "changes": count - refused[presentity],
                "refused": refused[presentity],
            }
            for presentity, count in both.most_common(at_most)
        ]

    def refusals(self, now: float, at_most: int) -> list[dict[str, Any]]:
        """Rules that refused most."""
        self._forget(now)
        rules = Counter(one.rule for one in self._heard if one.rule is not None)
        return [
            {"rule": rule or None, "reason": reason, "count": count}
            for (rule, reason), count in rules.most_common(at_most)
        ]

    def _forget(self, now: float) -> None:
        while self._heard and self._heard[0].at < now - WINDOW:
            self._heard.popleft()
