"""Errors of questions."""

from dfks_rules.errors import Finding
from dfks_rules.operations.studies import FactsError, GaveUpError, OneAtATimeError


def test_each_error_has_a_code_of_its_own() -> None:
    """Doors tell them apart."""
    errors = [
        GaveUpError("it took too long"),
        OneAtATimeError(),
        FactsError([Finding("facts", 0, 0, "policy_facts_missing", "facts lack `op`")]),
    ]
    assert [error.code for error in errors] == ["worker_gave_up", "worker_busy", "facts_invalid"]
    assert "facts lack `op`" in errors[2].message
