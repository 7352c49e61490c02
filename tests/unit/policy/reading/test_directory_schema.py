"""The schema of files of users."""

from dfks_rules.policy.reading.directory_schema import directory_schema


def test_a_domain_says_attributes_as_its_users_do() -> None:
    """The same limits, other words."""
    properties = directory_schema()["properties"]
    of_user = properties["users"]["additionalProperties"]["properties"]["attributes"]
    of_all = properties["attributes"]
    assert of_all["description"] != of_user["description"]
    assert {**of_all, "description": ""} == {**of_user, "description": ""}
