"""The table of values."""

import pickle

from dfks_rules.model.features import FeatureState
from dfks_rules.model.values import VALUES, Integer, Value


def test_values_come_back_from_another_process_as_themselves() -> None:
    """Policies are compiled there, and compared by identity here."""
    state = pickle.loads(pickle.dumps(FeatureState(True, ((Value.FORWARD_TO, "bob"),))))  # noqa: S301 - our own
    assert state.value(Value.FORWARD_TO) == "bob"


def test_policies_can_count_as_far_as_numbers_go() -> None:
    """The constants of facts end at 1000."""
    for value in VALUES:
        if isinstance(value.kind, Integer):
            assert 0 <= value.kind.least <= value.kind.most <= 1000
