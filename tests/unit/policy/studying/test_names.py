"""Names of files beside policies."""

import pytest

from dfks_rules.policy.studying.names import is_proofs_file


@pytest.mark.parametrize(
    ("name", "is_one"), [("proofs.yaml", True), ("a.proofs.yaml", True), ("proofs.yml", False)]
)
def test_the_end_of_its_name_makes_a_file_one_of_proofs(name: str, is_one: bool) -> None:
    """As with cases."""
    assert is_proofs_file(name) is is_one
