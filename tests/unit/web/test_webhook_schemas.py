"""The schemas of webhooks."""

import jsonschema
import pytest

from dfks_rules.operations.webhooks import Result
from dfks_rules.web.webhook_schemas import WEBHOOK_SCHEMAS


@pytest.mark.parametrize("name", WEBHOOK_SCHEMAS)
def test_each_is_a_schema(name: str) -> None:
    """Of the draft that OpenAPI 3.1 has."""
    jsonschema.Draft202012Validator.check_schema(WEBHOOK_SCHEMAS[name])


def test_every_result_is_told() -> None:
    """A new one needs nothing here."""
    told = WEBHOOK_SCHEMAS["Webhook"]["properties"]["results"]["properties"]
    assert set(told) == {result.value for result in Result}
