"""What a rule that denies asks of a target that can be read as several numbers.

A list of barred numbers must not be got around by digits that are also another number. So a test of
`target.number` for which a rule denies is one of `target.numbers`: some reading passes it. What
lifts or narrows a denial stays as it is, and is asked of the riskiest reading alone; else any other
reading could lift it. `docs/decisions/0040-every-number.md` says why.
"""

from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import MATCHERS

_NUMBER = "target.number"


def of_every_number(condition: Condition, *, is_denied: bool = False) -> Condition:
    """The condition of a rule that denies; the same object where it does not ask for a number.

    Args:
        condition: as it is written.
        is_denied: whether it will be negated.
    """
    match condition:
        case AllOf(parts) | AnyOf(parts):
            several = tuple(of_every_number(part, is_denied=is_denied) for part in parts)
            same = all(one is other for one, other in zip(several, parts, strict=True))
            return condition if same else type(condition)(several)
        case Not(part):
            negated = of_every_number(part, is_denied=not is_denied)
            return condition if negated is part else Not(negated)
        case _:
            asks = condition.fact == _NUMBER and condition.matcher != "exists"
            kinds = MATCHERS[condition.matcher].kinds
            if is_denied or not asks or known_fact(NUMBERS_OF_TARGET).kind not in kinds:
                return condition
            return condition._replace(fact=NUMBERS_OF_TARGET)
