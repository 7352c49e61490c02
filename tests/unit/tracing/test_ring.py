"""The last entries of a trace."""

from dfks_rules.tracing.entries import OVERHEAD
from dfks_rules.tracing.ring import MAX_AGE, MAX_BYTES, MAX_ENTRIES, Ring
from tests.helpers.traced import BEGAN, message_at


def test_entries_are_told_from_a_number_on() -> None:
    """A client goes on where it was cut off."""
    ring = Ring()
    made = [message_at(data=b"%d" % number) for number in range(5)]
    for one in made:
        ring.add(one)
    assert ring.after(0, 10) == (1, made)
    assert ring.after(2, 2) == (3, made[2:4])
    assert ring.after(5, 10) == (6, [])
    assert ring.last == 5


def test_there_are_at_most_so_many_entries() -> None:
    """The oldest go, and whoever missed them sees it by the number."""
    ring = Ring()
    for number in range(MAX_ENTRIES + 3):
        ring.add(message_at(data=b"%d" % number))
    assert len(ring) == MAX_ENTRIES
    assert ring.lost == 3
    first, (oldest,) = ring.after(1, 1)
    assert (first, oldest) == (4, message_at(data=b"3"))


def test_there_are_at_most_so_many_bytes() -> None:
    """16 traces of long messages must not fill the memory."""
    ring = Ring()
    long = message_at(data=b"x" * 20_000)
    for _ in range(100):
        ring.add(long)
    assert len(ring) == MAX_BYTES // (20_000 + OVERHEAD)
    ring.forget_before(BEGAN + 1)
    for _ in range(10):
        ring.add(long)
    assert len(ring) == 10


def test_no_entry_is_older_than_ten_minutes() -> None:
    """A trace is not a record of somebody's day."""
    ring = Ring()
    ring.add(message_at(BEGAN))
    ring.add(message_at(BEGAN + MAX_AGE))
    assert len(ring) == 2
    ring.add(message_at(BEGAN + MAX_AGE + 1))
    assert ring.after(0, 10)[0] == 2
    assert ring.lost == 0
