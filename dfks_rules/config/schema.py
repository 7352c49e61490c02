"""The schemas of settings: which there are, their defaults, and what a value may be."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from dfks_rules.policy.words.wording import did_you_mean

KeyPath = tuple[str | int, ...]
"""The way from the top of the settings to a value: keys and 0-based positions."""

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")
"""Where the schemas are in an installed wheel, and in a clone."""

_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
}

_COMPLAINTS = {
    "type": "must be {kind}",
    "minimum": "is {shown}; the minimum is {wanted}",
    "maximum": "is {shown}; the maximum is {wanted}",
    "uniqueItems": "contains a duplicate entry",
    "minItems": "is empty",
    "minLength": "is empty",
    "maxItems": "has more than {wanted} entries",
    "maxLength": "is longer than {wanted} characters",
}


_SECRETS = (("http", "secret"), ("trace", "key"))
"""How the ways to settings end whose values are not shown."""


class Leaf(NamedTuple):
    """One setting that takes a value."""

    key: str
    """Dotted, e.g. `mi.http.listen`."""
    way: KeyPath
    """The same as a way."""
    kind: str
    """`array`, `boolean`, `integer` or `string`."""


class Mistake(NamedTuple):
    """One way in which the settings break the schema."""

    way: KeyPath
    """The value, or the unknown key."""
    code: str
    message: str
    at_key: bool
    """Whether the key is wrong rather than its value."""


@functools.cache
def config_schema() -> dict[str, Any]:
    """schemas/config.schema.json as published, read once."""
    return _read("config")


@functools.cache
def profiles_schema() -> dict[str, Any]:
    """schemas/profiles.schema.json, likewise."""
    return _read("profiles")


@functools.cache
def bridge_schema() -> dict[str, Any]:
    """schemas/bridge.schema.json, likewise."""
    return _read("bridge")


def schema_file(name: str) -> Path:
    """Where a published schema is: in a wheel inside the package, in the source tree beside it."""
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    return folder / f"{name}.schema.json"


def _read(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_file(name).read_text("utf-8"))
    return schema


def leaves(schema: dict[str, Any] | None = None, way: KeyPath = ()) -> Iterator[Leaf]:
    """Every setting that takes a value, in the order of the schema."""
    for name, part in (schema or config_schema())["properties"].items():
        kinds = _kinds(part.get("type", "string"))
        if kinds != ["object"]:  # The long form of `store` is a mapping, its short one is not.
            yield Leaf(dotted((*way, name)), (*way, name), kinds[-1])
        if "properties" in part:
            yield from leaves(part, (*way, name))


def fill_defaults(values: dict[str, Any], schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """The values with what was left out; a part without a default stays left out.

    Args:
        values: settings that obey the schema.
        schema: that of the part that `values` is; the whole when None.
    """
    filled: dict[str, Any] = {}
    for name, part in (schema or config_schema())["properties"].items():
        value = values.get(name, part.get("default"))
        if value is not None:
            filled[name] = fill_defaults(value, part) if isinstance(value, dict) else value
    return filled


def find_mistakes(values: object, schema: dict[str, Any] | None = None) -> Iterator[Mistake]:
    """What in the values breaks the schema; codes `config_unknown_key` and `config_bad_value`.

    Args:
        values: a whole file.
        schema: that of the file; the settings' when None.
    """
    for error in jsonschema.Draft202012Validator(schema or config_schema()).iter_errors(values):
        way = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for name in sorted(error.instance.keys() - set(known)):
                message = f"unknown key `{dotted((*way, name))}`{did_you_mean(name, known)}"
                yield Mistake((*way, name), "config_unknown_key", message, at_key=True)
        elif error.validator == "required":
            missing = next(name for name in error.validator_value if name not in error.instance)
            message = f"`{dotted(way)}` needs `{missing}`" if way else f"file needs `{missing}`"
            yield Mistake(way, "config_bad_value", message, at_key=True)
        else:
            message = f"`{dotted(way)}` {_complaint(error)}" if way else "file must be a mapping"
            yield Mistake(way, "config_bad_value", message, at_key=False)


def dotted(way: KeyPath) -> str:
    """`mi.http.listen`, `sip.listen[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in way)
    return "".join(parts).removeprefix(".")


def _complaint(error: Any) -> str:
    """What is wrong with one value, to follow its name."""
    wanted, shown = error.validator_value, f"`{str(error.instance)[:80]}`"
    number_for_text = error.validator == "type" and isinstance(error.instance, int | float)
    if error.validator == "pattern" or (number_for_text and "examples" in error.schema):
        examples = " or ".join(f"`{example}`" for example in error.schema["examples"])
        # The value is not shown where it may be a secret.
        way = tuple(error.absolute_path)
        is_secret = way[-2:] in _SECRETS or (way == ("store",) and "@" in shown)
        seen = "" if is_secret else f"is {shown}; it "
        return f"{seen}must look like {examples}"
    if error.validator == "enum":
        choices = ", ".join(f"`{choice}`" for choice in wanted)
        return f"is {shown}; it must be one of {choices}"
    sentence = _COMPLAINTS[error.validator]
    if error.validator == "type":
        return sentence.format(kind=" or ".join(_KINDS[kind] for kind in _kinds(wanted)))
    return sentence.format(shown=shown, wanted=wanted)


def _kinds(wanted: str | list[str]) -> list[str]:
    """What a value may be; of text and a list, the list is last."""
    return [wanted] if isinstance(wanted, str) else wanted
