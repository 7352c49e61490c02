"""Whether Exceptions may lift the denials of the rules that they name, and where they can."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative
from dfks_rules.policy.language.document import AllOf, Band, Condition, Policy, Rule
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.yaml.tree import Place

_File = tuple[Policy, Sequence[Rule], str, Sequence[Place]]
"""A policy, its rules that are only checked, its file, and the place of each of its rules."""


def check_exceptions(files: Sequence[_File], broken: Collection[str]) -> Iterator[Finding]:
    """Findings `policy_unknown_rule` and `policy_exception`.

    Args:
        files: all policies, and the Exceptions among them.
        broken: files with errors: a rule that is unknown may be in one of them.
    """
    rules = {
        rule.id: (rule, policy.band)
        for policy, off, _, _ in files
        for rule in (*policy.rules, *off)
    }
    sound = {policy.name for policy, _, file, _ in files if file not in broken}
    for policy, _, file, places in files:
        for rule, place in zip(policy.rules, places, strict=False):
            for name in rule.effects.lifts:
                if name in rules:
                    problem = _problem(name, *rules[name], policy.band)
                    if problem is not None:
                        yield Finding(file, *place, "policy_exception", problem)
                elif not broken or name.partition("/")[0] in sound:
                    message = phrase(
                        "unknown rule `{name}`{hint}", name=name, hint=did_you_mean(name, rules)
                    )
                    yield Finding(file, *place, "policy_unknown_rule", message)


def narrowing(ways: Iterable[Alternative]) -> Condition:
    """What holds wherever a rule with these ways to match can match.

    An Exception takes part only where it can lift something: elsewhere it would be asked in vain.
    """
    ways = list(ways)
    questions = {QUESTIONS[question] for way in ways for question in way.questions}
    operations = frozenset(operation.value for operation, _ in questions)
    parts: list[Condition] = [Atom("op", "in", operations)]
    features = [feature for _, feature in questions]
    if None not in features:
        names = frozenset(feature.value for feature in features if feature is not None)
        parts.append(Atom("feature", "in", names))
    domains = [way.domains for way in ways]
    if None not in domains:
        every = frozenset(name for some in domains for name in some or ())
        parts.append(Atom("domain", "in", every))
    return AllOf(tuple(parts))


def _problem(name: str, rule: Rule, band: Band, own: Band) -> str | None:
    """Why an Exception of the band `own` cannot lift the denial of a rule; None if it can."""
    effects = rule.effects
    if effects.denial is None:
        return phrase("rule `{name}` denies nothing", name=name)
    if not effects.exceptions:
        denial = f"deny: {{reason: {effects.denial.reason}, exceptions: true}}"
        return phrase(
            "rule `{name}` allows no exceptions; it would say `{denial}`", name=name, denial=denial
        )
    if band is Band.MANDATORY and own is not Band.MANDATORY:
        return phrase(
            "rule `{name}` is mandatory; only an Exception with `band: mandatory` lifts it",
            name=name,
        )
    return None
