"""The obvious evaluator: walks the conditions as they are written.

It is the oracle of the property tests, and answers when the engine fails. It shares the table of
atomic tests with the compiler, and nothing else.
"""

from collections.abc import Sequence

from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not, Rule


class ReferenceEvaluator:
    """Says which rules match, one rule after the other."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def matching(self, lookup: FactLookup) -> list[int]:
        """Positions of the rules that match, ascending."""
        rules = enumerate(self._rules)
        return [position for position, rule in rules if holds(rule.condition, lookup)]


def holds(condition: Condition, lookup: FactLookup) -> bool:
    """Whether a condition is true for the request at hand."""
    match condition:
        case AllOf(parts):
            return all(holds(part, lookup) for part in parts)
        case AnyOf(parts):
            return any(holds(part, lookup) for part in parts)
        case Not(part):
            return not holds(part, lookup)
        case _:
            return condition.holds(lookup)
