"""Schemas of what is told of policies."""

import jsonschema

from dfks_rules.web.api.policy_schemas import SCHEMAS
from dfks_rules.web.schemas import COMPONENTS


def test_each_is_a_schema_and_a_component_of_the_document() -> None:
    """Under its name, which nothing else has."""
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert COMPONENTS[name] is schema
