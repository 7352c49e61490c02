"""Who is watched by which subscriptions."""

from typing import Final

from dfks_rules.model.identity import Aor
from dfks_rules.presence.watched import Watched
from tests.helpers.policy import ALICE, BOB


class _Alike(Aor):
    """One that has the same mark as others of its kind."""

    def __hash__(self) -> int:
        return 7


ONE: Final = _Alike("one", "example.com")
TWO: Final = _Alike("two", "example.com")


class _Book:
    """Tags, and whom each watches."""

    def __init__(self) -> None:
        self.whose: dict[bytes, Aor] = {}
        self.watched = Watched(self.whose.get)

    def add(self, presentity: Aor, *tags: bytes) -> None:
        for tag in tags:
            self.whose[tag] = presentity
            self.watched.add(presentity, tag)

    def remove(self, *tags: bytes) -> None:
        for tag in tags:
            self.watched.remove(self.whose.pop(tag), tag)


def test_tags_are_those_of_a_presentity_in_order() -> None:
    """One watches, or several do, and some of them go again."""
    book = _Book()
    book.add(ALICE, b"1")
    assert (book.watched.tags(ALICE), book.watched.keys()) == ([b"1"], [b"1"])
    book.add(BOB, b"2")
    book.add(ALICE, b"3", b"4")
    assert book.watched.tags(ALICE) == [b"1", b"3", b"4"]
    assert (book.watched.keys(), len(book.watched)) == ([b"2", ALICE], 2)
    book.remove(b"1", b"3")
    assert (book.watched.tags(ALICE), book.watched.keys()) == ([b"4"], [b"2", b"4"])
    book.remove(b"2", b"4")
    assert (book.watched.tags(ALICE), book.watched.tags(BOB), len(book.watched)) == ([], [], 0)


def test_two_with_the_same_mark_are_told_apart() -> None:
    """The second is kept by name, for as long as it has the mark in common."""
    book = _Book()
    book.add(ONE, b"1")
    assert book.watched.tags(TWO) == [b"1"]  # Whoever asks compares.
    book.add(TWO, b"2")
    assert (book.watched.tags(ONE), book.watched.tags(TWO)) == ([b"1"], [b"2"])
    book.add(TWO, b"3")
    book.remove(b"2")
    assert (book.watched.tags(TWO), book.watched.keys()) == ([b"3"], [b"1", TWO])
    book.add(ONE, b"4")
    book.remove(b"3")
    assert book.watched.tags(ONE) == [b"1", b"4"]
    book.remove(b"1", b"4")
    assert (book.watched.keys(), len(book.watched)) == ([], 0)
