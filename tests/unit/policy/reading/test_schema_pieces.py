"""What the schemas of all kinds of files are made of."""

import re

import pytest

from dfks_rules.model.values import Choice, Integer
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.reading.schema_pieces import (
    IDENTIFIER,
    WANTED,
    constant_schema,
    object_schema,
    value_schema,
)


def test_every_kind_of_fact_has_constants_of_its_own_form() -> None:
    """Types are what makes a typo a finding."""
    assert {fact.kind for fact in FACTS.values()} == set(Kind)
    for fact in FACTS.values():
        assert constant_schema(fact)


@pytest.mark.parametrize("text", ["a", "toll-fraud", "a" * 63])
def test_names_are_short_words(text: str) -> None:
    """They stand in logs, explanations and metrics."""
    assert re.search(IDENTIFIER, text)


@pytest.mark.parametrize("text", ["", "A", "1a", "a_b", "a" * 64, "a\n", "ä"])
def test_names_are_nothing_else(text: str) -> None:
    """A line feed at the end is what a careless pattern lets pass."""
    assert not re.search(IDENTIFIER, text)
    assert WANTED[IDENTIFIER]


def test_an_object_takes_no_unknown_keys() -> None:
    """A typo would be ignored forever."""
    assert object_schema("x", [], {})["additionalProperties"] is False


def test_a_value_of_words_takes_these_words_only() -> None:
    """Numbers have bounds, texts a length."""
    assert value_schema(Choice(("ready", "notReady"))) == {"enum": ["ready", "notReady"]}
    assert value_schema(Integer(1, 9)) == {"type": "integer", "minimum": 1, "maximum": 9}
