"""Facts in files or on command lines → the request they describe."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.facts.given import missing, view_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.studying.case_schema import case_schema
from dfks_rules.policy.studying.cases import contradictions

INCOMPLETE = "policy_facts_missing"
"""Code of the finding about facts that do not yet describe a request."""


def parse_given(sources: Sequence[Source]) -> View:
    """The request described by all these facts; later sources override earlier ones.

    Args:
        sources: mappings of facts as `given` in cases, in YAML or JSON; at least one.

    Raises:
        PolicyError: with every finding.
    """
    trees, findings = [], []
    for source in sources:
        tree, found = parse(source)
        findings += found
        if tree is not None:
            trees.append(tree)
            findings += [finding for _, finding in validate(tree, _validator())]
    if findings:
        raise PolicyError(findings)
    facts: dict[str, Any] = {}
    for tree in trees:
        facts |= tree.value
    problem = missing(facts, is_case=False)
    if problem:
        raise PolicyError([Finding(sources[-1].file, 0, 0, INCOMPLETE, problem)])
    view = view_of(facts)
    for tree in trees:
        own = {name: value for name, value in tree.value.items() if facts[name] == value}
        findings += contradictions(tree, (), view, own)
    if findings:
        raise PolicyError(findings)
    return view


@cache
def _validator() -> Draft202012Validator:
    return validator(case_schema()["properties"]["defaults"])
