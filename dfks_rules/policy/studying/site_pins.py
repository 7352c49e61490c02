"""What has changed of users and numbers, as facts that are pinned in the requests about them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.families import attribute_in
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.language.document import Condition, Rule, atoms_of
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.proof.pins import Pin, facts_read

FORWARDS = {Operation.SET: "request.forwardTo", Operation.GET: "stored.forwardTo"}
"""Operation → the fact that names the target of its requests."""
Pins = tuple[list[Pin], list[Pin]]
"""As the old site says, and as the new one does."""


class Change(Protocol):
    """What two sites say differently that rules read."""

    domains: frozenset[str]
    """Domains of presentities that it is about."""
    undecided: list[str]
    """What is not compared, and why."""
    is_any: bool
    """Whether there is anything to compare."""

    def pins(self, question: Question, domain: str | None) -> Pins:
        """What is said of requests of a question and a domain."""
        ...

    def marks(self, question: Question, domain: str | None) -> Mapping[str, Condition]:
        """Facts that may differ → in which requests."""
        ...

    def left_open(
        self, question: Question, domain: str | None, rules: Iterable[Rule]
    ) -> str | None:
        """What pins do not tell of requests of a question and a domain, which rules decide."""
        ...

    def free(self, model: Model) -> Model:
        """A request, without the facts that the sites say."""
        ...


def is_of_target(fact: str) -> bool:
    """Whether the analysis of the target says a fact, and what is stored for others does not."""
    return fact.startswith("target.") and fact != "target.loop"


def person_in(fact: str) -> tuple[str, str] | None:
    """Who a directory says a fact of, and which; None: it says nothing of it."""
    if fact in ("groups", "role"):
        return "presentity", fact
    head, _, name = fact.partition(".")
    if head in ("watcher", "target") and name in ("groups", "role"):
        return head, name
    attribute = attribute_in(fact)
    if attribute is None:
        return None
    return ("presentity" if head == "user" else head), attribute


def facts_in(rules: Iterable[Rule]) -> set[str]:
    """Facts that rules test or write."""
    found: set[str] = set()
    for rule in rules:
        found |= facts_read(rule)
        found.update(*(atom.facts for atom in atoms_of(rule.condition)))
    return found
