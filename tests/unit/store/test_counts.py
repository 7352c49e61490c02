"""What a store counts."""

from dfks_rules.service.ports import Verdict
from dfks_rules.store.counts import NAMES, OF_VERDICT, new_counts


def test_every_verdict_is_counted() -> None:
    """An operator sees what came of commits."""
    assert OF_VERDICT.keys() == set(Verdict)
    assert set(OF_VERDICT.values()) <= set(NAMES)


def test_counts_begin_at_0() -> None:
    """Monitoring finds each name from the start."""
    assert new_counts() == dict.fromkeys(NAMES, 0)
