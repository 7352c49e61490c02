"""Representatives of texts."""

import pytest

from dfks_rules.policy.proof.texts import distinct_texts
from dfks_rules.policy.proof.undecided import Undecided


def test_nothing_is_claimed_before_there_is_a_theory() -> None:
    """Undecided is always sound."""
    with pytest.raises(Undecided):
        distinct_texts([])
