"""The last decisions: looked for, shown, and explained."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
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

    def tests(self) -> list[Callable[[Outcome], bool]]:
        """What all hold of a decision that is looked for: one for each thing that is said, since
        a search makes them of every decision that is kept. Ids are not compared.
        """
        presentity, domains, is_denied, rule, operation, origin, since, *_ = self
        tests: list[Callable[[Outcome], bool]] = []
        if presentity is not None:
            tests.append(lambda one: one.request.presentity == presentity)
        if domains is not None:
            tests.append(lambda one: one.request.presentity.domain in domains)
        if operation is not None:
            tests.append(lambda one: one.request.operation is operation)
        if origin is not None:
            tests.append(lambda one: one.request.requester.origin is origin)
        if is_denied is not None:
            tests.append(lambda one: (one.decision.denial is not None) is is_denied)
        if rule is not None:
            # Most decisions have one of a few lists of rules.
            named = cache(partial(_is_among, rule))
            tests.append(lambda one: named(one.decision.matched))
        if since is not None:
            tests.append(lambda one: one.at >= since)
        return tests


def _is_among(wanted: str, matched: Sequence[str]) -> bool:
    return any(rule == wanted or rule.partition("/")[0] == wanted for rule in matched)


class Use(NamedTuple):
    """What became of one rule."""

    matched: int
    """Decisions in which it matched."""
    decided: int
    """Those in which something that it says was used, or a denial lifted."""
    last: str
    """When it matched last, ISO 8601."""


class Uses(NamedTuple):
    """What became of rules in the decisions of one revision that are kept."""

    since: str | None
    """When the oldest of these was made, ISO 8601; None: there is none."""
    decisions: int
    """How many there are."""
    rules: Mapping[str, Use]
    """Id of each rule that matched → what became of it."""


class DecisionRecords(Protocol):
    """The decisions that a server keeps."""

    async def search(self, sought: Sought, at_most: int) -> Sequence[Decided]:
        """Those that are looked for, the newest first."""
        ...

    async def uses(self, revision: str, domains: frozenset[str] | None) -> Uses:
        """What became of the rules of a revision, in decisions about these domains; None: all."""
        ...

    def find(self, name: str) -> Outcome | None:
        """The decision with that id; None when it is not kept."""
        ...

    def record(self, decided: Decided) -> Mapping[str, Any]:
        """All that is known of it: `id`, `at`, `given`, `decision`, `revision`."""
        ...
