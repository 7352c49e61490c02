r"""Which regular expressions authors may write, and what they match."""

import pickle
import re

import pytest

from dfks_rules.policy.language.patterns import (
    MAX_PATTERN,
    MAX_STEPS,
    MAX_SUBJECT,
    compile_pattern,
    matches,
    most_steps,
)


@pytest.mark.parametrize(
    ("text", "value", "other"),
    [
        (r"\+49(30|40)\d{4,9}", "+493012345", "+498912345"),
        (r"sip:(\+|00)\d{6,15}@.*", "sip:+4930123456@gw.example", "sip:bob@gw.example"),
        (r"room-\d{3}", "room-101", "room-1010"),
        (r"(sip:)?\+?1?900\d{7}(@.*)?", "sip:+19005551234@gw.example", "sip:+18005551234@gw"),
        (
            r"(?i)[^@]*@(.*\.)?acme\.example",
            "sip:bob@Berlin.ACME.example",
            "sip:bob@acme.example.org",
        ),
        (r"([a-z0-9-]+\.)*acme\.example", "a.b.acme.example", "notacme.example"),
        (r"[^@]*@[^.]*\.de", "bob@acme.de", "bob@acme.com"),
        (r"(?i)(yealink|poly|cisco).*", "Yealink SIP-T46U 108.86.0.20", "Snom D785"),
        (r"Yealink SIP-T4[0-9][A-Z]? (6[6-9]|108)\..*", "Yealink SIP-T46U 108.86", "Yealink T46"),
        (r"sip:[^@;]+@[^;]+(;[a-z]+(=[^;]*)?)*", "sip:a@b;user=phone;lr", "sip:a@b;=x"),
        (r".*[0-9].*", "ward7", "ward"),
        (r"(?P<area>030|040)\d+", "03012345", "0891"),
        (r"^1\d{2}$", "112", "1122"),
        (r"", "", "x"),
    ],
)
def test_patterns_of_the_trade_are_accepted_and_match_the_whole_text(
    text: str, value: str, other: str
) -> None:
    """What a VoIP engineer has to say about numbers, addresses and phones can be said."""
    pattern = compile_pattern(text)
    assert matches(pattern, value)
    assert not matches(pattern, other)


