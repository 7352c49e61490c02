"""Likely mistakes in a single rule, regardless of other rules."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.model.features import SPELLINGS
from dfks_rules.model.requests import Operation
from dfks_rules.model.values import VALUES
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import (
    QUESTIONS,
    SignedAtom,
    TooManyAlternativesError,
    alternatives,
)
from dfks_rules.policy.language.document import Condition, Not
from dfks_rules.policy.language.implication import by_fact, contradicts, excludes
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import Template
from dfks_rules.policy.lint.ranked import RankedRule, Way, fields_of, fields_set

_WHO = {
    "origin", "watcher", "auth.method", "auth.user", "device", "userAgent", "transport",
    "source.ip", "param", "role",
    *(name for name in FACTS if name.startswith("rate.")),
}  # fmt: skip
"""Facts about who asks and how often, besides those of the watcher: a flooding phone is refused
whatever it asks for."""
_VALUES = {value.value for value in VALUES}
_WHOSE = {"op", "feature", "presentity", "user", "domain", "groups"}
"""Facts about which feature is meant, and whose."""
_SWITCHING_OFF = by_fact(
    frozenset(
        {
            SignedAtom(Atom("request.status", "eq", 0), positive=True),
            SignedAtom(Atom("stored.status", "eq", 1), positive=True),
            *(
                SignedAtom(Atom(f"{state}.{one.value.value}", "eq", one.on), positive=is_on)
                for one in SPELLINGS.values()
                for state, is_on in (("request", False), ("stored", True))
            ),
        }
    )
)

_SWITCHING_ON = by_fact(frozenset({SignedAtom(Atom("request.status", "eq", 1), positive=True)}))

_SPELT = [f"request.{one.value.value}" for one in SPELLINGS.values()]
"""Facts that spell out which status is asked for."""


def single(rules: Iterable[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_always_matches`, `policy_no_effect`, `policy_bars_switching_off`."""
    for rule in rules:
        always = list(_always_matches(rule))
        yield from always
        yield from _has_no_effect(rule)
        yield from _follows_itself(rule)
        yield from _never_expires(rule)
        denies = rule.rule.effects.denial is not None
        if denies and not always and any(map(_bars_switching_off, rule.ways)):
            yield rule.finding(
                "policy_bars_switching_off",
                phrase(
                    "{told} also bars switching off: add `request.status: 1`, or test only "
                    "who asks",
                    told=rule.rule.told,
                ),
            )


def _always_matches(rule: RankedRule) -> Iterator[Finding]:
    code = "policy_always_matches"
    if not _is_always_true(rule.rule.condition):
        return
    if any(way.literals for way in rule.ways) or len(rule.ways) > 1:
        yield rule.finding(
            code,
            phrase("{told} always matches: its conditions exclude nothing", told=rule.rule.told),
        )
    elif rule.rule.effects.denial or rule.rule.effects.final:
        message = (
            phrase("{told} denies everything: it has no condition", told=rule.rule.told)
            if rule.rule.effects.denial
            else phrase("{told} is final for everything: it has no condition", told=rule.rule.told)
        )
        yield rule.finding(code, message)


def _is_always_true(condition: Condition) -> bool:
    try:
        ways = alternatives(Not(condition))
    except TooManyAlternativesError:
        return False
    return all(contradicts(way.literals) for way in ways)


def _has_no_effect(rule: RankedRule) -> Iterator[Finding]:
    """Fields the rule can never decide: they belong to another question, or it also denies.

    Where an Exception may lift the denial, the rest of the rule counts.
    """
    code, effects = "policy_no_effect", rule.rule.effects
    questions = {question for way in rule.ways for question in way.questions}
    fields = fields_set(effects)
    possible = frozenset[str]().union(*map(fields_of, questions))
    for field in sorted(fields.keys() - possible - {"allow", *_VALUES}):
        message = phrase(
            "`{field}` of {told} has no effect: the rule applies only to `subscribe`",
            field=field,
            told=rule.rule.told,
        )
        yield rule.finding(code, message)
    if effects.denial and not effects.exceptions:
        gets = any(QUESTIONS[question][0] is Operation.GET for question in questions)
        lost = fields.keys() & possible - {"deny", "notify"} - ({"assigned"} if gets else set())
        for field in sorted(lost | ({"also"} if effects.also else set())):
            message = phrase(
                "`{field}` of {told} has no effect: the rule denies the request",
                field=field,
                told=rule.rule.told,
            )
            yield rule.finding(code, message)


def _never_expires(rule: RankedRule) -> Iterator[Finding]:
    """An `expire` where what is decided is never on."""
    effects = rule.rule.effects
    if effects.expire is None or effects.denial is not None or effects.status == 1:
        return
    off = frozenset[FactValue]({0})
    asks_off = all(way.values.get("request.status") == off for way in rule.ways)
    if effects.status == 0 or asks_off:
        message = phrase(
            "`expire` of {told} has no effect: the rule switches nothing on", told=rule.rule.told
        )
        yield rule.finding("policy_no_effect", message)


def _follows_itself(rule: RankedRule) -> Iterator[Finding]:
    """An `also` that sets the very feature being set, which is never set twice."""
    features = {QUESTIONS[question][1] for way in rule.ways for question in way.questions}
    for also in rule.rule.effects.also:
        same = also.group is None and also.user in (None, Template("${user}"))
        same = same and also.domain in (None, Template("${domain}"))
        if same and features == {also.feature}:
            message = phrase(
                "`also` of {told} has no effect: it repeats the set at hand; use "
                "`status` and `values`",
                told=rule.rule.told,
            )
            yield rule.finding("policy_no_effect", message)


def _bars_switching_off(way: Way) -> bool:
    """Whether it keeps a phone from switching off for a reason other than who asks."""
    facts = set(way.groups)
    who = {fact for fact in facts if fact in _WHO or fact.startswith("watcher.")}
    whose = {fact for fact in facts if fact in _WHOSE or fact.startswith("user.")}
    if who and facts <= who | whose:
        return False
    if any(test.positive for fact in _SPELT for test in way.groups.get(fact, ())):
        # Who names the states that are barred, as `notReady`, means those that are off, too.
        return False
    if excludes(way.groups, _SWITCHING_ON):
        # And who writes `request.status: 0` means switching off, and needs no advice to write 1.
        return False
    sets = any(QUESTIONS[question][0] is Operation.SET for question in way.questions)
    return sets and not excludes(way.groups, _SWITCHING_OFF)
