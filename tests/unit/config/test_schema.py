"""The published schema, and the page that explains it."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dfks_rules.config.load import variable_of
from dfks_rules.config.schema import (
    config_schema,
    dotted,
    fill_defaults,
    find_mistakes,
    leaves,
    profiles_schema,
)
from dfks_rules.model.decisions import FOLLOWED_SETS

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "config.md"


def _parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    return [schema, *(part for child in inner for part in _parts(child))]


def test_schema_is_a_schema_and_describes_every_part() -> None:
    """Editors show the descriptions."""
    jsonschema.Draft202012Validator.check_schema(config_schema())
    jsonschema.Draft202012Validator.check_schema(profiles_schema())
    for part in (*_parts(config_schema()), *_parts(profiles_schema())):
        assert part["description"].endswith(".")


def test_schema_lets_no_unknown_key_pass() -> None:
    """A misspelt key would be ignored."""
    for part in (*_parts(config_schema()), *_parts(profiles_schema())):
        assert part.get("additionalProperties", True) is ("properties" not in part)


def test_defaults_obey_the_schema() -> None:
    """What holds without a file must be allowed in one."""
    assert not list(find_mistakes(fill_defaults({})))


@pytest.mark.parametrize("leaf", [*leaves()], ids=lambda leaf: leaf.key)
def test_every_key_is_in_the_reference(leaf: Any) -> None:
    """With its environment variable; a key that nobody can find does not exist."""
    page = _PAGE.read_text()
    assert f"`{leaf.key}`" in page
    assert f"`{variable_of(leaf)}`" in page


@pytest.mark.parametrize(
    "value",
    [None, 5, [], "x", {"": 2}, {"sip": []}, {"mi": {"http": []}}, {"store": "x" * 5000}],
)
def test_any_value_gives_mistakes_rather_than_a_failure(value: Any) -> None:
    """Whatever stands in a file."""
    assert list(find_mistakes(value))


def test_ways_are_written_as_people_write_them() -> None:
    """They are in every message."""
    assert dotted(("sip", "listen", 0)) == "sip.listen[0]"


def test_the_default_of_followed_sets_is_what_lint_warns_of() -> None:
    """The schema is read by editors, and cannot import the constant."""
    assert fill_defaults({})["limits"]["followed_sets"] == FOLLOWED_SETS
