"""The JSON Schema of policy files, generated from the tables of facts and matchers.

It is published in `schemas/`, where editors use it for completion and hover, and `check` validates
against it: if an editor accepts a policy, the server can parse it.

Reference: JSON Schema draft 2020-12.
"""

from dfks_rules.model.decisions import DenialAnswer
from dfks_rules.model.features import FEATURES
from dfks_rules.model.values import VALUES, Choice, Integer, Text, Value
from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.families import FAMILIES, Family
from dfks_rules.policy.language.document import Mode
from dfks_rules.policy.language.expiry import expire_schema
from dfks_rules.policy.language.matchers import MATCHERS, Matcher, Operand
from dfks_rules.policy.language.schedules import schedule_schema
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    GROUP,
    IDENTIFIER,
    MAX_ALSO,
    MAX_LIST,
    MAX_NUMBER,
    MAX_RULES,
    MAX_SCHEDULES,
    TEXT,
    Schema,
    constant_schema,
    list_schema,
    object_schema,
    value_schema,
)
from dfks_rules.policy.reading.variables import variables_schema


def _one_or_list(schema: Schema) -> Schema:
    return {"anyOf": [schema, list_schema(schema)]}


def _operand(matcher: Matcher, constant: Schema, fact: Fact) -> Schema:
    number: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
    texts = _one_or_list(TEXT)
    forms: dict[Operand, Schema] = {
        Operand.CONSTANT: constant,
        Operand.LIST: _or_named_list(list_schema(constant), fact),
        Operand.TEXTS: _or_named_list(texts, fact) if matcher.name == "prefix" else texts,
        Operand.FLAG: {"type": "boolean"},
        Operand.FACT: _name_of_a_fact(fact.kind),
        Operand.SCHEDULE: {"type": "string", "pattern": IDENTIFIER},
        Operand.RANGE: {"type": "array", "minItems": 2, "maxItems": 2, "items": number},
    }
    return forms[matcher.operand]


def _or_named_list(schema: Schema, fact: Fact) -> Schema:
    """The schema of constants, which may instead be in a file where they are texts."""
    if fact.kind not in (Kind.TEXT, Kind.DOMAIN, Kind.AOR):
        return schema
    name: Schema = {
        "type": "string",
        "pattern": IDENTIFIER,
        "description": "Name of a file of kind List, or of a CSV file with a column `entry`.",
    }
    named = object_schema("The entries of a list.", ["list"], {"list": name})
    return {"anyOf": [*schema.get("anyOf", [schema]), named]}


def _names_of(*kinds: Kind) -> list[str]:
    return [name for name, fact in FACTS.items() if fact.kind in kinds]


def _name_of_a_fact(*kinds: Kind) -> Schema:
    named: Schema = {"type": "string", "enum": _names_of(*kinds)}
    families = [one for one in FAMILIES if one.kind in kinds]
    others = [{"type": "string", "pattern": one.pattern} for one in families]
    return {"anyOf": [named, *others]} if others else named


def _tests(fact: Fact) -> Schema:
    """What a fact may be compared with: a constant, a list of constants, or matchers."""
    constant = constant_schema(fact)
    properties = {
        matcher.name: {"description": matcher.description, **_operand(matcher, constant, fact)}
        for matcher in MATCHERS.values()
        if fact.kind in matcher.kinds
    }
    table = object_schema("Every matcher must hold.", [], properties)
    operators = {**table, "title": "matchers", "minProperties": 1}
    if "eq" not in properties:
        return operators
    return {"anyOf": [constant, list_schema(constant), operators]}


def _fact(fact: Fact | Family) -> Schema:
    """The schema of a fact's tests, shared by facts of one type unless a fact has its own words."""
    if isinstance(fact, Fact) and fact.kind is Kind.WORD:
        return {"description": fact.description, **_tests(fact)}
    return {"description": fact.description, "$ref": f"#/$defs/{_definition_of(fact.kind)}"}


def _definition_of(kind: Kind) -> str:
    return kind.value.replace(" ", "-")