@pytest.mark.parametrize(
    "text",
    [
        *("(a+)+", "(a*)+b", "(a|a)*", "(a|aa)+", "(a|a?)+", "(x+x+)+y", "(.*)*", "(a+){20}"),
        *("(.*a){12}", "([a-zA-Z]+)*", "(.|b)*x", "(0|00)*1", "(a{1,100}){1,100}", "(a+?)+?b"),
        *(r"\d+\d+\d+", ".*.*.*", r".*\d+.*\d+.*x", r"(\w+\s?)*$", r"^(([a-z])+.)+[A-Z]([a-z])+$"),
        *(r"(?i)(Ab|aB)*c", "(é|ü|[^a])*x", "(a?){50}b", "(ab?|a)*c", r"(\W|[^\d])*x"),
    ],
)
def test_patterns_that_can_take_too_long_are_refused(text: str) -> None:
    """The classics by which a request could hold up every other."""
    with pytest.raises(ValueError, match=r"can take too long|may be empty"):
        compile_pattern(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(", "`(` is not a regular expression: missing ), unterminated subpattern"),
        ("*", "`*` is not a regular expression: nothing to repeat"),
        ("[[a]", "`[[a]` is not a regular expression: Possible nested set"),
        ("a{99999999999}", "`a{99999999999}` is not a regular expression: "),
        (r"(a)\1", "pattern has a backreference"),
        ("(?P<n>a)(?P=n)", "pattern has a backreference"),
        ("(a)?(?(1)b|c)", "pattern has a conditional group"),
        ("(?=a)a", "pattern has a lookahead or lookbehind"),
        ("a(?!b)", "pattern has a lookahead or lookbehind"),
        ("(?<=a)b", "pattern has a lookahead or lookbehind"),
        ("(?<!a)b", "pattern has a lookahead or lookbehind"),
        ("(?>a*)b", "pattern has an atomic group"),
        ("a*+b", "pattern has a possessive repeat"),
        ("(?s).*", "pattern has flags; only a leading `(?i)` is allowed"),
        ("(?im)a", "pattern has flags; only a leading `(?i)` is allowed"),
        ("(?i)(?x)a", "pattern has flags; only a leading `(?i)` is allowed"),
        ("a(?i:b)", "pattern has inline flags; only a leading `(?i)` is allowed"),
        ("a(?i)b", "`a(?i)b` is not a regular expression: global flags not at the start"),
        ("a{0,513}", "pattern repeats up to 513 times; at most 512"),
        ("a{1000}", "pattern repeats up to 1000 times; at most 512"),
        ("((a{99}){99}){99}", "pattern needs 970299 characters; texts have at most 512"),
        ("(a?)*", "pattern repeats a group that may be empty"),
        ("a" * (MAX_PATTERN + 1), "pattern has 201 characters; at most 200"),
    ],
)
def test_what_is_not_allowed_is_refused_in_words(text: str, message: str) -> None:
    """The author learns which part to write in another way."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        compile_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 95 + "a" + ")" * 95,
        "(" * 39 + "a" + "{1})" * 39,
        "(" * 60 + "a" + "|b" * 9 + ")" * 60 + "?",
        "(" * 45 + "a" + "b)?" * 45,
        "[a-z]?" * 33,
        "|".join(["a"] * 100),
    ],
)
def test_any_pattern_is_judged_at_once(text: str) -> None:
    """Judging does not blow up where matching would: depth and width of 200 characters."""
    assert len(text) <= MAX_PATTERN
    try:
        compile_pattern(text)
    except ValueError as error:
        assert "too long" in str(error)  # noqa: PT017


def test_digits_are_ascii_digits_and_case_is_that_of_ascii_letters() -> None:
    """An Arabic digit is no digit of a number that can be dialled."""
    assert not matches(compile_pattern(r"\d+"), "٣٤")
    assert matches(compile_pattern("(?i)k"), "K")
    assert not matches(compile_pattern("(?i)k"), "\N{KELVIN SIGN}")


def test_text_over_the_limit_matches_nothing() -> None:
    """The bound on the steps is for subjects of this length."""
    pattern = compile_pattern(".*")
    assert matches(pattern, "a" * MAX_SUBJECT)
    assert not matches(pattern, "a" * (MAX_SUBJECT + 1))


def test_line_feed_at_the_end_is_part_of_the_text() -> None:
    """The whole text has to match, not all but its last line feed."""
    assert not matches(compile_pattern("112"), "112\n")
    assert not matches(compile_pattern("112$"), "112\n")


def test_pattern_can_be_hashed_and_pickled() -> None:
    """It is an operand of a matcher, and policies are compiled in another process."""
    pattern = compile_pattern(r"(?i)room-\d{3}")
    assert hash(pattern) == hash(compile_pattern(r"(?i)room-\d{3}"))
    assert pickle.loads(pickle.dumps(pattern)) == pattern  # noqa: S301


@pytest.mark.parametrize(
    ("text", "length", "least", "most"),
    [
        ("a", 512, 2, 8),
        (r"\+49(30|40)\d{4,9}", 512, 10, 200),
        ("[^@]*@", 512, 1024, 8192),
        (".*@.*", 512, 512 * 512, MAX_STEPS),
        (".*@.*", 16, 16 * 16, 4096),
    ],
)
def test_steps_are_few_where_repeats_end_where_the_next_part_begins(
    text: str, length: int, least: int, most: int
) -> None:
    """The bound tells linear from quadratic patterns, so that it refuses no more than it must."""
    assert least <= most_steps(text, length) <= most
