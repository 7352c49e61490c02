"""Texts in place of files."""

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.texts import files_of
from dfks_rules.operations.studies import Text
from dfks_rules.policy.reading.source import Source


def test_texts_are_in_the_order_in_which_a_server_reads_files() -> None:
    """By name, those of tenants last; cases and proofs apart."""
    names = ["tenants/a.example/a.yaml", "b.yaml", "a.csv", "b-cases.yaml", "proofs.yaml"]
    assert files_of([Text(name, name) for name in names]) == PolicyFiles(
        (
            Source("a.csv", "a.csv"),
            Source("b.yaml", "b.yaml"),
            Source("tenants/a.example/a.yaml", "tenants/a.example/a.yaml", "a.example"),
        ),
        (Source("b-cases.yaml", "b-cases.yaml"),),
        (Source("proofs.yaml", "proofs.yaml"),),
    )