def _condition() -> Schema:
    nested = {"$ref": "#/$defs/condition"}
    several = {"type": "array", "minItems": 1, "maxItems": MAX_LIST, "items": nested}
    properties: Schema = {
        "all": {"description": "Every one of these conditions holds.", **several},
        "any": {"description": "At least one of these conditions holds.", **several},
        "not": {"description": "This condition does not hold.", **nested},
        **{name: _fact(fact) for name, fact in FACTS.items()},
    }
    description = "Every key must hold: facts with a constant, a list or matchers; all, any, not."
    condition = object_schema(description, [], properties)
    families = {family.pattern: _fact(family) for family in FAMILIES}
    return {**condition, "patternProperties": families, "title": "facts", "minProperties": 1}


_REASON: Schema = {
    "type": "string",
    "pattern": IDENTIFIER,
    "description": "A short word for programs, e.g. `toll-fraud`.",
}


def _value(value: Value) -> Schema:
    """The schema of what a rule may set a value to."""
    plain = value_schema(value.kind)
    match value.kind:
        case Text(examples):
            shown = " or ".join(f"`{example}`" for example in examples)
            description = f"{value.description}, e.g. {shown}: text, or built from facts."
            return {"description": description, "anyOf": [plain, _made_of_facts()]}
        case Integer():
            description = f"{value.description}: a number, or taken from a fact."
            return {"description": description, "anyOf": [plain, _taken_from_a_fact(plain)]}
        case Choice():
            return {"description": f"{value.description}.", **plain}


def _made_of_facts() -> Schema:
    return object_schema(
        "Text built from facts: one of `from` and `template`.",
        [],
        {
            "from": {
                **_name_of_a_fact(Kind.TEXT, Kind.AOR),
                "description": "The fact to take.",
            },
            "template": {
                **TEXT,
                "description": "Text with `${fact}` in it, e.g. `sip:vm-${user}@${domain}`.",
            },
            "as": {
                "enum": ["e164"],
                "description": "With `from: request.forwardTo`: the number of the target, however "
                "it is written; what is no number stays as it is.",
            },
            "strip": {
                **TEXT,
                "description": "With `from`: removed from the beginning, e.g. `+49`.",
            },
            "prefix": {**TEXT, "description": "Put before the rest, e.g. `0`."},
            "default": {**TEXT, "description": "The value if a fact is absent."},
        },
    )


def _taken_from_a_fact(number: Schema) -> Schema:
    return object_schema(
        "A number taken from a fact, within bounds.",
        ["from"],
        {
            "from": {**_name_of_a_fact(Kind.COUNT), "description": "The fact to take."},
            "min": {**number, "description": "A smaller number becomes this one."},
            "max": {**number, "description": "A larger number becomes this one."},
            "default": {**number, "description": "The value if the fact is absent."},
        },
    )


_VALUES: Schema = {
    **object_schema(
        "Values of the feature; a feature that has no such value ignores it.",
        [],
        {value.value: _value(value) for value in VALUES},
    ),
    "minProperties": 1,
}

_ALSO: Schema = {
    "description": "Further sets, on other features or users; each is decided separately.",
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_ALSO,
    "items": object_schema(
        "One set that follows.",
        ["feature", "status"],
        {
            "feature": {
                "type": "string",
                "enum": [feature.value for feature in FEATURES],
                "description": "Which feature.",
            },
            "status": {
                "enum": [0, 1, "request"],
                "description": "Off (0), on (1), or as asked for in the set at hand.",
            },
            "user": {
                **TEXT,
                "description": "Whose feature, e.g. `secretary` or `${user}-2`; if omitted, the "
                "same user's.",
            },
            "domain": {
                **TEXT,
                "description": "Domain of that user; if omitted, the same domain.",
            },
            "group": {
                "type": "string",
                "pattern": GROUP,
                "description": "Instead of `user`: a set for each member of this group in the "
                "presentity's domain but the presentity itself.",
            },
            "values": _VALUES,
        },
    ),
}

_DENY: Schema = {
    "description": "Refuse the request; nothing is stored. A reason alone, or with details.",
    "anyOf": [
        _REASON,
        object_schema(
            "The refusal.",
            ["reason"],
            {
                "reason": _REASON,
                "text": {
                    **TEXT,
                    "description": "A sentence for people, with `${fact}` in it; also the reason "
                    "phrase of a 403.",
                },
                "answer": {
                    "type": "string",
                    "enum": [answer.value for answer in DenialAnswer],
                    "description": "How the phone learns of it: it is told the stored state "
                    "(the default), that the feature is off, that it has no such feature, or 403.",
                },
                "exceptions": {
                    "type": "boolean",
                    "description": "`true`: files of kind Exception may lift the denial.",
                },
            },
        ),
    ],
}

