"""Texts that stand for every text."""

from itertools import combinations
from typing import Any

import pytest

from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof import determined, texts
from dfks_rules.policy.proof.shapes import (
    ANY_TEXT,
    HEADER,
    NUMBER,
    USER,
    Shape,
    shape_of,
    with_extremes,
)
from dfks_rules.policy.proof.texts import distinct_texts
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.outcomes import atom, every_text, outcome, outcomes

_AB = Shape("[ab]*", 6)
"""All its 127 texts can be tried."""


def ua(matcher: str, operand: Any) -> Atom:
    """A test of the User-Agent."""
    return atom("userAgent", matcher, operand)


_BOTH = (False, True)
_SMALL = [
    ua("eq", "ab"),
    ua("in", ["a", "b", "abab"]),
    ua("prefix", ["ab", "ba", "bba"]),
    ua("suffix", "a"),
    ua("has", ["bb", "aba"]),
    ua("glob", "a*b?"),
    ua("glob", "*[!a]a*"),
    ua("regex", "(a|bb)+"),
    ua("regex", "^a?b{2,3}$"),
    ua("regex", "[^b]*b.{1,2}"),
    ua("regex", "(?i)A(BA?)*?"),
    ua("exists", True),
]


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("many", [1_000, 0])
def test_every_outcome_that_a_text_has_is_had_by_a_representative(
    copies: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By trying all texts of two letters: the same outcomes, each as often as it can be.

    Also where every list of beginnings counts as long.
    """
    monkeypatch.setattr(texts, "_MANY", many)
    texts._distinct_texts.cache_clear()
    every = every_text("ab", 6)
    for some in combinations(_SMALL, 3):
        found = distinct_texts(some, shape=_AB, copies=copies)
        expected = outcomes(some, every)
        assert len(set(found)) == len(found)
        assert outcomes(some, found) == {one: min(n, copies) for one, n in expected.items()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ua("regex", r"\d{3}"), ua("regex", r"\d{3,4}")),
        (ua("regex", "[a-d]?"), ua("regex", "[a-e]?")),
        (ua("regex", r"\+\d+"), ua("regex", r"\+\d{1,5}")),
        (ua("regex", r"\d"), ua("regex", "[0-8]")),
        (ua("regex", "[^@]*"), ua("regex", "[^@.]*")),
        (ua("regex", "(?i)polycom.*"), ua("regex", "[Pp]olycom.*")),
        (ua("glob", "a*"), ua("regex", "a.*")),
        (ua("has", "é"), ua("has", "e")),
        (ua("between", [301, 340]), ua("regex", "3[0-4][0-9]")),
        (ua("prefix", "Yealink SIP-T4"), ua("prefix", "Yealink SIP-T46")),
        (ua("eq", "x" * 511), ua("regex", "x{511,512}")),
    ],
)
def test_a_small_difference_is_shown(one: Atom, other: Atom) -> None:
    """Some representative passes one test and not the other."""
    assert {(True, False), (False, True)} & set(
        outcomes([one, other], distinct_texts([one, other]))
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ua("regex", "9[0-9].*"), ua("prefix", [str(n) for n in range(90, 100)])),
        (ua("regex", "a|b"), ua("in", ["a", "b"])),
        (ua("between", [300, 349]), ua("regex", "3[0-4][0-9]")),
        (ua("glob", "*x*"), ua("has", "x")),
        (ua("glob", "*x"), ua("suffix", "x")),
        (ua("regex", r"[\d\D]*"), ua("exists", True)),
    ],
)
def test_tests_that_mean_the_same_are_not_told_apart(one: Atom, other: Atom) -> None:
    """No representative passes only one; headers have no line feed, which `.` does not match."""
    found = distinct_texts([one, other], shape=HEADER)
    assert set(outcomes([one, other], found)) <= {(True, True), (False, False)}


def test_constants_do_not_hide_what_lies_between() -> None:
    """Of ten digits eight are named: the others stand for what is not."""
    digits = [str(digit) for digit in range(8)]
    some = [ua("regex", r"\d"), ua("in", digits)]
    assert set(distinct_texts(some, copies=3)) == {"0", "1", "2", "8", "9", "a", "b", "c"}


def test_texts_are_short_and_easy_to_read() -> None:
    """They are shown to people; an empty text would look like a mistake."""
    assert distinct_texts([]) == ("a",)
    assert distinct_texts([ua("prefix", "Yealink")]) == ("a", "Yealink")
    assert distinct_texts([ua("suffix", "1")], shape=NUMBER) == ("+1", "+2")
    assert distinct_texts([ua("regex", "")]) == ("", "a")


def test_only_texts_that_can_occur_are_tried() -> None:
    """A user has no `@`, and a constant that no user can be tells nothing."""
    assert distinct_texts([ua("has", "@"), ua("eq", "a@b")], shape=USER) == ("a",)
    assert distinct_texts([ua("regex", "a{2,9}")], shape=Shape("a*", 1)) == ("a",)


def test_control_characters_are_tried_where_they_can_occur() -> None:
    r"""`.` does not match a line feed."""
    assert set(distinct_texts([ua("regex", ".*")])) == {"a", "\n"}


def test_tests_of_several_facts_share_their_texts() -> None:
    """Facts that a rule compares have the same values to be equal in."""
    some = [atom("user", "prefix", "a"), atom("watcher.user", "suffix", "b")]
    assert len(distinct_texts(some, copies=2)) == 8


def test_facts_that_share_texts_each_have_some_of_each_outcome() -> None:
    """A user has no `@`; were only texts with one tried, none would be left for him."""
    some = [atom("request.forwardTo", "regex", "[@=]"), atom("user", "prefix", "+4")]
    found = distinct_texts(some, shape=shape_of("user", "request.forwardTo", "target.number"))
    for fact in ("user", "request.forwardTo"):
        own = shape_of(fact).among(found)
        assert set(outcomes(some, own)) == {(True, False), (False, True), (False, False)}
    assert set(outcomes(some, NUMBER.among(found))) == {(False, True), (False, False)}


def test_extremes_are_tried_where_they_matter() -> None:
    """A template that is filled with one comes to its default."""
    some = [atom("user", "prefix", "a"), atom("user", "eq", "bob")]
    found = distinct_texts(some, shape=with_extremes(USER))
    assert {(outcome(some, text), text.isprintable(), len(text) == 512) for text in found} == {
        *(
            ((passes, False), printable, long)
            for passes in _BOTH
            for printable in _BOTH
            for long in _BOTH
        ),
        ((False, True), True, False),
    }


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"a\b.*", "a word boundary"),
        (r"a\B.*", r"a `\B`"),
        ("a^b", "`^`"),
        ("a$b", "`$`"),
        ("(a$|b)c", "`$`"),
        ("a?^b", "`^`"),
    ],
)
def test_an_anchor_inside_is_opaque(pattern: str, what: str) -> None:
    """At the ends it says what holds anyway."""
    with pytest.raises(Undecided) as caught:
        distinct_texts([ua("regex", pattern)])
    assert caught.value.reason == f'`regex: "{pattern}"` has {what} inside'


def test_an_unknown_test_is_opaque() -> None:
    """What is not known is not claimed."""
    with pytest.raises(Undecided, match="proofs cannot read the test `sameAs` of `user`"):
        distinct_texts([Atom("user", "sameAs", "watcher.user")])


def test_too_many_cells_are_told_at_once() -> None:
    """Sixteen tests that do not depend on one another have 65,536 cells."""
    many = [ua("has", chr(65 + number) * 2) for number in range(16)]
    with pytest.raises(Undecided) as caught:
        distinct_texts(many)
    wanted = "16 tests of `userAgent` have too many cells; write `prefix`, or one `has` with a list"
    assert caught.value.reason == wanted


_ENTRIES = NamedList("blocked", frozenset(f"+49{number**3 % 10**9}" for number in range(1_500)))


def test_a_long_list_of_values_is_no_matter() -> None:
    """Its entries are tried one by one."""
    some = [Atom("target.number", "in", _ENTRIES), atom("target.number", "prefix", "+491")]
    every = {(True, True), (True, False), (False, True), (False, False)}
    assert set(outcomes(some, distinct_texts(some, shape=NUMBER))) == every


def test_a_long_list_of_beginnings_is_no_matter() -> None:
    """Its letters are no states."""
    some = [Atom("target.number", "prefix", _ENTRIES), atom("target.number", "suffix", "7")]
    found = distinct_texts(some, shape=NUMBER, copies=2)
    assert set(outcomes(some, found).values()) == {2}
    assert len(found) == 8


def test_several_lists_that_are_too_long_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together their states are as many as their letters."""
    monkeypatch.setattr(determined, "MAX_STATES", 1_000)
    more = NamedList("more", _ENTRIES.entries | {"+1"})
    with pytest.raises(Undecided) as caught:
        distinct_texts([Atom("target.number", "prefix", one) for one in (_ENTRIES, more)])
    assert caught.value.reason.startswith("`prefix` of `target.number` has a list of 1")
    assert caught.value.reason.endswith(", which has too many cells beside the other tests")


def test_one_test_alone_can_have_too_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told in the singular."""
    monkeypatch.setattr(determined, "MAX_STATES", 2)
    with pytest.raises(Undecided, match="a test of `userAgent` has too many cells"):
        distinct_texts([ua("has", "abc")])


def test_equal_tests_are_computed_once() -> None:
    """Tenants with the same rules share them."""
    texts._distinct_texts.cache_clear()
    assert distinct_texts([ua("has", "x"), ua("eq", "y")]) is distinct_texts(
        [ua("eq", "y"), ua("has", "x")], shape=ANY_TEXT
    )
