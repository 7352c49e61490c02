"""Snapshots in memory."""

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.store.cache import Cache
from tests.helpers.wanted import change

ALICE = Aor("alice", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], FeatureState(status=True))
ONE = change(ALICE, NOTHING_STORED, FIRST)
TWO = change(ALICE, FIRST, SECOND)


@pytest.fixture
def cache() -> Cache:
    """One that holds a single settled snapshot."""
    return Cache(at_most=1)


def test_what_is_written_is_not_settled_yet(cache: Cache) -> None:
    """Nobody is told a state that may still be lost."""
    cache.put(ALICE, NOTHING_STORED)
    cache.write(ONE)
    assert (cache.settled(ALICE), cache.written(ALICE)) == (NOTHING_STORED, FIRST)
    cache.settle(ONE)
    assert (cache.settled(ALICE), cache.written(ALICE)) == (FIRST, FIRST)


def test_of_two_that_are_written_one_after_the_other_is_settled(cache: Cache) -> None:
    """Two presses in one transaction."""
    cache.write(ONE)
    cache.write(TWO)
    told = [cache.settled(ALICE)]
    for one in (ONE, TWO):
        cache.settle(one)
        told.append(cache.settled(ALICE))
    assert told == [NOTHING_STORED, FIRST, SECOND]
    assert cache.under_way(ALICE) is None


def test_what_is_under_way_is_known_though_it_left_the_cache(cache: Cache) -> None:
    """The file is ahead of what is settled, so it cannot be read from there."""
    cache.put(ALICE, NOTHING_STORED)
    cache.write(ONE)
    cache.put(Aor("bob", "example.com"), FIRST)
    assert len(cache) == 1
    assert (cache.settled(ALICE), cache.written(ALICE)) == (NOTHING_STORED, FIRST)


def test_what_is_in_doubt_must_be_read(cache: Cache) -> None:
    """The file says what holds."""
    cache.put(ALICE, NOTHING_STORED)
    cache.write(ONE)
    cache.write(TWO)
    cache.doubt(ONE)
    assert (cache.settled(ALICE), cache.written(ALICE)) == (None, None)
    cache.doubt(TWO)


def test_what_came_to_nothing_does_not_touch_what_is_under_way(cache: Cache) -> None:
    """A conflict beside a commit of the same presentity."""
    cache.write(ONE)
    cache.forget(TWO)
    assert (cache.settled(ALICE), cache.written(ALICE)) == (NOTHING_STORED, FIRST)
    cache.settle(ONE)
    cache.forget(TWO)
    assert cache.settled(ALICE) is None


def test_clear_forgets_what_others_may_have_changed(cache: Cache) -> None:
    """The file was away."""
    cache.put(ALICE, FIRST)
    cache.clear()
    assert cache.settled(ALICE) is None
