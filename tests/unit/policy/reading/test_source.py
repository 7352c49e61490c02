"""Policy files: their kinds, their sizes, and whose codes their findings have."""

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.reading.source import (
    DIRECTORY,
    EXCEPTION,
    MAX_CSV_BYTES,
    NUMBER_PLAN,
    POLICY,
    Source,
    kind_of,
    largest,
    misnamed,
    parse,
)
from dfks_rules.yaml.tree import MAX_BYTES


@pytest.mark.parametrize(
    ("file", "text", "kind"),
    [
        ("a.yaml", "kind: Policy\n", POLICY),
        ("a.yaml", "a: 1\nkind: Directory # users\n", DIRECTORY),
        ("a.yaml", 'kind: "NumberPlan"\n', NUMBER_PLAN),
        ("a.yaml", "apiVersion: dfks/v1\r\nkind: Directory\r\n", DIRECTORY),
        ("a.yaml", "kind: NumberPlan # of ours\r\n", NUMBER_PLAN),
        ("a.yaml", "kind: Exception\n", EXCEPTION),
        ("a.yaml", "kind: Exceptions\n", POLICY),
        ("a.yaml", "  kind: Directory\n", POLICY),
        ("a.yaml", "kind: Directories\n", POLICY),
        ("users.CSV", "kind: Policy\n", DIRECTORY),
    ],
)
def test_a_file_says_what_it_holds(file: str, text: str, kind: str) -> None:
    """Before it is read as YAML: each kind has a schema of its own."""
    assert kind_of(Source(file, text)) == kind


def test_directories_in_csv_may_be_large() -> None:
    """A site of 100,000 users has one; nobody writes such YAML."""
    assert (largest("users.csv"), largest("users.yaml")) == (MAX_CSV_BYTES, MAX_BYTES)


def test_flaws_of_policy_files_have_codes_of_policies() -> None:
    """The page of findings lists them."""
    assert parse(Source("f.yaml", "a:")) == (
        None,
        [Finding("f.yaml", 1, 1, "policy_null", "`a` is empty")],
    )


@pytest.mark.parametrize(
    ("kind", "content"), [("PolicyTest", "cases"), ("PolicyProof", "proofs"), ("Policy", None)]
)
def test_files_beside_policies_are_told_by_their_kind(kind: str, content: str | None) -> None:
    """So that a wrong name is a finding that says the right one."""
    tree, _ = parse(Source("x.yaml", f"kind: {kind}\n"))
    assert tree is not None
    told = [finding.message for finding in misnamed(tree)]
    assert told == (
        [f"a file of {content} needs a name that ends in `{content}.yaml`"] * bool(content)
    )
