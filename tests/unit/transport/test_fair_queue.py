"""A queue in which no key can keep the others waiting."""

from dfks_rules.transport.fair_queue import BUCKETS, FairQueue


def _key(bucket: int) -> str:
    """A key of that bucket, whatever Python's hashes are today."""
    return next(str(one) for one in range(100_000) if hash(str(one)) % BUCKETS == bucket)


def test_keys_take_turns() -> None:
    """One that came with much is served once, then the others."""
    queue: FairQueue[str] = FairQueue(100)
    for item in ("a1", "a2", "a3"):
        assert queue.add(_key(1), item) is None
    queue.add(_key(2), "b1")
    queue.add(_key(3), "c1")
    assert [queue.next() for _ in range(5)] == ["a1", "b1", "c1", "a2", "a3"]
    assert len(queue) == 0


def test_what_is_over_the_bound_is_taken_from_the_longest() -> None:
    """A flood pushes out itself, and nobody else."""
    queue: FairQueue[int] = FairQueue(10)
    assert queue.add(_key(2), 100) is None
    for number in range(9):
        assert queue.add(_key(1), number) is None
    assert queue.add(_key(1), 9) == 9
    assert queue.add(_key(3), 200) == 8
    assert len(queue) == 10
    assert sorted(queue.next() for _ in range(10)) == [*range(8), 100, 200]


def test_each_bucket_is_gone_when_it_is_empty() -> None:
    """Also when its last item is pushed out."""
    queue: FairQueue[int] = FairQueue(0)
    for number in range(BUCKETS):
        assert queue.add(_key(number), number) == number
    assert (len(queue), len(queue._buckets)) == (0, 0)
