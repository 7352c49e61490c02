"""The schema of policies as editors are given it."""

import pytest
from jsonschema import Draft202012Validator

from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.editor_schema import editor_schema
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.source import parse
from tests.helpers.policy import source

VARS = "vars: {some: [alice, bob], night: 'sip:night@a.example', rings: 4}"
RULES = """
- id: r
  when: {op: set, user: {var: some}, watcher.user: [{var: some}, carol], param: {ne: {var: night}}}
  then: {values: {forwardTo: {var: night}, ringCount: {var: rings}}, log: "${vars.night}"}
"""


def test_it_is_a_schema_of_its_draft() -> None:
    """Editors refuse a broken schema silently."""
    Draft202012Validator.check_schema(editor_schema(policy_schema()))


def test_an_editor_accepts_variables_wherever_the_server_does() -> None:
    """A red line under something that works teaches authors to ignore red lines."""
    file = source(RULES, VARS)
    tree, _ = parse(file)
    assert tree is not None
    assert list(Draft202012Validator(editor_schema(policy_schema())).iter_errors(tree.value)) == []
    assert check([file]).findings == []


@pytest.mark.parametrize(
    "rules",
    [
        "- {id: r, when: {op: sett}, then: {status: 1}}",
        "- {id: r, when: {opp: set}, then: {status: 1}}",
        "- {id: r, when: {user: {va: x}}, then: {status: 1}}",
        "- {id: r, when: {request.ringCount: {gt: x}}, then: {status: 1}}",
        "- {id: r, then: {status: 2}}",
        "- {id: r, then: {values: {forwardTo: {templ: x}}}}",
    ],
)
def test_an_editor_refuses_what_the_server_refuses(rules: str) -> None:
    """Variables open no door for anything else."""
    tree, _ = parse(source(rules))
    assert tree is not None
    for schema in (editor_schema(policy_schema()), policy_schema()):
        assert list(Draft202012Validator(schema).iter_errors(tree.value)) != []
