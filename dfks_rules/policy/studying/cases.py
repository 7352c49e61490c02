"""Cases, which test policies: facts given, decision expected. Parsed and run here.

The name of a case file ends with `cases.yaml`. Case files, of which there may be several, are
beside the policies they test.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.model.decisions import Decision
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.given import Given, missing, view_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.language.expiry import parse_duration
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.studying.case_schema import case_schema
from dfks_rules.policy.studying.tables import expanded
from dfks_rules.yaml.scalar import flow
from dfks_rules.yaml.tree import Path, Tree


class Case(NamedTuple):
    """One question to the policies, and the expected answer."""

    name: str
    """What the case shows, as a sentence."""
    line: int
    """Its line in the file, 1-based."""
    view: View
    """The request, what is stored, and when the request arrives."""
    expect: Mapping[str, Any]
    """The expectations as written; parts not mentioned are not compared."""
    skip: str | None = None
    """Why it is not run for now."""


class CaseFile(NamedTuple):
    """One case file."""

    file: str
    """Path as given."""
    policies: tuple[str, ...]
    """The policy files, or directories of them, under test, relative to this file."""
    cases: tuple[Case, ...]
    """In the order of the file."""


class CaseResult(NamedTuple):
    """The result of one case."""

    case: Case
    """The case."""
    decision: Decision
    """What the policies decided."""
    differences: tuple[str, ...]
    """One line for each unmet expectation."""

    @property
    def passed(self) -> bool:
        """Whether every expectation is met."""
        return not self.differences


def rules_wanted(case: Case, policies: PolicySet) -> set[str]:
    """Ids of the rules that a case expects to match."""
    expect = case.expect
    lifted = expect.get("lifted", {})
    named = {*expect.get("matched", ()), *lifted, *lifted.values()}
    named |= {rule for rule in expect.get("by", {}).values() if isinstance(rule, str)}
    reason = expect.get("reason")
    denials = ((rule.id, rule.effects.denial) for rule in policies.rules)
    return named | {rule for rule, denial in denials if denial and denial.reason == reason}


def is_cases_file(name: str) -> bool:
    """Whether a file in a directory of policies holds cases rather than a policy."""
    return name.endswith("cases.yaml")


def parse_cases(source: Source) -> CaseFile:
    """The cases in one file.

    Raises:
        PolicyError: with every finding.
    """
    tree, findings = parse(source)
    if tree is not None:
        tree, findings = expanded(tree)
    if tree is not None and not findings:
        findings = [finding for _, finding in validate(tree, _validator())]
    if tree is None or findings:
        # What is wrong with a case is wrong with each row of its table.
        raise PolicyError(list(dict.fromkeys(findings)))
    cases = []
    for position, written in enumerate(tree.value["tests"]):
        path: Path = ("tests", position)
        facts = {**tree.value.get("defaults", {}), **written["given"]}
        problem = missing(facts)
        if problem:
            findings.append(tree.finding(path, "policy_case", problem))
            continue
        line = tree.places[path].line
        view = view_of(facts)
        case = Case(written["name"], line, view, written["expect"], written.get("skip"))
        findings += contradictions(tree, (*path, "given"), case.view, written["given"])
        cases.append(case)
    if findings:
        raise PolicyError(list(dict.fromkeys(findings)))
    return CaseFile(source.file, tuple(tree.value["policies"]), tuple(cases))


def run_cases(cases: CaseFile, policies: PolicySet) -> list[CaseResult]:
    """The result of every case that is not skipped.

    Args:
        cases: a file of cases.
        policies: made of the files that it names.
    """
    results = []
    for case in cases.cases:
        if case.skip is not None:
            continue
        decision = policies.decide_view(case.view)
        differences = tuple(_differences(case.expect, decision, case.view.at))
        results.append(CaseResult(case, decision, differences))
    return results


def contradictions(tree: Tree, path: Path, view: View, given: Given) -> Iterator[Finding]:
    """Findings about facts that are given at `path` but absent from the resulting request."""
    for name, value in given.items():
        seen = known_fact(name).read(view)
        if seen != (tuple(value) if isinstance(value, list) else value):
            really = phrase("absent") if seen is None else f"`{seen}`"
            message = phrase(
                "`{name}` cannot be `{value}`: the other facts make it {really}",
                name=name,
                value=value,
                really=really,
            )
            yield tree.finding((*path, name), "policy_case", message, at_key=True)


_NOTHING = phrase("nothing")


@cache
def _validator() -> Draft202012Validator:
    return validator(case_schema())


def _differences(expect: Mapping[str, Any], decision: Decision, at: datetime) -> Iterator[str]:
    """One line for each unmet expectation."""
    seen = answer_of(decision)
    for field, wanted in expect.items():
        if field == "expires":
            if _moment(wanted, at) != decision.expires:
                yield phrase(
                    "expires: expected {wanted}, got {got}",
                    wanted=_written(wanted),
                    got=_written(seen[field]),
                )
        elif isinstance(wanted, dict):
            for name, value in wanted.items():
                if seen[field].get(name) != value:
                    nothing = phrase("no rule") if field == "by" else _NOTHING
                    got = _written(seen[field].get(name), nothing)
                    yield phrase(
                        "{field}.{name}: expected {value}, got {got}",
                        field=field,
                        name=name,
                        value=_written(value),
                        got=got,
                    )
        elif seen[field] != wanted:
            got = _written(seen[field], phrase("no denial") if field == "reason" else _NOTHING)
            yield phrase(
                "{field}: expected {wanted}, got {got}",
                field=field,
                wanted=_written(wanted),
                got=got,
            )


def _moment(wanted: str | bool, at: datetime) -> datetime | None:  # noqa: FBT001 - as written
    """When a case that is about a moment expects something to expire."""
    if isinstance(wanted, bool):
        return None
    return datetime.fromisoformat(wanted) if "T" in wanted else parse_duration(wanted).ends(at)


def _written(value: Any, nothing: str = _NOTHING) -> str:
    """A value as a case would write it."""
    if value is None:
        return nothing
    return value if isinstance(value, str) else flow(value)
