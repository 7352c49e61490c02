"""Files of kind Exception that lift nothing: they have expired, or never match with a denial."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.alternatives import SignedAtom
from dfks_rules.policy.language.implication import contradicts
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.lint.conflicts import meet
from dfks_rules.policy.lint.ranked import RankedRule, Way


def expired(rules: Iterable[RankedRule], today: date) -> Iterator[Finding]:
    """Findings `policy_expired`: Exceptions that can match today no more, nor on any later day."""
    still = SignedAtom(Atom("date", "ge", today.isoformat()), positive=True)
    for rule in rules:
        if rule.rule.effects.lifts and all(
            contradicts(way.groups.get("date", frozenset()) | {still}) for way in rule.ways
        ):
            message = phrase("Exception `{name}` has expired; delete the file", name=_name(rule))
            yield rule.finding("policy_expired", message)


def needless(rules: Sequence[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_needless_exception`, one for each rule that an Exception names in vain."""
    named = {rule.rule.id: rule for rule in rules}
    for rule in rules:
        for name in rule.rule.effects.lifts:
            denying = named.get(name)
            if denying is not None and not _may_meet(rule, denying):
                message = phrase(
                    "Exception `{name}` never lifts the denial of {reference}: no request "
                    "matches both",
                    name=_name(rule),
                    reference=denying.reference,
                )
                yield rule.finding("policy_needless_exception", message)


def _name(rule: RankedRule) -> str:
    return rule.rule.id.partition("/")[0]


def _may_meet(one: RankedRule, other: RankedRule) -> bool:
    return any(
        way.questions & another.questions and _share_a_domain(way, another) and meet(way, another)
        for way in one.ways
        for another in other.ways
    )


def _share_a_domain(one: Way, other: Way) -> bool:
    return one.domains is None or other.domains is None or bool(one.domains & other.domains)
