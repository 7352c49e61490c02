"""Words of letters that look alike."""

import pytest

from tests.helpers.policy import source
from tests.unit.policy.lint.test_single import linted

CYRILLIC_A, GREEK_O, OTDEL = "\u0430", "\u03bf", "\u043e\u0442\u0434\u0435\u043b"


@pytest.mark.parametrize("text", ["J\u00fcrgen", OTDEL, f"{OTDEL}-bob", "5\u00b5", "\U0001f600 x"])
def test_words_of_one_alphabet_are_let_pass(text: str) -> None:
    """Whichever it is; two words may be of two."""
    assert linted(source(f"- {{id: r, when: {{op: get, user: '{text}'}}, then: {{log: x}}}}")) == []


@pytest.mark.parametrize(
    "test",
    [
        f"user: {CYRILLIC_A}lice",
        f"user: [bob, b{GREEK_O}b]",
        f"userAgent: {{has: Y{CYRILLIC_A}link}}",
        f"user: {{glob: 'r{GREEK_O}om-*'}}",
        f"domain: {CYRILLIC_A}cme.example",
        f"groups: {{has: s{CYRILLIC_A}les}}",
    ],
)
def test_a_word_of_two_alphabets_is_told(test: str) -> None:
    """In every kind of test."""
    rule = f"- {{id: r, when: {{op: get, {test}}}, then: {{log: x}}}}"
    assert linted(source(rule)) == ["policy_mixed_letters"]
