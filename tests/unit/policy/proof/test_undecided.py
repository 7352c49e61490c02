"""Why something was not decided."""

from dfks_rules.policy.proof.undecided import Undecided


def test_it_says_why() -> None:
    """People read the reason after `not decided: `."""
    reason = '`regex: "a\\b.*"` has a word boundary inside'
    assert Undecided(reason).reason == str(Undecided(reason)) == reason
