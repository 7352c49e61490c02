"""What clients are told of our errors."""

import pytest

from dfks_rules.errors import DfksError, Finding, PolicyError, StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import ChangedError
from dfks_rules.web.problem import KINDS, RETRY_AFTER, Problem, problem_of


def test_a_problem_has_the_members_of_rfc_9457_and_its_own() -> None:
    """`type` is a name."""
    problem = Problem("scope-missing", "`desk` lacks it", scope="bulk")
    assert problem.body == {
        "type": "urn:dfks:problem:scope-missing",
        "title": KINDS["scope-missing"].title,
        "status": 403,
        "detail": "`desk` lacks it",
        "scope": "bulk",
    }


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].status in (429, 503)])
def test_who_is_turned_away_is_told_when_to_come_again(kind: str) -> None:
    """Else everybody comes at once."""
    assert Problem(kind).headers == {"Retry-After": str(RETRY_AFTER)}


def test_somebody_elses_change_is_told_with_what_holds() -> None:
    """The client need not ask for it."""
    problem = problem_of(ChangedError(Aor("alice", "example.com"), 7))
    assert (problem.status, problem.kind) == (412, "changed-meanwhile")
    assert (problem.headers["ETag"], problem.body["revision"]) == ('"7"', 7)


def test_findings_are_told_each_with_its_place() -> None:
    """An editor can jump there."""
    problem = problem_of(PolicyError([Finding("p.yaml", 3, 1, "policy_bad", "is bad")]))
    assert (problem.status, problem.kind) == (409, "policies-unusable")
    [finding] = problem.body["findings"]
    assert (finding["file"], finding["line"], finding["code"]) == ("p.yaml", 3, "policy_bad")


def test_a_store_that_fails_is_503_and_an_unknown_code_500() -> None:
    """A new code must not crash the door."""
    assert problem_of(StoreError("store_unavailable", "disk is full")).status == 503
    assert problem_of(DfksError("new_code", "something")).kind == "internal-error"
