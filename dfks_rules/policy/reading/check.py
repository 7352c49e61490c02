"""All stages of checking policy files; every finding of every file is collected.

Each stage works on what the previous one passed: YAML, schema, the meaning of each rule, and
finally how the files relate to one another.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.alternatives import (
    Alternative,
    alternatives,
)
from dfks_rules.policy.language.document import (
    AllOf,
    Condition,
    Policy,
    Rule,
)
from dfks_rules.policy.language.implication import contradicts
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.reading.check_exceptions import check_exceptions, narrowing
from dfks_rules.policy.reading.check_rule import check_attributes, check_rule
from dfks_rules.policy.reading.exception_schema import exception_schema
from dfks_rules.policy.reading.memory import AFRESH, Afresh
from dfks_rules.policy.reading.read import Reader
from dfks_rules.policy.reading.read_site import read_site
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.shared import Shared, SharedFiles
from dfks_rules.policy.reading.source import (
    EXCEPTION,
    LIST,
    POLICY,
    Source,
    kind_of,
    misnamed,
    parse,
)
from dfks_rules.policy.reading.validate import Located, validate, validator
from dfks_rules.policy.reading.variables import substitute
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.yaml.tree import Path, Place, Tree


class CheckedPolicy(NamedTuple):
    """A policy that can be used."""

    policy: Policy
    """The policy."""
    alternatives: tuple[tuple[Alternative, ...], ...]
    """For each of its rules: the ways in which it can match."""
    source: Source
    """The file it was read from."""
    places: tuple[Place, ...]
    """For each of its rules: where its `id` stands; of an Exception, where it says which rules."""
    off: tuple[Rule, ...] = ()
    """Rules that are only checked."""

    @property
    def is_whole(self) -> bool:
        """Whether all that its rules test could be used; errors may stand in other files."""
        return len(self.alternatives) == len(self.policy.rules)


class Checked(NamedTuple):
    """The result of checking files; not to be used if a finding is an error."""

    policies: list[CheckedPolicy]
    """In the order of the files."""
    findings: list[Finding]
    """In no order."""
    site: Site
    """The content of the Directory and NumberPlan files."""


def check(sources: Sequence[Source], memory: Afresh = AFRESH) -> Checked:
    """The policies in these files, their site, and every finding about them.

    Args:
        sources: in the order that ranks policies of equal band and priority.
        memory: reads files other than policies.
    """
    site, site_findings = read_site(sources, memory)
    policies: list[CheckedPolicy] = []
    shared = SharedFiles(sources, memory)
    findings: list[Finding] = [*site_findings, *shared.findings]
    names: dict[str, str] = {}
    for source in sources:
        kind = kind_of(source)
        if kind not in (POLICY, EXCEPTION):
            continue
        tree, found = parse(source)
        findings += found
        if tree is None:
            continue
        if found := misnamed(tree):
            findings += found
            continue
        seen = shared.of(source.tenant)
        tree, found = substitute(tree, seen.variables)
        findings += found
        if any(finding.severity == "error" for finding in found):
            continue
        check_one = _check_exception if kind == EXCEPTION else _check_file
        policy, found = check_one(source, tree, seen, site)
        findings += found
        findings += _check_name(tree, names)
        if policy is not None:
            policies.append(policy)
            findings += _check_classes(tree, site)
    broken = {finding.file for finding in findings if finding.severity == "error"}
    findings += check_exceptions(
        [(one.policy, one.off, one.source.file, one.places) for one in policies], broken
    )
    return Checked(_narrowed(policies), _once_in_lists(findings, sources), site)


def _once_in_lists(findings: list[Finding], sources: Sequence[Source]) -> list[Finding]:
    """The findings, those about an entry of a list once, however many rules test it."""
    lists = {source.file for source in sources if kind_of(source) == LIST}
    first: dict[object, Finding] = {}
    for finding in findings:
        first.setdefault(finding[:4] if finding.file in lists else id(finding), finding)
    return list(first.values())


def _narrowed(policies: list[CheckedPolicy]) -> list[CheckedPolicy]:
    """The policies, their Exceptions confined to where the rules can match that they name."""
    rules = {
        rule.id: ways
        for one in policies
        for rule, ways in zip(one.policy.rules, one.alternatives, strict=False)
    }
    for position, one in enumerate(policies):
        for rule in one.policy.rules:
            named = [way for name in rule.effects.lifts for way in rules.get(name, ())]
            if named and all(one.alternatives):
                narrower = narrowing(named)
                rule = rule._replace(
                    condition=AllOf((narrower, rule.condition)),
                    narrowing=AllOf((narrower, rule.narrowing)),
                )
                ways = tuple(
                    way for way in alternatives(rule.condition) if not contradicts(way.literals)
                )
                if ways:
                    policy = one.policy._replace(rules=(rule,))
                    policies[position] = one._replace(policy=policy, alternatives=(ways,))
    return policies


def _of_tenant(tenant: str | None) -> Condition:
    """Which requests a tenant's file is about, whatever its rules say."""
    return AllOf(()) if tenant is None else Atom("domain", "eq", tenant)


@cache
def _policy_validator() -> Draft202012Validator:
    return validator(policy_schema())


