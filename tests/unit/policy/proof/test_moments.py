"""Representatives of moments."""

from datetime import UTC

import pytest

from dfks_rules.policy.proof.moments import distinct_moments
from dfks_rules.policy.proof.undecided import Undecided


def test_nothing_is_claimed_before_there_is_a_theory() -> None:
    """Undecided is always sound."""
    with pytest.raises(Undecided):
        distinct_moments([], zone=UTC, years=range(2026, 2027))
