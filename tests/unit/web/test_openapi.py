"""The document says what the table says."""

from typing import Any

from openapi_spec_validator import validate

from dfks_rules.web.api import TABLE
from dfks_rules.web.openapi import document, problems_of
from dfks_rules.web.problem import KINDS
from dfks_rules.web.table import Where


def test_the_document_is_valid() -> None:
    """By somebody else's validator."""
    validate(document(TABLE))


def test_every_operation_has_a_name_of_its_own_and_says_which_scope_it_needs() -> None:
    """Clients are generated from these."""
    names = [operation.name for operation in TABLE]
    assert len(names) == len(set(names))
    paths: dict[str, Any] = document(TABLE)["paths"]
    for operation in TABLE:
        told = paths[operation.path][operation.method.lower()]
        scope = operation.scope and operation.scope.value
        assert (told["operationId"], told.get("x-scope")) == (operation.name, scope)
        assert bool(told["security"]) == (scope is not None)


def test_every_parameter_of_a_path_is_declared() -> None:
    """And no other."""
    for operation in TABLE:
        inside = {part[1:-1] for part in operation.path.split("/") if part.startswith("{")}
        assert inside == {one.name for one in operation.parameters if one.where is Where.PATH}


def test_problems_are_those_that_an_operation_can_have() -> None:
    """Most follow from what it takes."""
    by_name = {operation.name: operation for operation in TABLE}
    put = problems_of(by_name["setFeature"])
    assert {"not-json", "invalid-body", "bad-presentity", "no-such-feature"} < set(put)
    health = problems_of(by_name["checkHealth"])
    assert "token-needed" not in health
    assert [KINDS[kind].status for kind in put] == sorted(KINDS[kind].status for kind in put)


def test_a_reply_that_has_the_status_of_a_problem_is_described_with_it() -> None:
    """`/readyz` says 503 in its own words, and so does a server that is asked too much."""
    responses = document(TABLE)["paths"]["/readyz"]["get"]["responses"]
    assert set(responses["503"]["content"]) == {"application/json", "application/problem+json"}
    assert responses["503"]["description"].startswith(
        "It cannot serve, or drains. Or `too-many-connections`"
    )
