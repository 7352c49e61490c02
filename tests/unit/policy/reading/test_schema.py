"""The JSON Schema of policies."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.families import FAMILIES
from dfks_rules.policy.language.matchers import MATCHERS
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.schema_pieces import WANTED
from dfks_rules.policy.studying.case_schema import case_schema
from tests.helpers.published import ROOT, published


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


def test_schema_is_one_of_its_draft() -> None:
    """Editors refuse a broken schema silently."""
    Draft202012Validator.check_schema(policy_schema())


def test_published_files_are_what_the_tables_say() -> None:
    """Write them with `python -m tests.helpers.published` after a change of a table."""
    for path, text in published().items():
        assert (ROOT / path).read_text() == text, path


def test_every_object_refuses_unknown_keys_and_explains_each_known_one() -> None:
    """A typo is a finding, and hovering over a key in an editor explains it."""
    for schema in published_schemas():
        for part in parts(schema):
            if part.get("type") == "object" and "propertyNames" not in part:
                assert part["additionalProperties"] is False
                described = [
                    name for name, one in part["properties"].items() if one.get("description")
                ]
                assert described == list(part["properties"])


def published_schemas() -> list[dict[str, Any]]:
    """The schema of policies, and that of cases, which is made of the same pieces."""
    return [policy_schema(), case_schema()]


def test_every_pattern_has_its_words_for_a_finding() -> None:
    """No author is shown a regular expression."""
    used = {
        one["pattern"]
        for schema in published_schemas()
        for one in parts(schema)
        if "pattern" in one
    }
    used |= {key for schema in published_schemas() for key in families_in(schema)}
    assert {pattern for pattern in used if isinstance(pattern, str)} == set(WANTED)


def families_in(schema: Any) -> list[str]:
    """The patterns of names that authors choose."""
    return [key for part in parts(schema) for key in part.get("patternProperties", ())]


def test_every_fact_is_in_the_schema() -> None:
    """The tables are the places where a fact is added."""
    condition = policy_schema()["$defs"]["condition"]
    assert list(condition["properties"]) == ["all", "any", "not", *FACTS]
    assert list(condition["patternProperties"]) == [family.pattern for family in FAMILIES]


def test_every_matcher_is_in_the_schema() -> None:
    """As for facts."""
    used = {
        name
        for part in parts(policy_schema())
        if part.get("title") == "matchers"
        for name in part["properties"]
    }
    assert used == set(MATCHERS)
