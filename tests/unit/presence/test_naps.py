"""When to see whether somebody who is awake may sleep."""

from dfks_rules.presence.naps import Naps, is_known_elsewhere


def test_somebody_is_looked_at_after_a_while() -> None:
    """Once, with the others of that second, some at a time."""
    naps = Naps(64.0)
    for tag in (b"1", b"2", b"3"):
        naps.add(tag)
    assert naps.take(0.0, 10) == []
    assert (len(naps), naps.next_deadline()) == (3, 64.0)
    assert naps.take(63.0, 10) == []
    assert naps.take(64.0, 2) == [b"2", b"3"]
    assert naps.take(64.0, 2) == [b"1"]
    assert naps.take(64.0, 2) == []
    assert (len(naps), naps.next_deadline()) == (0, None)


def test_a_few_are_left_alone() -> None:
    """A small server is woken by nothing."""
    naps = Naps(64.0, few=2)
    for tag in (b"1", b"2"):
        naps.add(tag)
    assert naps.take(0.0, 10) == []
    assert naps.next_deadline() is None
    assert naps.take(64.0, 10) == []
    naps.add(b"3")
    assert naps.next_deadline() == 64.0
    assert naps.take(64.0, 10) == [b"2"]


def test_where_many_are_awake_the_first_are_looked_at_sooner() -> None:
    """A burst must not fill the memory for a minute."""
    naps = Naps(64.0, many=2)
    naps.add(b"1")
    assert naps.take(0.0, 10) == []
    naps.add(b"2")
    naps.add(b"3")
    assert naps.next_deadline() == 0.0
    assert naps.take(2.0, 10) == [b"1"]
    assert naps.take(2.0, 10) == []
    assert naps.next_deadline() == 66.0


def test_whoever_has_hold_of_an_object_is_noticed() -> None:
    """Compiled or not."""
    table: dict[bytes, object] = {b"t": Naps(1.0)}
    assert not is_known_elsewhere(table, b"t")
    holder = [table[b"t"]]
    assert is_known_elsewhere(table, b"t")
    holder.clear()
    assert not is_known_elsewhere(table, b"t")
