"""Tests of texts as nodes."""

import re

import pytest

from dfks_rules.policy.language.characters import EVERY, one, union
from dfks_rules.policy.language.patterns import parse
from dfks_rules.policy.proof import automata
from dfks_rules.policy.proof.automata import ALL, END, TEXT, Automaton, TooLargeError, characters_in
from tests.helpers.outcomes import every_text


def passes(automaton: Automaton, start: int, text: str) -> bool:
    """Whether a text passes, by following all nodes at once."""
    nodes = automaton.closed(start)
    for character in text:
        reading = [(automaton.reads[node] or (), automaton.ways[node]) for node in nodes]
        nodes = frozenset().union(
            *(
                automaton.closed(then[0])
                for ranges, then in reading
                if any(first <= ord(character) <= last for first, last in ranges)
            )
        )
    return bool(nodes & {END, ALL})


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "ab|ba", "a*", "a+b?", "(ab)*", "(a|bb)+?", "a{2,3}", "a{2,}", "(a|b){0,2}a"),
        *("[^a]*", ".*a.*", "(?i)A[B]*", "^a(b|$)", "(^a|b)a$", "()", "(a*b)*a{1,2}", "a??b"),
    ],
)
def test_a_pattern_passes_what_re_matches(text: str) -> None:
    """All texts of two letters and a line feed."""
    automaton = Automaton()
    start = automaton.pattern(text, parse(text))
    pattern = re.compile(text, re.ASCII)
    for value in every_text("ab\n", 5):
        assert passes(automaton, start, value) is (pattern.fullmatch(value) is not None), value


@pytest.mark.parametrize(
    ("lowest", "highest"),
    [(0, 0), (0, 9), (3, 7), (7, 12), (10, 99), (98, 101), (301, 340), (0, 999)],
)
def test_numbers_between_bounds_pass(lowest: int, highest: int) -> None:
    """Each as people write it: `7` and not `07`."""
    automaton = Automaton()
    start = automaton.numbers(lowest, highest, END)
    passing = [number for number in range(1100) if passes(automaton, start, str(number))]
    assert passing == list(range(lowest, highest + 1))
    assert not any(passes(automaton, start, f"0{number}") for number in range(1100))
    assert not any(passes(automaton, start, text) for text in ("", "1a", "-1"))


def test_texts_that_begin_alike_share_nodes() -> None:
    """A list of numbers begins with few digits."""
    automaton = Automaton()
    start = automaton.texts(["aab", "aac", "aa", "b"], END)
    assert [t for t in every_text("abc", 4) if passes(automaton, start, t)] == [
        *("b", "aa", "aab", "aac"),
    ]
    assert len(automaton.closed(start)) == 2


def test_equal_nodes_are_made_once() -> None:
    """So texts that end alike share nodes as well."""
    automaton = Automaton()
    first = automaton.texts(["xyz"], END)
    size = len(automaton)
    assert automaton.texts(["xyz"], END) == first
    assert len(automaton) == size


def test_any_text_at_the_end_needs_no_more_reading() -> None:
    """`prefix` and `*` at the end of a pattern say nothing of the rest."""
    automaton = Automaton(union([*one("a"), *one("b")]))
    assert automaton.anything(END) == ALL
    assert automaton.pattern(".*", parse(".*")) == ALL
    assert passes(automaton, automaton.texts(["a"], ALL), "abba")


def test_a_pattern_with_too_many_nodes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it takes all memory."""
    monkeypatch.setattr(automata, "MAX_NODES", 50)
    with pytest.raises(TooLargeError):
        Automaton().pattern("", parse("[ab]{60}"))


def test_a_pattern_tells_its_characters() -> None:
    """The alphabet of a shape; a text has no half of a surrogate pair."""
    assert characters_in(parse("a|[b-d]+")) == ((97, 100),)
    assert characters_in(parse(r"[\s\S]*")) == characters_in(parse(r"a[\s\S]*")) == TEXT != EVERY


def test_long_numbers_take_no_longer_than_they_are() -> None:
    """A node for each digit, not one for each way to write them."""
    automaton = Automaton()
    automaton.numbers(1, 123_456_789_012_345, END)
    assert len(automaton.reads) < 1_000
