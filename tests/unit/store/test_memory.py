"""MemoryStore; what all stores share is in tests/contract."""

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Verdict
from dfks_rules.store.memory import MemoryStore
from tests.helpers.wanted import wanted

ALICE = Aor("alice", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))


def test_memory_store_settles_before_commit_returns_at_the_time_of_its_clock() -> None:
    """Tests of what is above it need no event loop and no waiting."""
    settled: list[tuple[Verdict, StoreError | None, float]] = []
    store = MemoryStore(clock=lambda: 7.5)
    store.commit(wanted(ALICE, NOTHING_STORED, FIRST), lambda *what: settled.append(what))
    assert settled == [(Verdict.STORED, None, 7.5)]


def test_memory_store_counts_what_came_of_commits() -> None:
    """As the others do."""
    store = MemoryStore(clock=lambda: 7.5)
    for _ in range(2):
        store.commit(wanted(ALICE, NOTHING_STORED, FIRST), lambda *_: None)
    assert (store.counts["stored"], store.counts["conflicts"]) == (1, 1)
