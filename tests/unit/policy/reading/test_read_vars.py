"""Files of variables for all policies."""

import pytest

from dfks_rules.policy.reading.read_vars import read_vars
from dfks_rules.policy.reading.source import Source

HEAD = "apiVersion: dfks/v1\nkind: Vars\nmetadata: {name: ours}\n"


def test_variables_are_read_by_their_names() -> None:
    """Texts, numbers, flags, and lists of them."""
    variables, findings = read_vars(
        Source("v.yaml", HEAD + "vars: {vips: [alice, bob], most: 3}\n")
    )
    assert findings == []
    assert variables == {"vips": ["alice", "bob"], "most": 3}


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("", "policy_missing"),
        ("vars: {Big: 1}\n", "policy_value"),
        ("vars: {a: {var: b}}\n", "policy_variable"),
        ('vars: {a: "${vars.b}"}\n', "policy_variable"),
        ("vars: {a: 1}\nrules: []\n", "policy_unknown_key"),
    ],
)
def test_what_no_variable_can_be_is_refused(rest: str, code: str) -> None:
    """And then no variable of the file counts."""
    variables, findings = read_vars(Source("v.yaml", HEAD + rest))
    assert variables == {}
    assert [finding.code for finding in findings] == [code]
