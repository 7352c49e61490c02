"""The last decisions: looked for, shown, and explained."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation, Origin


class Decided(NamedTuple):
    """One decision."""

    id: str
    outcome: Outcome


class Sought(NamedTuple):
    """Which decisions are looked for; None: whichever."""

    presentity: Aor | None = None
    domains: frozenset[str] | None = None
    """Those about presentities of these domains."""
    is_denied: bool | None = None
    rule: str | None = None
    """Those in which a rule (`policy/rule`), or some rule of a policy, matched."""
    operation: Operation | None = None
    origin: Origin | None = None
    since: datetime | None = None
    """Those made at that time or later."""
    before: str | None = None
    """Those kept before the decision with this id."""
    after: str | None = None
    """Those kept after the decision with this id."""

    def fits(self, outcome: Outcome) -> bool:
        """Whether a decision is looked for; ids are not compared."""
        request = outcome.request
        return (
            self.presentity in (None, request.presentity)
            and (self.domains is None or request.presentity.domain in self.domains)
            and self.operation in (None, request.operation)
            and self.origin in (None, request.requester.origin)
            and self.is_denied in (None, outcome.decision.denial is not None)
            and (self.rule is None or self._has_matched(outcome.decision.matched))
            and (self.since is None or outcome.at >= self.since)
        )

    def _has_matched(self, rules: Sequence[str]) -> bool:
        wanted = self.rule
        assert wanted is not None  # noqa: S101 - the caller checked
        return any(rule == wanted or rule.partition("/")[0] == wanted for rule in rules)


class DecisionRecords(Protocol):
    """The decisions that a server keeps."""

    async def search(self, sought: Sought, at_most: int) -> Sequence[Decided]:
        """Those that are looked for, the newest first."""
        ...

    def find(self, name: str) -> Outcome | None:
        """The decision with that id; None when it is not kept."""
        ...

    def record(self, decided: Decided) -> Mapping[str, Any]:
        """All that is known of it: `id`, `at`, `given`, `decision`, `revision`."""
        ...
