"""The schema of files of kind Directory."""

from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    TEXT,
    Schema,
    metadata_schema,
    object_schema,
)
from dfks_rules.policy.site.directory import MAX_USERS

MAX_PER_USER = 64
"""Most groups, and most numbers, in one entry."""
MAX_ATTRIBUTES = 32
"""Most attributes that one file may have."""


def directory_schema() -> Schema:
    """The schema of a file of kind Directory."""
    several: Schema = {"type": "array", "maxItems": MAX_PER_USER, "items": TEXT}
    user = object_schema(
        "Groups, role, numbers and attributes of this user.",
        [],
        {
            "groups": {**several, "description": "Groups that the user is in."},
            "role": {**TEXT, "description": "The user's role, e.g. `owner`."},
            "numbers": {**several, "description": "E.164 numbers and extensions of the user."},
            "attributes": {
                "type": "object",
                "maxProperties": MAX_ATTRIBUTES,
                "additionalProperties": TEXT,
                "description": "Name → value, for the facts `user.NAME`, `watcher.NAME` and "
                "`target.NAME`.",
            },
        },
    )
    usual = user["properties"]["attributes"]
    members: Schema = {
        "type": "array",
        "maxItems": MAX_USERS,
        "items": TEXT,
        "description": "Its members.",
    }
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "Directory", "description": "This file lists users."},
        "metadata": metadata_schema("What the directory is called."),
        "domain": {**TEXT, "description": "The domain of users written without one."},
        "attributes": {
            **usual,
            "description": "Attributes of every user of `domain` that a file names, where the user "
            "has none of that name.",
        },
        "users": {
            "type": "object",
            "description": "`user` or `user@domain` → groups, role, numbers and attributes.",
            "additionalProperties": user,
        },
        "groups": {
            "type": "object",
            "description": "Group → its members, instead of `groups` of each user.",
            "additionalProperties": members,
        },
    }
    required = ["apiVersion", "kind", "metadata"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks directory",
        **object_schema("Users that dfks-rules policies can refer to.", required, properties),
    }
