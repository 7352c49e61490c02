"""Denials of numbers abroad that also bar numbers of the site's own country, dialled to go outside.

With `0` for an outside line, `0 0151 23456789` of a German phone is a mobile number, and is `+1 512
3456789` without that. A rule that denies asks both (decision 0040).
"""

from collections.abc import Iterable, Iterator, Sequence

from dfks_rules.errors import Finding
from dfks_rules.model.identity import Aor
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.lint.ranked import RankedRule, Way
from dfks_rules.policy.site.examples import numbers_with
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.targets import Target, Targets

MOST_TRIED = 4_000
"""Most numbers that are tried for all rules: a second or two, where they are all different."""
_OF_EACH = 72
"""Most numbers with one beginning."""
_MOST_TEXTS = 300
"""Most entries of a list that are looked at."""
_EXACT = ("eq", "in")
_PHONE = "somebody"


def bars_own_numbers(rules: Sequence[RankedRule], targets: Targets) -> Iterator[Finding]:
    """Findings `policy_bars_own_numbers`, one for each rule, with a number that shows it.

    Only numbers are looked for that all other facts say to be the site's own: that digits may be
    something dearer is no mistake of a rule.
    """
    hosts = list(_hosts(targets.plan))
    if not hosts:
        return
    exceptions: dict[str, list[RankedRule]] = {}
    for rule in rules:
        for name in rule.rule.effects.lifts:
            exceptions.setdefault(name, []).append(rule)
    left = MOST_TRIED
    for rule in rules:
        if rule.rule.effects.denial is None:
            continue
        lifting = exceptions.get(rule.rule.id, ())
        for way, host, digits in _tried(rule, hosts, targets.plan):
            left -= 1
            target = targets.analyse(digits, Aor(_PHONE, host))
            barred = _barred_abroad(way, target, targets, host)
            if barred is not None and not any(_is_lifted(one, target) for one in lifting):
                yield rule.finding(
                    "policy_bars_own_numbers",
                    phrase(
                        "{rule} also denies {country} numbers: `{digits}`, by which phones of "
                        "{host} call {number}, can be read as {barred}; "
                        "add `target.reach: international`",
                        rule=rule.rule.told,
                        country=target.country,
                        digits=digits,
                        host=host,
                        number=target.number,
                        barred=barred,
                    ),
                )
                break
            if left <= 0:
                return


def _hosts(plan: NumberPlan) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Each domain with outside digits, these, and what is the same for domains that dial alike."""
    for domain, dialling in sorted(plan.domains.items()):
        if dialling.country and dialling.outside:
            yield domain, dialling.outside, (dialling.country, dialling.outside)


def _tried(
    rule: RankedRule, hosts: Iterable[tuple[str, str, tuple[str, str]]], plan: NumberPlan
) -> Iterator[tuple[Way, str, str]]:
    """Digits that phones may dial, for each way of a rule that bars numbers."""
    for way in rule.ways:
        barring = _barring(way)
        if not barring:
            continue
        numbers = list(_numbers(barring[0]))
        seen: set[tuple[str, str]] = set()
        for host, outside, alike in hosts:
            if alike in seen or not (way.domains is None or host in way.domains):
                continue
            seen.add(alike)
            for number in numbers:
                for digits in (f"00{number[1:]}", number[1:]):
                    if digits.startswith(outside):
                        yield way, host, digits


def _barring(way: Way) -> list[Atom]:
    return [atom for atom, said in way.literals if said and atom.fact == NUMBERS_OF_TARGET]


def _numbers(atom: Atom) -> Iterator[str]:
    """Numbers that may pass a test."""
    operand = atom.operand.entries if isinstance(atom.operand, NamedList) else atom.operand
    if atom.matcher == "prefix" or atom.matcher in _EXACT:
        texts = operand if isinstance(operand, tuple | frozenset) else (operand,)
        most = 1 if atom.matcher in _EXACT else _OF_EACH
        for text in sorted(map(str, texts))[:_MOST_TEXTS]:
            if text.startswith("+"):
                yield from numbers_with(text, most)
    else:
        # No number says what a pattern means; so those are tried that begin in each way.
        for start in range(10, 100):
            for more in (7, 8, 9):
                yield f"+{start}{'123456789'[:more]}"


def _barred_abroad(way: Way, target: Target, targets: Targets, host: str) -> str | None:
    """The number abroad for which a way bars one of the site's own; None: it does not."""
    is_own = target.reach == "national" and target.kind == "external"
    if not is_own or target.class_ == "unknown" or not _passes(way, target):
        return None
    for number in target.numbers[1:]:
        alone = target._replace(numbers=(number,))
        abroad = targets.analyse(number, Aor(_PHONE, host)).reach == "international"
        if abroad and _passes(way, alone):
            return number
    return None


def _passes(way: Way, target: Target) -> bool:
    """Whether a target passes all that a way asks of it, and so is barred by some user."""
    facts = _facts(target)
    return all(
        atom.holds(facts.get) == said
        for atom, said in way.literals
        if facts.keys() >= set(atom.facts)
    )


def _is_lifted(rule: RankedRule, target: Target) -> bool:
    """Whether an Exception that asks for nothing but a target lifts denials of this one."""
    known = {*_facts(target), "request.status"}
    return any(
        known.issuperset(fact for atom, _ in way.literals for fact in atom.facts)
        and _passes(way, target)
        for way in rule.ways
    )


def _facts(target: Target) -> dict[str, FactValue]:
    return {
        "target.kind": target.kind,
        "target.class": target.class_,
        "target.reach": target.reach,
        "target.country": target.country,
        "target.number": target.number,
        NUMBERS_OF_TARGET: target.numbers,
        "target.self": target.self,
    }