_THEN: Schema = {
    **object_schema(
        "What a matching rule does.",
        [],
        {
            "status": {
                "enum": [0, 1, "request", "stored"],
                "description": "Off (0), on (1), as asked for, or as stored.",
            },
            "assigned": {
                "type": "boolean",
                "description": "`false` leaves the feature out of what the phone is told.",
            },
            "notify": {
                "enum": [True, False, "requester", "others"],
                "description": "Who is told: everyone (true), nobody (false), or one side only.",
            },
            "values": _VALUES,
            "deny": _DENY,
            "allow": {
                "type": "boolean",
                "enum": [True],
                "description": "Lets a third party subscribe; only with `op: subscribe`.",
            },
            "also": _ALSO,
            "expire": expire_schema({"type": "string", "pattern": IDENTIFIER}),
            "log": {**TEXT, "description": "A line to log, with `${fact}` in it."},
            "final": {
                "type": "boolean",
                "description": "`true`: rules after this one set nothing; they may still deny.",
            },
        },
    ),
    "title": "effects",
    "minProperties": 1,
}

_RULE: Schema = object_schema(
    "One rule: when it matches, and what it does then.",
    ["id", "then"],
    {
        "id": {
            "type": "string",
            "pattern": IDENTIFIER,
            "description": "Names the rule in explanations and logs; unique in the file.",
        },
        "description": {**TEXT, "description": "What the rule is for, for people."},
        "when": {
            "description": "The rule matches if this is true; if omitted, always.",
            "$ref": "#/$defs/condition",
        },
        "unless": {
            "description": "The rule does not match if this is true.",
            "$ref": "#/$defs/condition",
        },
        "mode": {
            "enum": [mode.value for mode in Mode],
            "description": "`shadow`: the rule is matched but decides nothing; `off`: it is only "
            "checked.",
        },
        "then": _THEN,
    },
)

_NAME: Schema = {
    "type": "string",
    "pattern": IDENTIFIER,
    "description": "Names the policy; unique among all files.",
}


def schedules_schema() -> Schema:
    """The schema of the block `schedules`."""
    return {
        "type": "object",
        "description": "Hours that conditions refer to by name.",
        "propertyNames": {"pattern": IDENTIFIER},
        "maxProperties": MAX_SCHEDULES,
        "additionalProperties": schedule_schema(),
    }


def definitions() -> Schema:
    """What schemas of files with conditions refer to: conditions, and the tests of each type."""
    kinds = {fact.kind: fact for fact in FACTS.values() if fact.kind is not Kind.WORD}
    tests = {_definition_of(kind): _tests(fact) for kind, fact in kinds.items()}
    return {"condition": _condition(), **tests}


def policy_schema() -> Schema:
    """The schema of a file of kind Policy."""
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "Policy", "description": "This file holds a policy."},
        "metadata": object_schema(
            "What the policy is called.",
            ["name"],
            {
                "name": _NAME,
                "description": {**TEXT, "description": "What the policy is for, for people."},
            },
        ),
        "scope": {
            "description": "Every rule of the file matches only if this is true, too.",
            "$ref": "#/$defs/condition",
        },
        "mode": {
            "enum": [mode.value for mode in Mode],
            "description": "`shadow`: its rules are matched but decide nothing; `off`: the "
            "file is only checked.",
        },
        "band": {
            "enum": ["mandatory", "normal", "default"],
            "description": "Rules of mandatory policies come first, those of default ones last.",
        },
        "priority": {
            "type": "integer",
            "minimum": 0,
            "maximum": 999,
            "description": "Within a band the higher number comes first; 500 if omitted.",
        },
        "vars": variables_schema(IDENTIFIER),
        "schedules": schedules_schema(),
        "rules": {
            "type": "array",
            "maxItems": MAX_RULES,
            "items": _RULE,
            "description": "The rules; where two set the same field, the earlier one decides.",
        },
    }
    required = ["apiVersion", "kind", "metadata", "rules"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks policy",
        **object_schema("A dfks-rules policy.", required, properties),
        "$defs": definitions(),
    }
