r"""No pattern that is accepted can keep the server busy, whatever the subject is.

Time is not measured: a matcher of our own that goes the ways of Python's `re` counts its steps,
and the count must be within the bound that `patterns` computes without looking at any subject.
"""

import re
from contextlib import suppress

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dfks_rules.policy.language.patterns import (
    MAX_PATTERN,
    MAX_SUBJECT,
    compile_pattern,
    matches,
    most_steps,
)
from tests.helpers.backtracking import CountingMatcher

_ATOMS = st.sampled_from(
    [
        *("a", "b", "1", "@", r"\+", ".", r"\d", r"\D", r"\w", r"\W", r"\s", "[ab]", "[^a]"),
        *("[a-z]", r"[^\d@]", "[^ab]", "é", "[^é]", "[é-ü]", "^", "$", r"\b"),
    ]
)
_REPEATS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,9}", "{2,}"])


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(parts, min_size=2, max_size=4).map("".join),
        st.lists(parts | st.just(""), min_size=2, max_size=3).map(lambda p: f"({'|'.join(p)})"),
        st.tuples(parts, _REPEATS).map(lambda p: f"(?:{p[0]}){p[1]}"),
        st.tuples(_ATOMS, _REPEATS).map("".join),
    )


PATTERNS = st.tuples(
    st.sampled_from(["", "(?i)"]), st.recursive(_ATOMS, _grown, max_leaves=12)
).map("".join)
SUBJECTS = st.text(alphabet="aAbBzZ1@+.- _é\n", max_size=9)


def accepted(text: str) -> str:
    """The pattern, when policies may have it."""
    try:
        compile_pattern(text)
    except ValueError:
        assume(False)
    return text


@settings(max_examples=400)
@given(PATTERNS, SUBJECTS, st.integers(1, 4), st.sampled_from(["", "!", "a", "@"]))
@example(r"(.*\.)*x", "a.", 4, "!")
@example(r"\d+\d+", "1", 4, "!")
@example("(a?|b?|1?)(@|@|)(a|a)b", "a@", 1, "!")
@example("a*?a*?a*?b", "a", 4, "!")
def test_steps_are_within_the_bound(text: str, piece: str, times: int, tail: str) -> None:
    """The bound holds for the subjects that hurt: a piece over and over, and a wrong end."""
    subject = piece * times + tail
    pattern = accepted(text)
    matcher = CountingMatcher(pattern, subject)
    verdict = matcher.matches()
    assert verdict is matches(compile_pattern(pattern), subject)
    assert matcher.steps <= most_steps(pattern, len(subject))


@settings(max_examples=200)
@given(PATTERNS, SUBJECTS, st.sampled_from(["", "!", "a", "@"]))
def test_longest_subjects_come_to_an_end(text: str, piece: str, tail: str) -> None:
    """Python's own matcher on 512 characters; one bad pattern would run into the test's limit."""
    assume(piece)
    subject = (piece * MAX_SUBJECT)[: MAX_SUBJECT - len(tail)] + tail
    pattern = compile_pattern(accepted(text))
    whole = re.compile(f"(?:{pattern.pattern})\\Z", pattern.flags)
    assert matches(pattern, subject) is (whole.match(subject) is not None)


@given(st.text(alphabet=r"ab1()[]{}*+?|\.^$-,:=!<>Pdw", max_size=MAX_PATTERN))
def test_any_text_is_compiled_or_refused_in_words(text: str) -> None:
    """No text of an author's raises anything but a ValueError."""
    with suppress(ValueError):
        compile_pattern(text)


@pytest.mark.parametrize(
    ("text", "piece"), [("(a|ab|b)*c", "ab"), ("(a+)+b", "a"), ("(a|a?b)*c", "ab")]
)
def test_steps_of_refused_patterns_double_with_a_few_characters_more(text: str, piece: str) -> None:
    """The measure is no empty one: it sees what makes these patterns dangerous."""
    few, many = (CountingMatcher(text, piece * times) for times in (4, 6))
    assert not few.matches()
    assert not many.matches()
    assert many.steps > 2 * few.steps
    with pytest.raises(ValueError, match="can take too long"):
        compile_pattern(text)
