"""Schemas of webhooks: components of the OpenAPI document."""

from typing import Any

from dfks_rules.operations.events import FEATURE_CHANGED, TYPES
from dfks_rules.operations.webhooks import LANES, Result
from dfks_rules.web.schemas import AOR, TEXT, TIME, nullable, record

_COUNT = {"type": "integer", "minimum": 0}
_SECONDS = {"type": "number", "minimum": 0}
_SAID = {
    "url": {
        "type": "string",
        "minLength": 1,
        "maxLength": 2048,
        "examples": ["https://pbx.example.com/dfks"],
        "description": "https; or http in a network of `webhooks.allow_networks`.",
    },
    "types": {
        "type": "array",
        "items": {"type": "string", "enum": list(TYPES)},
        "minItems": 1,
        "maxItems": len(TYPES),
        "default": [FEATURE_CHANGED],
        "description": "Only changes of features are kept until they are delivered; nodes that "
        "share a store keep all.",
    },
    "domains": nullable(
        {
            "type": "array",
            "items": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "examples": ["a.example"],
            },
            "minItems": 1,
            "maxItems": 100,
        }
    )
    | {"description": "Whose changes are told; null: all that the token sees."},
    "coalesce": {
        "type": "boolean",
        "default": False,
        "description": "Whether an endpoint that is behind is told only the newest of each.",
    },
}
_ROW = {
    "id": TEXT,
    "url": TEXT,
    "types": {"type": "array", "items": TEXT},
    "domains": nullable({"type": "array", "items": TEXT}),
    "coalesce": {"type": "boolean"},
    "active": {"type": "boolean"},
    "offReason": nullable(TEXT),
    "createdBy": TEXT,
    "createdAt": TIME,
    "lag": _SECONDS | {"description": "Age of the oldest event that is not delivered, s."},
    "failingLanes": {"type": "integer", "minimum": 0, "maximum": LANES},
    "dead": _COUNT | {"description": "Events that were given up."},
    "results": {
        "type": "object",
        "description": "What came of tries since the server started.",
        "additionalProperties": False,
        "properties": {result.value: _COUNT for result in Result},
    },
}
_SECRET = {
    "type": "string",
    "pattern": "^whsec_",
    "description": "Signs what is sent (Standard Webhooks). It is shown only now.",
}
WEBHOOK_SCHEMAS: dict[str, Any] = {
    "NewWebhook": record(_SAID, ["url"]),
    "WebhookChange": record({**_SAID, "active": {"type": "boolean"}}, []) | {"minProperties": 1},
    "Webhook": record(_ROW),
    "WebhookWithSecret": record({**_ROW, "secret": _SECRET}),
    "WebhookTry": record(
        {
            "result": {"type": "string", "enum": [result.value for result in Result]},
            "status": nullable({"type": "integer"}),
            "detail": TEXT,
            "seconds": _SECONDS,
        }
    ),
    "DeadLetter": record(
        {
            "id": TEXT,
            "event": TEXT | {"description": "The id of the event."},
            "type": TEXT,
            "presentity": nullable(AOR),
            "at": TIME,
            "tries": _COUNT,
            "reason": TEXT,
            "body": {"type": "object", "description": "The CloudEvent."},
        }
    ),
}
