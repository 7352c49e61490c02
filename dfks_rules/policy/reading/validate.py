"""A tree and a JSON Schema → findings, each saying in one plain sentence what is wrong."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import joined, meant, phrase
from dfks_rules.policy.facts.facts import fact_named
from dfks_rules.policy.facts.families import count_meant
from dfks_rules.policy.language.expiry import misread
from dfks_rules.policy.language.matchers import MATCHERS
from dfks_rules.policy.reading.schema_pieces import WANTED, Schema
from dfks_rules.policy.words.wording import did_you_mean, quoted, with_hyphens
from dfks_rules.yaml.tree import Path, Tree

_TYPES = {
    "string": phrase("text"),
    "integer": phrase("a whole number"),
    "boolean": phrase("`true` or `false`"),
    "array": phrase("a list"),
    "object": phrase("a mapping"),
}
_KEYS = {"facts": "fact", "matchers": "matcher", "effects": "effect"}
"""Title of an object's schema → what its keys are called."""
_UNKNOWN = {
    "fact": phrase("unknown fact"),
    "matcher": phrase("unknown matcher"),
    "effect": phrase("unknown effect"),
    "key": phrase("unknown key"),
}


def _empty(subject: str, _limit: int, _value: Any) -> str:
    return phrase("{subject} must not be empty", subject=subject)


def _too_little(subject: str, limit: int, value: Any) -> str:
    return phrase(
        "{subject} must be at least {limit}, not {value}",
        subject=subject,
        limit=limit,
        value=quoted(value),
    )


def _too_much(subject: str, limit: int, value: Any) -> str:
    return phrase(
        "{subject} must be at most {limit}, not {value}",
        subject=subject,
        limit=limit,
        value=quoted(value),
    )


def _too_long(subject: str, limit: int, value: Any) -> str:
    return phrase(
        "{subject} has {size} characters; at most {limit}",
        subject=subject,
        size=len(value),
        limit=limit,
    )


def _too_many(subject: str, limit: int, value: Any) -> str:
    return phrase(
        "{subject} has {size} entries; at most {limit}",
        subject=subject,
        size=len(value),
        limit=limit,
    )


_BOUNDS: dict[str, tuple[str, Callable[[str, int, Any], str]]] = {
    "minLength": ("policy_value", _empty),
    "minItems": ("policy_value", _empty),
    "minProperties": ("policy_value", _empty),
    "minimum": ("policy_value", _too_little),
    "maximum": ("policy_value", _too_much),
    "maxLength": ("policy_limit", _too_long),
    "maxProperties": ("policy_limit", _too_many),
    "maxItems": ("policy_limit", _too_many),
}
"""Keyword of the schema → code, and what makes the message of (subject, limit, value)."""
_DIGITS = re.compile("[0-9]{1,99}")
"""A number in quotes. Python reads other digits as well, and refuses to read thousands of them."""
_MEANT = {"on": "1", "yes": "1", "true": "1", "off": "0", "no": "0", "false": "0"}
"""What authors write instead of a status → the status."""
_KEYS_MEANT = {
    "if": "when",
    "condition": "when",
    "conditions": "when",
    "match": "when",
    "except": "unless",
    "action": "then",
    "actions": "then",
    "do": "then",
    "effect": "then",
    "and": "all",
    "or": "any",
    "equals": "eq",
    "contains": "has",
    "startswith": "prefix",
    "endswith": "suffix",
    "matches": "regex",
    "like": "glob",
    "network": "cidr",
    "user.groups": "groups",
    "user.role": "role",
    "user.domain": "domain",
    "user.user": "user",
    "schedule": "during",
    "zone": "tz",
    "expires": "until",
    "reason": "why",
    "rule": "for",
    "rules": "for",
}
"""What authors write instead of keys, in lower case → the key."""
_HOURS = re.compile(r"([0-2][0-9]:[0-5][0-9]) ?- ?([0-2][0-9]:[0-5][0-9])", re.ASCII)
_COMPARED = re.compile(r"([<>]=?) ?([0-9]{1,9})", re.ASCII)
_COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_LISTED = ("`in`", "`notIn`")
Located = tuple[Path, Finding]
"""A finding, and the path of the value it is about."""


def validator(schema: Schema) -> Draft202012Validator:
    """The checker for `validate`; making one takes far longer than using it."""
    return Draft202012Validator(schema)


