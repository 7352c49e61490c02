"""Patterns of scripts."""

import pytest

from dfks_rules.policy.migrating.patterns import matcher_of


@pytest.mark.parametrize(
    ("pattern", "matcher"),
    [
        (r"^\+44", {"prefix": "+44"}),
        ("^123$", {"eq": "123"}),
        ("99$", {"suffix": "99"}),
        ("4930", {"has": "4930"}),
        ("^sip:", {"regex": "(?i)sip:.*"}),
        ("a|b", {"regex": "(?i).*(a|b).*"}),
        ("^[[:digit:]]+$", {"regex": "[0-9]+"}),
        ("^a|b$", {"regex": "(?i)a.*|.*b"}),
        ("^(a|b)[|]", {"regex": "(?i)(a|b)[|].*"}),
        ("^09|^19", {"regex": "(09|19).*"}),
        (r"\.5\$", {"has": ".5$"}),
    ],
)
def test_a_pattern_looks_anywhere_and_ignores_case(pattern: str, matcher: dict[str, str]) -> None:
    """What our matchers do only if they are told."""
    assert matcher_of(pattern) == matcher


@pytest.mark.parametrize("pattern", ["(", "(a+)+b", "(a+)+$", "x" * 300, "a{99999}", "[" * 200_000])
def test_a_pattern_that_cannot_be_is_refused(pattern: str) -> None:
    """Or one that could keep the server busy."""
    with pytest.raises(ValueError, match=r"."):
        matcher_of(pattern)
