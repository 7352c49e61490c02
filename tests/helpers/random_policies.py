"""Random policies of the whole language, which pass the check."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import yaml

from dfks_rules.errors import Finding
from dfks_rules.model.requests import Operation
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.memory import Memory
from dfks_rules.policy.reading.source import Source
from tests.helpers.random_conditions import Condition, condition, one_fact, wide
from tests.helpers.random_effects import effects
from tests.helpers.random_words import SCHEDULES, SHARED, SITE

_ASKED = {"also": Operation.SET, "expire": Operation.SET, "allow": Operation.SUBSCRIBE}
"""Effect → the operation that rules must ask for to have it."""
_EVERY = frozenset(Operation)
_LAST = ("rules", "schedules")
_MEMORY = Memory()
"""Of files that are the same each time."""


def dumped(policy: dict[str, Any]) -> Source:
    """The policy as a file, with a line for each rule."""
    lines = [f"{key}: {_written(said)}" for key, said in policy.items() if key not in _LAST]
    said = _written(policy)
    hours = {name: one for name, one in SCHEDULES.items() if f'"{name}"' in said}
    if hours:
        lines.append(f"schedules: {_written(hours)}")
    if "rules" in policy:
        lines.append("rules:" if policy["rules"] else "rules: []")
        lines += [f"- {_written(rule)}" for rule in policy["rules"]]
    return Source(f"{policy['metadata']['name']}.yaml", "\n".join([*lines, ""]))


def _written(said: object) -> str:
    return json.dumps(said, ensure_ascii=False)


def files(random: Random, policies: int = 4, rules: int = 10) -> list[Source]:
    """Some policies, what they share, perhaps Exceptions, without what the check refuses.

    Args:
        random: chooses.
        policies: most policies.
        rules: most rules of each.
    """
    denies = random.choice([0.05, 0.15, 0.35])
    drawn = [_policy(random, n, rules, denies) for n in range(random.randint(1, policies))]
    accepted = _accepted(drawn)
    sources = [dumped(policy) for policy in accepted]
    return [*SHARED, *sources, *_exceptions(random, accepted, sources)]


def few_files(random: Random) -> list[Source]:
    """Likewise, so few that proofs of them take no time."""
    return files(random, policies=2, rules=4)


def _policy(random: Random, number: int, most: int, denies: float) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "apiVersion": "dfks/v1",
        "kind": "Policy",
        "metadata": {"name": f"p{number}"},
        "band": random.choice(["mandatory", "normal", "default"]),
        # No two policies have equal precedence, so that their order cannot matter.
        "priority": random.randint(0, 98) * 10 + number + 1,
        "mode": random.choice(["enforce"] * 5 + ["shadow"]),
    }
    if random.random() < 0.3:
        policy["scope"] = one_fact(random)
    count = random.randint(2, most)
    policy["rules"] = [_rule(random, position, denies) for position in range(count)]
    if most > 4 and random.random() < 0.1:
        # More alternatives than one ruleset of the engine has.
        many = [{"user": f"u{n}", "domain": "acme.example"} for n in range(40)]
        for position in (0, 1):
            policy["rules"][position]["when"] = {"any": many[position:]}
    return policy


def _rule(random: Random, position: int, denies: float) -> dict[str, Any]:
    then = effects(random, denies)
    asked = next((_ASKED[effect] for effect in then if effect in _ASKED), None)
    among = _EVERY if asked is None else frozenset({asked})
    when = wide(random) if random.random() < 0.04 else condition(random, among)
    if asked is not None:
        when = {"all": [{"op": asked.value}, when]}
    rule: dict[str, Any] = {"id": f"r{position}", "when": when, "then": then}
    if random.random() < 0.15:
        rule["mode"] = random.choice(["shadow", "off"])
    if random.random() < 0.25:
        rule["unless"] = condition(random, among, 1)
    return rule


def _accepted(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the rules, and the scopes, that the check refuses."""
    while True:
        sources = [dumped(policy) for policy in policies]
        findings = check([*SHARED, *SITE, *sources], _MEMORY)[1]
        if not findings:
            return policies
        lines = {place for one in findings for place in _places(one)}
        left = []
        for policy, source in zip(policies, sources, strict=True):
            first = source.text[: source.text.index("rules:")].count("\n") + 2
            rules = policy["rules"]
            kept = [r for n, r in enumerate(rules) if (source.file, first + n) not in lines]
            others = {line for file, line in lines if file == source.file and line < first}
            head = {key: policy[key] for key in policy if key != "scope" or not others}
            left.append({**head, "rules": kept})
        assert left != policies, findings
        policies = left


