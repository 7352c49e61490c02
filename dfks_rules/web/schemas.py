"""Schemas of what operations take and give, by name: the components of the OpenAPI document."""

from typing import Any

from dfks_rules.model.features import FEATURES, VALUES_OF, Feature
from dfks_rules.model.values import Choice, Integer, Text
from dfks_rules.operations.calls import NAMES as CALLS
from dfks_rules.web.problem import KINDS, type_of

MAX_TEXT = 512


def ref(name: str) -> dict[str, str]:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """An object with just these members; all are required unless `required` names those."""
    return {
        "type": "object",
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
        "properties": properties,
    }


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Fits a schema, or is null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _value(kind: Text | Integer | Choice) -> dict[str, Any]:
    match kind:
        case Text():
            return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
        case Integer(least, most):
            return {"type": "integer", "minimum": least, "maximum": most}
        case Choice(words):
            return {"type": "string", "enum": list(words)}


_VALUES = {value.value: _value(value.kind) for of in FEATURES for value in VALUES_OF[of]}
STATUS = {"type": "string", "enum": ["on", "off"]}
TEXT = {"type": "string"}
AOR = {"type": "string", "examples": ["sip:alice@example.com"]}
TIME = {"type": "string", "format": "date-time"}
REVISION = {"type": "integer", "minimum": 0}
SEQ = {"type": "integer", "minimum": 0}
FEATURE = {"type": "string", "enum": [feature.value for feature in Feature]}

_FLAG = {"type": "integer", "enum": [0, 1]}
_CALLS: dict[str, Any] = {"dnd": _FLAG}
for _name in CALLS.values():
    _CALLS |= {_name: _FLAG, f"{_name}To": TEXT, f"{_name}Uri": TEXT}
_CALLS["cfnaRings"] = {"type": "integer"}

COMPONENTS: dict[str, Any] = {
    "State": record({"status": STATUS, **_VALUES}, ["status"])
    | {"description": "The state of a feature; values that were never said are missing."},
    "States": {
        "type": "object",
        "description": "Feature → its state.",
        "additionalProperties": False,
        "properties": {feature.value: ref("State") for feature in FEATURES},
    },
    "Presentity": record(
        {
            "presentity": AOR,
            "revision": REVISION | {"description": "Rises with each change; the ETag."},
            "features": ref("States"),
            "told": ref("States")
            | {"description": "What its own phone is told, of the features it may know."},
            "calls": ref("Calls"),
        },
        ["presentity", "revision", "features"],
    ),
    "Calls": record(_CALLS, [name for name, one in _CALLS.items() if one is _FLAG])
    | {
        "description": "What a switch must know when a call comes; what is not known is missing. A "
        "target without a SIP URI cannot be called."
    },
    "Decision": record(
        {
            "id": TEXT | {"description": "Empty when it is not kept."},
            "effect": {"type": "string", "enum": ["allow", "deny"]},
            "assigned": {"type": "boolean"},
            "notify": TEXT,
            "matched": {"type": "array", "items": TEXT},
            "decidedBy": {"type": "object", "additionalProperties": TEXT},
            "policyRevision": TEXT,
        }
    ),
    "Result": record(
        {
            "feature": FEATURE,
            "changed": {"type": "boolean"},
            "stored": ref("State"),
            "refused": nullable(ref("Refusal")),
            "also": {
                "type": "array",
                "items": record({"presentity": AOR, "feature": FEATURE, "asked": ref("State")}),
            },
            "decision": ref("Decision"),
        }
    ),
    "Refusal": record(
        {"reason": TEXT, "rule": nullable(TEXT), "text": nullable(TEXT)},
    ),
    "SetResult": record({"presentity": AOR, "revision": REVISION, "result": ref("Result")}),
    "Changes": {
        "type": "object",
        "description": "Feature → the state that is asked for. They are set in this order.",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {feature.value: ref("State") for feature in FEATURES},
    },
    "SetResults": record(
        {
            "presentity": AOR,
            "revision": REVISION,
            "results": {"type": "array", "items": ref("Result")},
        }
    ),
    "Subscription": record(
        {
            "presentity": AOR,
            "watcher": AOR,
            "callId": TEXT,
            "expires": {"type": "integer", "minimum": 0, "description": "Seconds left."},
            "contact": TEXT,
            "event": TEXT,
            "transport": TEXT,
            "proof": TEXT,
        }
    ),
    "Change": record(
        {
            "seq": SEQ | {"description": "Its number in the journal; the id of its event."},
            "at": TIME,
            "presentity": AOR,
            "revision": REVISION,
            "feature": FEATURE,
            "before": ref("State"),
            "after": ref("State"),
            "origin": {"type": "string", "enum": ["watcher", "operator", "internal"]},
            "actor": TEXT | {"description": "Who asked: a watcher, or the name of a token."},
            "rule": nullable(TEXT) | {"description": "The rule that decided; null: none did."},
            "decision": TEXT,
        }
    ),
    "Coming": record(
        {
            "changes": {
                "type": "array",
                "items": record(
                    {
                        "at": TIME,
                        "feature": FEATURE,
                        "cause": {"type": "string", "enum": ["expire", "time"]},
                        "before": nullable(ref("State"))
                        | {"description": "null: phones are not told of the feature."},
                        "after": nullable(ref("State")),
                        "rule": TEXT | {"description": "The rule that says so; empty: none does."},
                    }
                ),
            }
        }
    ),
    "History": record(
        {
            "items": {"type": "array", "items": ref("Change")},
            "newest": SEQ | {"description": "Number of the newest change; as `after`, it goes on."},
            "next": TEXT
            | {"description": "`after`, else `before`, of the next page, if there is one."},
        },
        ["items", "newest"],
    ),
    "Statistics": {
        "type": "object",
        "description": "`group:name` → value since the start.",
        "additionalProperties": {"type": "integer"},
    },
    "Health": record(
        {"status": {"type": "string", "enum": ["ok", "failing"]}, "checks": {"type": "object"}},
        ["status"],
    ),
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string", "enum": [type_of(kind) for kind in KINDS]},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
        },
    },
}
"""Name → schema. A room of `api` adds its own."""
