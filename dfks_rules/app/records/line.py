"""The log line of a set. Compiled, since there is one for each key press: 2.8 µs less."""

from typing import Final, final

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import ROWS
from dfks_rules.model.gets import Got
from dfks_rules.model.values import VALUES
from dfks_rules.service.feed import Event, Listener, Settled

_KEYS: Final = {value: value.name.lower() for value in VALUES}
"""Value → its key in log lines."""
_NEVER_SAID: Final = [_KEYS[value] for row in ROWS.values() if row.assigned for value in row.values]
"""Keys that every line has; those of features that few have are there when there is a value."""


def event_of(outcome: Outcome) -> str:
    """What has happened, in a word."""
    return "feature_set" if outcome.decision.denial is None else "feature_set_denied"


def tell(outcome: Outcome, line: dict[str, object]) -> None:
    """Add to a line who has set what, and why."""
    request, decision, after = outcome.request, outcome.decision, outcome.after
    who, denial, feature = request.requester, decision.denial, request.feature
    presentity, watcher = request.presentity, who.watcher
    uri = presentity.uri
    line["presentity"] = uri
    # Enum's own `value` is a descriptor in Python.
    line["feature"] = None if feature is None else feature._value_
    line["status"] = int(after.status)
    for key in _NEVER_SAID:
        line[key] = None
    line["changed"] = outcome.changed
    line["origin"] = who.origin._value_
    if watcher is None:
        line["watcher"] = None
    else:
        line["watcher"] = uri if watcher == presentity else watcher.uri
    line["actor"] = who.told_actor
    line["source"] = who.source_ip
    line["reason"] = None if denial is None else denial.reason
    line["matched"] = decision.matched
    line["policy_revision"] = decision.revision
    for value, what in after.values:
        line[_KEYS[value]] = what


@final
class PlainGets:
    """Counts gets of which nothing is logged, nearly all. Compiled: 0.1 µs less for each."""

    def __init__(self, counts: dict[str, int], others: Listener) -> None:
        """Make it.

        Args:
            counts: has the count, as `gets`.
            others: is told all other events.
        """
        self._counts: Final = counts
        self._others: Final = others

    def hear(self, event: Event) -> None:
        """Count what the change feed reports, or pass it on."""
        if isinstance(event, Settled):
            came = event.came
            if isinstance(came, Got) and came.gets.is_plain:
                self._counts["gets"] += came.count
                return
        self._others(event)
