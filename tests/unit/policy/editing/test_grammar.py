"""What the language allows at a place."""

import pytest

from dfks_rules.policy.editing.grammar import (
    KINDS,
    description_at,
    keys_at,
    kind_of_file,
    schema_of,
    values_at,
)
from dfks_rules.policy.editing.outline import outline
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.language.matchers import MATCHERS


def _keys(kind: str, *path: str | int) -> list[str]:
    return [one.text for one in keys_at(kind, path)]


def test_keys_are_those_of_the_schema_through_references_and_choices() -> None:
    """Rules, conditions, matchers, effects."""
    assert _keys("Policy", "rules", 3) == ["id", "description", "when", "unless", "mode", "then"]
    assert {"all", "any", "not", *FACTS} <= set(_keys("Policy", "rules", 0, "when"))
    assert {"during", "outside"} <= set(_keys("Policy", "scope", "any", 0, "time"))
    assert "reason" in _keys("Policy", "rules", 0, "then", "deny")
    assert "by" in _keys("PolicyTest", "tests", 0, "expect")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_has_its_keys(kind: str) -> None:
    """And says what it is."""
    assert {"apiVersion", "kind"} <= set(_keys(kind))
    assert [one.text for one in values_at(kind, ("kind",))] == [kind]
    assert description_at(kind, ())


def test_a_file_of_no_kind_is_offered_the_kinds() -> None:
    """The first thing that is typed."""
    assert _keys("") == ["apiVersion", "kind"]
    assert [one.text for one in values_at("Polcy", ("kind",))] == list(KINDS)
    assert kind_of_file(outline("kind: Vars\n")) == "Vars"
    assert schema_of("") is schema_of("Polcy")


def test_constants_are_the_words_of_a_fact_and_true_and_false() -> None:
    """As YAML writes them."""
    when = ("rules", 0, "when")
    assert [one.text for one in values_at("Policy", (*when, "op"))] == ["get", "set", "subscribe"]
    found = [one.text for one in values_at("Policy", ("rules", 0, "then", "notify"))]
    assert found == ["true", "false", "requester", "others"]


def test_descriptions_are_those_of_the_tables() -> None:
    """Of a fact, of one of a family, of a matcher; unknown keys have none."""
    when = ("rules", 0, "when")
    assert description_at("Policy", (*when, "op")) == FACTS["op"].description
    assert "directory" in description_at("Policy", (*when, "user.manager"))
    assert description_at("Policy", (*when, "user", "has")) == MATCHERS["has"].description
    assert description_at("Policy", (*when, "nonsense!")) == ""
