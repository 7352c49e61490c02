"""Values that rules work out from facts."""

import pytest

from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.values import Clamped, Rewritten, Template, line

FACTS: dict[str, FactValue] = {"user": "alice", "n": 3, "bad": "a\nb", "long": "x" * MAX_TEXT}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("sip:vm-${user}@x", "sip:vm-alice@x"),
        ("${user}${n}", "alice3"),
        ("${absent}", None),
        ("${bad}", None),
        ("${long}y", None),
        ("$user ${", "$user ${"),
    ],
)
def test_a_text_is_made_of_facts_or_left_as_if_nothing_was_said(
    text: str, value: str | None
) -> None:
    """A half-made target would send calls nowhere."""
    assert Template(text).value(FACTS.get) == value
    assert Template(text, "else").value(FACTS.get) == (value or "else")


def test_a_fact_that_looks_like_a_placeholder_is_not_filled_in_again() -> None:
    """A peer chooses the text of facts."""
    assert Template("${user}").value({"user": "${domain}"}.get) == "${domain}"


@pytest.mark.parametrize(("number", "value"), [(0, 2), (2, 2), (5, 5), (10, 10), (99, 10)])
def test_a_number_is_kept_within_bounds(number: int, value: int) -> None:
    """Ring counts of 0 and 99 are what phones send."""
    assert Clamped("n", 2, 10).value({"n": number}.get) == value


def test_an_absent_number_is_the_default() -> None:
    """Not the least: nobody asked for that."""
    assert Clamped("absent", 2, 10, 4).value(FACTS.get) == 4
    assert Clamped("absent", 2, 10).value(FACTS.get) is None


@pytest.mark.parametrize(
    ("value", "number", "text"),
    [
        (Rewritten("to", is_number=True), "+49301", "+49301"),
        (Rewritten("to", is_number=True), None, "(030) 1"),
        (Rewritten("to", "+49", "0", is_number=True), "+49301", "0301"),
        (Rewritten("to", "+49", "0", is_number=True), "+441", "0+441"),
        (Rewritten("to", "+49", "0", is_number=True), None, "(030) 1"),
        (Rewritten("to", "(", "["), "+49301", "[030) 1"),
        (Rewritten("to", "(030) 1"), None, None),
        (Rewritten("absent", prefix="0"), "+49301", None),
        (Rewritten("bad", prefix="0"), "+49301", None),
        (Rewritten("long", prefix="0"), "+49301", None),
    ],
)
def test_a_fact_is_rewritten_for_what_dials_it(
    value: Rewritten, number: str | None, text: str | None
) -> None:
    """A target without a number is left as it is; what cannot be a target is the default."""
    lookup = {**FACTS, "to": "(030) 1", "target.number": number}.get
    assert value.value(lookup) == text
    assert value._replace(default="else").value(lookup) == (text or "else")
    assert ("target.number" in value.facts) is value.is_number


def test_a_line_to_log_is_one_line() -> None:
    """Absent facts show as `-`, control characters as replacement characters."""
    assert line("<${user}> ${absent} ${bad}", FACTS.get) == "<alice> - a\N{REPLACEMENT CHARACTER}b"
