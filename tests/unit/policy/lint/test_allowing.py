"""Comments that allow warnings; what is wrong with them is in tests/policies/must_fail/lint too."""

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.lint.allowing import not_allowed, without_allowed
from dfks_rules.policy.reading.source import Source

WARNING = Finding("p.yaml", 1, 3, "policy_shadowed", "m", "warning")
OTHER = WARNING._replace(code="policy_conflict")


@pytest.mark.parametrize(
    "comment",
    [
        "# dfks: allow policy_shadowed, policy_conflict",
        "# dfks: allow policy_shadowed,policy_conflict until May",
        "#dfks:allow policy_conflict , policy_shadowed; sales asked, see ticket 7",
        "# why not  # dfks: allow policy_shadowed # dfks: allow policy_conflict",
    ],
)
def test_a_comment_allows_the_codes_that_it_lists(comment: str) -> None:
    """And text for people stands behind them."""
    file = Source("p.yaml", f"- id: r  {comment}\n")
    assert without_allowed([WARNING, OTHER], [file]) == []


def test_a_comment_allows_nothing_elsewhere() -> None:
    """Neither on another line, nor in another file, nor another code."""
    file = Source("p.yaml", "- id: r  # dfks: allow policy_shadowed\n")
    below = WARNING._replace(line=2)
    elsewhere = WARNING._replace(file="q.yaml")
    found = without_allowed([WARNING, OTHER, below, elsewhere], [file])
    assert found == [OTHER, below, elsewhere]


def test_an_error_is_told_whatever_is_allowed() -> None:
    """It stops the server."""
    error = Finding("p.yaml", 1, 3, "policy_value", "m")
    found = without_allowed([error], [Source("p.yaml", "x: 1  # dfks: allow policy_value\n")])
    assert found[0] == error
    assert found[1].message == "`policy_value` is an error; a comment can allow warnings only"


def test_what_only_a_proof_finds_is_never_needless_without_one() -> None:
    """Nobody has looked."""
    file = Source("p.yaml", "- id: r  # dfks: allow policy_redundant\n")
    assert without_allowed([], [file]) == []
    redundant = WARNING._replace(code="policy_redundant")
    assert not_allowed([redundant, WARNING], [file]) == [WARNING]


def test_files_without_such_comments_say_nothing() -> None:
    """Other comments are for people."""
    assert without_allowed([], [Source("p.yaml", "# dfks rules allow much\n")]) == []
