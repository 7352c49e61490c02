"""What a rule means: in which ways it can match, and what is wrong with it."""

from collections.abc import Iterator
from typing import cast

from dfks_rules.errors import Finding
from dfks_rules.model.features import SPELLINGS, VALUES_OF, Feature
from dfks_rules.model.requests import Operation
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.facts.facts import FACTS, known_fact
from dfks_rules.policy.facts.families import attribute_in
from dfks_rules.policy.language.alternatives import (
    QUESTIONS,
    Alternative,
    Question,
    TooManyAlternativesError,
    alternatives,
)
from dfks_rules.policy.language.document import (
    Also,
    Effects,
    Rule,
    atoms_of,
)
from dfks_rules.policy.language.implication import contradicted
from dfks_rules.policy.language.possible import why_impossible
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.yaml.tree import Path, Tree

_ALIKE = 0.75
"""So much of a fact's name must be that of another one to look like a misspelling of it."""


def check_rule(
    tree: Tree, path: Path, rule: Rule, tenant: str | None
) -> tuple[tuple[Alternative, ...], list[Finding]]:
    """The ways in which a rule can match, and findings about its meaning."""
    try:
        every = alternatives(rule.condition)
    except TooManyAlternativesError as error:
        return (), [
            tree.finding(
                path, "policy_limit", phrase("{told}: {error}", told=rule.told, error=error)
            )
        ]
    against = [contradicted(way.literals) for way in every]
    ways = tuple(way for way, fact in zip(every, against, strict=True) if fact is None)
    reasons = [why_impossible(way) for way in ways]
    if ways and all(reasons):
        why = joined("; ", dict.fromkeys(reason for reason in reasons if reason))
        message = phrase("{told} can never match: {why}", told=rule.told, why=why)
        return (), [tree.finding(path, "policy_never_matches", message)]
    if not ways:
        named = ", ".join(f"`{fact}`" for fact in dict.fromkeys(against))
        about = phrase(" on {named}", named=named) if named else ""
        where = (
            phrase(" in `{tenant}`, the only domain of its file", tenant=tenant) if tenant else ""
        )
        message = phrase(
            "{told} can never match{where}: its conditions{about} contradict each other",
            told=rule.told,
            where=where,
            about=about,
        )
        return (), [tree.finding(path, "policy_never_matches", message)]
    questions = {QUESTIONS[question] for way in ways for question in way.questions}
    operations = {operation for operation, _ in questions}
    facts = _facts_of(rule)
    findings = _check_facts(tree, path, facts, operations)
    findings += _check_effects(tree, path, rule, questions)
    return ways, findings


def _check_facts(
    tree: Tree, path: Path, facts: set[str], operations: set[Operation]
) -> list[Finding]:
    """Facts that are absent from every request the rule can match."""
    asked = ", ".join(f"`{one.value}`" for one in Operation if one in operations)
    findings = []
    for name in sorted(facts):
        have = known_fact(name).operations
        if not have & operations:
            there = ", ".join(f"`{one.value}`" for one in Operation if one in have)
            message = phrase(
                "fact `{name}` exists only for {there}; the rule is about {asked}",
                name=name,
                there=there,
                asked=asked,
            )
            findings.append(tree.finding(_place_of(tree, path, name), "policy_fact", message))
    return findings


def _facts_of(rule: Rule) -> set[str]:
    return {atom.fact for atom in atoms_of(rule.condition)} | rule.effects.facts


def check_attributes(tree: Tree, path: Path, rule: Rule, site: Site) -> Iterator[Finding]:
    """Facts that would be attributes, but that no directory has and that look like other facts."""
    facts = {fact for atom in atoms_of(rule.condition) for fact in atom.facts}
    for fact in sorted(facts | rule.effects.facts):
        who, name = fact.partition(".")[0], attribute_in(fact)
        if name is not None and name not in site.directory.attributes:
            hint = did_you_mean(name, (one for one in FACTS if one.startswith(f"{who}.")), _ALIKE)
            if hint:
                message = phrase("unknown fact `{fact}`{hint}", fact=fact, hint=hint)
                place = _place_of(tree, path, fact)
                yield tree.finding(place, "policy_unknown_fact", message, at_key=True)


def _place_of(tree: Tree, rule: Path, fact: str) -> Path:
    """The place of a fact in a rule; the rule itself when the fact is in the scope."""
    paths = (path for path in tree.keys if path[: len(rule)] == rule and path[-1] == fact)
    return min(paths, key=lambda path: tree.keys[path], default=rule)


def _check_effects(tree: Tree, path: Path, rule: Rule, questions: set[Question]) -> list[Finding]:
    findings = []
    then = (*path, "then")
    if rule.effects.allow and {operation for operation, _ in questions} != {Operation.SUBSCRIBE}:
        message = phrase("`allow` is for rules with `op: subscribe` in `when` or in the scope")
        findings.append(tree.finding((*then, "allow"), "policy_effect", message, at_key=True))
    if rule.effects.also and {operation for operation, _ in questions} != {Operation.SET}:
        message = phrase("`also` is for rules with `op: set` in `when` or in the scope")
        findings.append(tree.finding((*then, "also"), "policy_effect", message, at_key=True))
    if rule.effects.expire and {operation for operation, _ in questions} != {Operation.SET}:
        message = phrase("`expire` is for rules with `op: set` in `when` or in the scope")
        findings.append(tree.finding((*then, "expire"), "policy_effect", message, at_key=True))
    features = {feature for _, feature in questions if feature is not None}
    findings += _check_values(tree, then, rule.effects, features)
    for number, also in enumerate(rule.effects.also):
        findings += _check_values(tree, (*then, "also", number), also, {also.feature})
    return findings


def _check_values(
    tree: Tree, path: Path, setting: Effects | Also, features: set[Feature]
) -> Iterator[Finding]:
    """Values that none of the features has, and words that contradict the status."""
    for value, _ in setting.values:
        if not any(value in VALUES_OF[feature] for feature in features):
            names = ", ".join(sorted(f"`{feature.value}`" for feature in features))
            message = phrase(
                "{features} has no value `{value}`",
                features=names or "`subscribe`",
                value=value.value,
            )
            place = (*path, "values", value.value)
            yield tree.finding(place, "policy_effect", message, at_key=True)
    written = dict(setting.values)
    for spelling in {SPELLINGS[feature] for feature in features & SPELLINGS.keys()}:
        word = cast("str | None", written.get(spelling.value))
        agrees = word is None or int(spelling.status_of(word)) == setting.status
        if setting.status in (0, 1) and not agrees:
            name = spelling.value.value
            message = phrase(
                "`{name}: {word}` does not go with `status: {status}`",
                name=name,
                word=word,
                status=setting.status,
            )
            yield tree.finding((*path, "values", name), "policy_effect", message)
