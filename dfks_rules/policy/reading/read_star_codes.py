"""The star codes of a domain in a NumberPlan file → what they do."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dfks_rules.errors import Finding
from dfks_rules.model.features import Feature
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.schema_pieces import MAX_LIST, Schema, object_schema
from dfks_rules.policy.site.star_codes import FEATURES, MAX_CODE, StarCode
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.tree import Path, Tree

_CODE = re.compile(rf"[*#][0-9*#]{{1,{MAX_CODE - 1}}}", re.ASCII)
_STATUS: Mapping[object, bool | None] = {0: False, 1: True, "toggle": None}


def star_codes(written: Mapping[str, Mapping[str, Any]]) -> dict[str, StarCode]:
    """Code → what it does.

    Args:
        written: it conforms to the schema.
    """
    return {
        code: StarCode(Feature(said["feature"]), _STATUS[said["status"]])
        for code, said in written.items()
    }


def find_impossible_codes(
    tree: Tree, path: Path, written: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    """Errors that the schema cannot express.

    Args:
        tree: the file.
        path: of the codes in it.
        written: they conform to the schema.
    """
    takers = [code for code, one in star_codes(written).items() if one.takes_target]
    for code in written:
        if not _CODE.fullmatch(code):
            wanted = phrase(
                "`*` or `#` and 1 to {most} digits, `*` or `#`, like `*72`", most=MAX_CODE - 1
            )
            message = phrase(
                "{code} is not a star code: {wanted}", code=quoted(code), wanted=wanted
            )
            yield tree.finding((*path, code), "policy_value", message, at_key=True)
        for taker in takers:
            rest = code.removeprefix(taker) if code.startswith(taker) else ""
            if rest.isdecimal():
                message = phrase(
                    "`{code}` may also be `{taker}` with a target that begins with "
                    "`{rest}`; one of them must be another code",
                    code=code,
                    taker=taker,
                    rest=rest,
                )
                yield tree.finding((*path, code), "policy_inconsistent", message, at_key=True)


def star_codes_schema() -> Schema:
    """The schema of the codes of a domain."""
    code = object_schema(
        "What a code does.",
        ["feature", "status"],
        {
            "feature": {
                "enum": [feature.value for feature in FEATURES],
                "description": "The feature that it switches.",
            },
            "status": {
                "enum": [0, 1, "toggle"],
                "description": "1: on, with the target that follows the code; 0: off; toggle: the "
                "other one.",
            },
        },
    )
    return {
        "type": "object",
        "maxProperties": MAX_LIST,
        "description": "Star code, e.g. `*72` → what it does.",
        "additionalProperties": code,
    }
