"""Rules that test numbers although no number plan says in which country they are dialled."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET
from dfks_rules.policy.reading.check import CheckedPolicy
from dfks_rules.policy.reading.codes import CODES
from dfks_rules.policy.site.number_plan import NumberPlan

_READ = ("target.number", NUMBERS_OF_TARGET, "target.class", "target.reach", "target.country")
"""Facts whose value depends on how dialled numbers are read."""


def unplanned(policies: Iterable[CheckedPolicy], plan: NumberPlan) -> Iterator[Finding]:
    """Findings `policy_no_country`, one per file: a single NumberPlan fixes them all."""
    if plan.names_a_country:
        return
    code = "policy_no_country"
    for one in policies:
        for rule, ways, place in zip(one.policy.rules, one.alternatives, one.places, strict=True):
            facts = {atom.fact for _, _, literals in ways for atom, _ in literals}
            asked = next((fact for fact in _READ if fact in facts), None)
            if asked is not None:
                # What denies by one number asks for all of them.
                asked = "target.number" if asked == NUMBERS_OF_TARGET else asked
                message = phrase(
                    "{told} tests `{asked}`, but no NumberPlan names a country: only "
                    "numbers with `+` or `00` are recognised",
                    told=rule.told,
                    asked=asked,
                )
                yield Finding(one.source.file, *place, code, message, CODES[code].severity)
                break
