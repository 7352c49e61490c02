"""Sentences that know how they were made."""

import pickle

import pytest

from dfks_rules.phrases.phrase import Phrase, joined, meant, phrase


def test_a_phrase_is_its_english_text() -> None:
    """Logs, the command line and programs see no difference."""
    made = phrase("{name} has {count:,} entries, not `{{}}`", name="x", count=1_000)
    assert made == "x has 1,000 entries, not `{}`"
    assert hash(made) == hash("x has 1,000 entries, not `{}`")


def test_an_error_gives_the_phrase_that_it_was_made_with() -> None:
    """Most messages travel in a ValueError, and are a part of the next one."""
    inner = ValueError(phrase("`{text}` is no date", text="x"))
    told = str(inner)
    assert isinstance(told, Phrase)
    assert told.values == {"text": "x"}
    outer = phrase("schedule: {error}", error=inner)
    assert outer == "schedule: `x` is no date"
    assert isinstance(outer.values["error"], Phrase)


def test_a_phrase_crosses_from_process_to_process() -> None:
    """Policies are checked in one of their own."""
    made = phrase("{what}{hint}", what=phrase("is a schedule"), hint=meant("until 18:00"))
    arrived = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    assert (arrived, arrived.template) == (made, made.template)
    assert arrived.values["hint"].values == {"word": "until 18:00"}


@pytest.mark.parametrize(
    ("parts", "text"), [((), ""), (("a",), "a"), (("a", phrase("b")), "a or b")]
)
def test_parts_are_joined(parts: tuple[str, ...], text: str) -> None:
    """As `str.join` does."""
    assert joined(phrase(" or "), parts) == text


def test_values_can_be_replaced() -> None:
    """What came as bytes that are no UTF-8 cannot be told as it is."""
    made = phrase("`{text}` is no date", text="\udcff").made_with({"text": "?"})
    assert (made, made.template) == ("`?` is no date", "`{text}` is no date")
