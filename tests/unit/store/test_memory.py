"""MemoryStore; what all stores share is in tests/contract."""

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.store.memory import MemoryStore


def test_memory_store_settles_before_commit_returns_at_the_time_of_its_clock() -> None:
    """Tests of what is above it need no event loop and no waiting."""
    settled: list[tuple[StoreError | None, float]] = []
    after = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
    store = MemoryStore(clock=lambda: 7.5)
    store.commit(
        Aor("a", "b"), NOTHING_STORED, after, lambda error, now: settled.append((error, now))
    )
    assert settled == [(None, 7.5)]
