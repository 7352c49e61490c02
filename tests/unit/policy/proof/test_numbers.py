"""Representatives of numbers."""

import pytest

from dfks_rules.policy.proof.numbers import distinct_counts
from dfks_rules.policy.proof.undecided import Undecided


def test_nothing_is_claimed_before_there_is_a_theory() -> None:
    """Undecided is always sound."""
    with pytest.raises(Undecided):
        distinct_counts([])