def validate(tree: Tree, against: Draft202012Validator) -> list[Located]:
    """Everything in the tree that the schema does not allow, each reported once."""
    located: dict[tuple[Path, str], Located] = {}
    for error in against.iter_errors(tree.value):
        for leaf in _leaves(error):
            for path, code, message, at_key in _explain(leaf, tree):
                finding = tree.finding(path, code, message, at_key=at_key)
                # Each value gets one finding, and an enumeration says more than a type or length.
                key = (path, message if at_key else "")
                if key not in located or leaf.validator == "enum":
                    located[key] = (path, finding)
    return list(located.values())


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The errors of the branch the author probably meant: the one of the same type."""
    if error.validator != "anyOf":
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [branch for branch in branches.values() if not any(map(_is_of_other_type, branch))]
    fitting.sort(key=lambda branch: not any(map(_is_near, branch)))
    for inner in (fitting or list(branches.values()))[0]:
        yield from _leaves(inner)


def _is_near(error: ValidationError) -> bool:
    """Whether a mapping has a key of this branch, or one that authors write instead."""
    if error.path or not isinstance(error.instance, dict):
        return False
    schema: Any = error.schema
    known = schema.get("properties", ())
    return any(key in known or _KEYS_MEANT.get(key.lower()) in known for key in error.instance)


def _is_of_other_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.path


def _explain(error: ValidationError, tree: Tree) -> Iterator[tuple[Path, str, str, bool]]:
    """(path, code, message, whether it is about the key) of everything one error reports."""
    path: Path = tuple(error.absolute_path)
    schema: Any = error.schema
    limit: Any = error.validator_value
    value: Any = error.instance
    match error.validator:
        case "additionalProperties":
            for key in sorted(value.keys() - schema["properties"].keys()):
                if any(re.search(pattern, key) for pattern in schema.get("patternProperties", ())):
                    continue
                yield (*path, key), *_unknown_key(key, path, schema), True
        case "required":
            for key in sorted(set(limit) - value.keys()):
                # What a file needs follows from its kind.
                place: Path = path or (("kind",) if "kind" in value else path)
                yield (
                    place,
                    "policy_missing",
                    phrase("{path} has no `{key}`", path=_subject(path), key=key),
                    True,
                )
        case "enum" | "const":
            allowed = limit if isinstance(limit, list) else [limit]
            yield path, "policy_value", _not_one_of(value, allowed), False
        case "type" if schema.get("title") == "matchers":
            takes = ", ".join(f"`{name}`" for name in schema["properties"])
            message = phrase(
                "{path} needs a matcher ({takes}), not just {value}",
                path=_subject(path),
                takes=takes,
                value=quoted(value),
            )
            yield path, "policy_type", message, False
        case "type":
            yield path, "policy_type", _of_other_type(value, limit, _subject(path)), False
        case "pattern":
            yield path, "policy_value", _of_other_form(value, limit, path, tree), False
        case bound:
            code, message_of = _BOUNDS[str(bound)]
            yield path, code, message_of(_subject(path), limit, value), False


def _unknown_key(key: str, path: Path, schema: Schema) -> tuple[str, str]:
    word = _KEYS.get(schema.get("title", ""), "key")
    known = list(schema["properties"])
    if word == "matcher" and key in MATCHERS:
        takes = ", ".join(f"`{name}`" for name in known)
        return "policy_type", phrase(
            "fact `{path}` does not take `{key}`; it takes {takes}",
            path=path[-1],
            key=key,
            takes=takes,
        )
    if homes := _homes_of(key, schema["properties"]):
        ways = (f"`{home}: {{{key}: …}}`" for home in homes)
        hint: str = phrase("; write {ways}", ways=joined(phrase(" or "), ways))
    elif (other := _KEYS_MEANT.get(key.lower())) in known:
        hint = meant(other)
    else:
        hint = did_you_mean(key, known)
        if word == "fact" and (count := count_meant(key)):
            hint = meant(count)
    message = phrase("{unknown} {key}{hint}", unknown=_UNKNOWN[word], key=quoted(key), hint=hint)
    return f"policy_unknown_{word}", message


def _homes_of(key: str, properties: Schema) -> list[str]:
    """The sibling keys under which this key may belong."""
    homes = [
        name
        for name, schema in properties.items()
        if any(key in branch.get("properties", ()) for branch in schema.get("anyOf", [schema]))
    ]
    return homes or ["when"] * ("when" in properties and fact_named(key) is not None)


def _of_other_form(text: str, pattern: str, path: Path, tree: Tree) -> str:
    if path[-1:] == ("expires",):
        return phrase(
            "{text} is neither a duration like `2h`, nor a moment like "
            "`2026-01-05T18:00+01:00`, nor `false`",
            text=quoted(text),
        )
    if path[-1:] == ("expire",):
        schedules = tree.at(("schedules",)) if ("schedules",) in tree.places else None
        return misread(text, schedules if isinstance(schedules, dict) else ())
    if path[-1:] == ("deny",) and " " in text:
        return phrase(
            "{text} is not a reason, which is a short word of your own: "
            "`deny: {{reason: not-allowed, text: …}}`",
            text=quoted(text),
        )
    if found := _HOURS.fullmatch(text):
        begin, end = f'ge: "{found[1]}"', f'lt: "{found[2]}"'
        hours = f"`{{{begin}, {end}}}`"
        if found[1] > found[2]:  # Past midnight, which no one time of day is.
            hours = phrase(
                "`any: [{{time: {{{begin}}}}}, {{time: {{{end}}}}}]`, or a schedule",
                begin=begin,
                end=end,
            )
        return phrase("{text} is not a time of day: {hours}", text=quoted(text), hours=hours)
    plain = with_hyphens(text)
    if plain != text and re.search(pattern, plain):
        return phrase(
            "{text} has a dash; write a hyphen: {plain}", text=quoted(text), plain=quoted(plain)
        )
    return phrase("{text} is not {wanted}", text=quoted(text), wanted=WANTED[pattern])


def _not_one_of(value: Any, allowed: list[Any]) -> str:
    words = [one if isinstance(one, str) else json.dumps(one) for one in allowed]
    written = value if isinstance(value, str) else json.dumps(value)
    if written in words and words[1:]:
        return phrase("{value} must not be in quotes", value=quoted(value))
    status = _MEANT.get(written.lower())
    if written.isdecimal() and str(int(written)) in words:
        return phrase(
            "{value} has a leading zero; write `{written}`",
            value=quoted(value),
            written=int(written),
        )
    if not words[1:]:
        return phrase("{value} is not `{word}`", value=quoted(value), word=words[0])
    hint = meant(status) if status in words else did_you_mean(written, words)
    return phrase(
        "{value} is not one of {listed}{hint}",
        value=quoted(value),
        listed=", ".join(f"`{word}`" for word in words),
        hint=hint,
    )


def _of_other_type(value: Any, wanted: str, subject: str) -> str:
    if subject == "`deny`" and isinstance(value, bool):
        return phrase("`deny` takes a reason, a short word of your own: `deny: not-allowed`")
    if subject == "`expire`":
        is_number = isinstance(value, int) and not isinstance(value, bool)
        unit = phrase(
            "{value} needs a unit: `{number}m`, `{number}h` or `{number}d`",
            value=quoted(value),
            number=value,
        )
        return unit if is_number else misread(json.dumps(value))
    if wanted == "string" and isinstance(value, bool | int):
        return phrase(
            '{subject} must be text: put it in quotes, `"{dumps}"`',
            subject=subject,
            dumps=json.dumps(value),
        )
    if wanted == "integer" and isinstance(value, str) and _DIGITS.fullmatch(value):
        is_plain = str(int(value)) == value
        how = (
            phrase(": remove the quotes")
            if is_plain
            else phrase(", with no leading zero: `{value}`", value=int(value))
        )
        return phrase(
            "{subject} must be {types}{how}", subject=subject, types=_TYPES[wanted], how=how
        )
    return phrase(
        "{subject} must be {types}, not {value}{meant}",
        subject=subject,
        types=_TYPES[wanted],
        value=quoted(value),
        meant=_meant(value, wanted, subject),
    )


def _meant(value: Any, wanted: str, subject: str) -> str:
    """What to write instead of a text of another type, where that can be told."""
    if not isinstance(value, str):
        return ""
    if wanted == "array":
        of_a_file = (
            phrase(", or `{{list: {value}}}` for a list in a file", value=value)
            if subject in _LISTED
            else ""
        )
        return phrase("; write `[{value}]`{of_a_file}", value=value, of_a_file=of_a_file)
    if wanted == "integer" and (found := _COMPARED.fullmatch(value)):
        return phrase("; write `{written}`", written=f"{{{_COMPARISONS[found[1]]}: {found[2]}}}")
    return ""


def _subject(path: Path) -> str:
    if not path:
        return phrase("file")
    last = path[-1]
    if isinstance(last, str):
        return f"`{last}`"
    if path[-2] == "rules":
        return phrase("rule")
    return phrase("entry {number} of `{key}`", number=last + 1, key=path[-2])