def _places(finding: Finding) -> Iterator[tuple[str, int]]:
    """(File, line): that of a finding, and that of the rule which it is about, if it names one."""
    yield finding.file, finding.line
    for file, line in re.findall(r"\b(\w+\.yaml):([0-9]+)", finding.message):
        yield file, int(line)


def _exceptions(
    random: Random, policies: Sequence[dict[str, Any]], sources: Sequence[Source]
) -> list[Source]:
    """At most one of each band, as a second one could have the same precedence."""
    denials = [
        (f"{policy['metadata']['name']}/{rule['id']}", policy["band"] == "mandatory")
        for policy in policies
        for rule in policy["rules"]
        if _is_liftable(rule["then"]) and rule.get("mode") != "off"
    ]
    found: list[Source] = []
    for name, band in (("e", "mandatory"), ("f", "normal")):
        names = [one for one, is_mandatory in denials if band == "mandatory" or not is_mandatory]
        if names and random.random() < 0.8:
            found.append(dumped(_exception(random, name, band, names)))
    while found:
        findings = check([*SHARED, *SITE, *sources, *found], _MEMORY)[1]
        refused = {file for finding in findings for file, _ in _places(finding)}
        # What is wrong with a list is told once, of the first who tests it.
        if not refused.intersection(one.file for one in found):
            break
        found = [one for one in found if one.file not in refused]
    return found


def _exception(random: Random, name: str, band: str, names: list[str]) -> dict[str, Any]:
    exception: dict[str, Any] = {
        "apiVersion": "dfks/v1",
        "kind": "Exception",
        "metadata": {"name": name},
        "band": band,
        "for": random.sample(names, random.randint(1, len(names))),
        "why": "random",
        "when": condition(random, depth=1),
    }
    if random.random() < 0.4:
        exception["unless"] = condition(random, depth=1)
    if random.random() < 0.4:
        exception["until"] = "2026-11-24"
    return exception


def _is_liftable(then: dict[str, Any]) -> bool:
    return isinstance(then.get("deny"), dict) and "exceptions" in then["deny"]


def documents_of(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """What the policies and Exceptions among these say."""
    some = (one for one in sources if one.file.endswith(".yaml") and "kind: Vars" not in one.text)
    return [read(one) for one in some]


def read(source: Source) -> dict[str, Any]:
    """What a file in YAML says."""
    found: dict[str, Any] = yaml.load(source.text, _LOADER)  # noqa: S506 - both are safe
    return found


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def changeable(sources: Sequence[Source]) -> list[tuple[int, int]]:
    """(File, rule in it) of all rules that no Exception names, so that they may say anything."""
    documents = [read(one) if "rules:" in one.text else {} for one in sources]
    lifted = {name for one in documents_of(sources) for name in one.get("for", ())}
    return [
        (number, position)
        for number, document in enumerate(documents)
        for position, rule in enumerate(document.get("rules", []))
        if f"{document['metadata']['name']}/{rule['id']}" not in lifted
    ]


def changed(random: Random, *others: Condition) -> tuple[list[Source], list[Source]]:
    """Two sets of policies, of which one rule says something else in the second."""
    old: list[Source] = []
    places: list[tuple[int, int]] = []
    while not places:
        old = few_files(random)
        places = changeable(old)
    number, position = random.choice(places)
    policy = read(old[number])
    every = others or ({"deny": "changed"}, {"notify": "others"}, {"log": "x ${user}"})
    policy["rules"][position]["then"] = random.choice(every)
    return old, [*old[:number], dumped(policy), *old[number + 1 :]]


def reduced(sources: list[Source], fails: Callable[[list[Source]], bool]) -> list[Source]:
    """The files without the rules, scopes and files that a failure does not need."""
    smaller = True
    while smaller:
        smaller = False
        for one in _less(sources):
            if fails(one):
                sources, smaller = one, True
                break
    return sources


def _less(sources: list[Source]) -> Iterator[list[Source]]:
    for number, source in enumerate(sources):
        before, after = sources[:number], sources[number + 1 :]
        if source in SHARED:
            continue
        yield [*before, *after]
        document = read(source)
        for key in document.keys() & {"scope", "unless", "mode", "until"}:
            yield [*before, dumped({k: v for k, v in document.items() if k != key}), *after]
        rules = document.get("rules", [])
        for n, rule in enumerate(rules):
            less = [{k: v for k, v in rule.items() if k != key} for key in ("unless", "mode")]
            for instead in ([], *([one] for one in less if one != rule)):
                other = {**document, "rules": [*rules[:n], *instead, *rules[n + 1 :]]}
                yield [*before, dumped(other), *after]