def _check_file(
    source: Source, tree: Tree, shared: Shared, site: Site
) -> tuple[CheckedPolicy | None, list[Finding]]:
    located = validate(tree, _policy_validator())
    findings = [finding for _, finding in located]
    findings += _check_ids(tree)
    usable = _usable_rules(tree, located)
    if usable is None:
        return None, findings
    reader = Reader(tree, shared, site.directory)
    before = len(reader.findings)
    policy, scope = reader.header(), reader.scope(source.tenant)
    is_sound = len(reader.findings) == before
    if source.tenant is not None:
        findings += _check_tenant(tree, source.tenant)
    rules: list[Rule] = []
    off: list[Rule] = []
    places: list[Place] = []
    found: list[tuple[Alternative, ...]] = []
    for position in usable:
        before = len(reader.findings)
        rule = reader.rule(policy, scope, position)._replace(narrowing=_of_tenant(source.tenant))
        is_used = not reader.is_off(position)
        (rules if is_used else off).append(rule)
        if is_used:
            places.append(tree.keys["rules", position, "id"])
        # A test with a wrong constant has no known meaning, and the scope is part of every rule.
        if is_sound and len(reader.findings) == before:
            ways, problems = check_rule(tree, ("rules", position), rule, source.tenant)
            findings += problems
            findings += check_attributes(tree, ("rules", position), rule, site)
            if is_used:
                found.append(ways)
    findings += reader.findings
    policy = policy._replace(rules=tuple(rules))
    return CheckedPolicy(policy, tuple(found), source, tuple(places), tuple(off)), findings


@cache
def _exception_validator() -> Draft202012Validator:
    return validator(exception_schema())


def _check_exception(
    source: Source, tree: Tree, shared: Shared, site: Site
) -> tuple[CheckedPolicy | None, list[Finding]]:
    """As `_check_file`, for a file of kind Exception: a policy of one rule."""
    located = validate(tree, _exception_validator())
    if located:
        return None, [finding for _, finding in located]
    reader = Reader(tree, shared, site.directory)
    policy = reader.exception(source.tenant)
    (rule,) = policy.rules
    policy = policy._replace(rules=(rule._replace(narrowing=_of_tenant(source.tenant)),))
    findings = list(reader.findings)
    ways: tuple[Alternative, ...] = ()
    if source.tenant is not None:
        findings += _check_tenant(tree, source.tenant)
    if not findings:
        (rule,) = policy.rules
        ways, findings = check_rule(tree, (), rule, source.tenant)
        findings += check_attributes(tree, (), rule, site)
    return CheckedPolicy(policy, (ways,), source, (tree.keys["for",],)), findings


def _usable_rules(tree: Tree, located: Sequence[Located]) -> list[int] | None:
    """Positions of the rules without errors; None when the rest of the file has errors."""
    broken: set[int] = set()
    for path, _ in located:
        match path:
            case ("rules", int(position), *_):
                broken.add(position)
            case _:
                return None
    return [position for position in range(len(tree.value["rules"])) if position not in broken]


def _check_name(tree: Tree, names: dict[str, str]) -> list[Finding]:
    """A finding if another file already has this name; records the name otherwise."""
    path: Path = ("metadata", "name")
    if path in tree.places:
        name = str(tree.value["metadata"]["name"])
        if name in names:
            message = phrase(
                "the name `{name}` is already used by `{first}`", name=name, first=names[name]
            )
            return [tree.finding(path, "policy_duplicate_name", message)]
        names[name] = tree.file
    return []


def _check_tenant(tree: Tree, tenant: str) -> list[Finding]:
    """What a tenant's own file asks for although it is outside the tenant's domain."""
    findings = []
    if tree.value.get("band") == "mandatory":
        message = phrase("a file of tenant `{tenant}` cannot have `band: mandatory`", tenant=tenant)
        findings.append(tree.finding(("band",), "policy_tenant", message))
    for path in tree.places:
        match path:
            case ("rules", int(rule), "then", "also", int(position), "domain"):
                domain = tree.value["rules"][rule]["then"]["also"][position]["domain"]
                if domain not in (tenant, "${domain}"):  # the scope confines `${domain}`
                    message = phrase(
                        "a file of tenant `{tenant}` cannot reach {domain}",
                        tenant=tenant,
                        domain=quoted(domain),
                    )
                    findings.append(tree.finding(path, "policy_tenant", message))
            case _:
                pass
    return findings


def _check_classes(tree: Tree, site: Site) -> list[Finding]:
    """Unknown target classes, neither built in nor in a number plan: such a rule guards nothing."""
    findings = []
    for path in tree.places:
        name = tree.at(path)
        if "target.class" in path and isinstance(name, str) and name not in site.classes:
            message = phrase(
                "unknown class {name}{hint}; define your own classes in a NumberPlan",
                name=quoted(name),
                hint=did_you_mean(name, site.classes),
            )
            findings.append(tree.finding(path, "policy_unknown_class", message))
    return findings


def _check_ids(tree: Tree) -> list[Finding]:
    """Ids already used by an earlier rule of the file; the tree may still have any shape."""
    lines: dict[str, int] = {}
    findings = []
    for path, place in tree.places.items():
        match path:
            case ("rules", int(position), "id"):
                name = str(tree.value["rules"][position]["id"])
                if name in lines:
                    message = phrase(
                        "rule `{name}` appears twice, first on line {line}",
                        name=name,
                        line=lines[name],
                    )
                    findings.append(tree.finding(path, "policy_duplicate_id", message))
                lines.setdefault(name, place.line)
            case _:
                pass
    return findings
